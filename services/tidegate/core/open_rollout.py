"""A rollout that has not ended, with the actions that its controller has not processed."""

from dataclasses import dataclass

from tidegate.core.rollout import Action, ActionKind, PauseKind, Progress, Rollout
from tidegate.core.strategy import Kind

_TOWARD_STABLE = frozenset({ActionKind.ABORT, ActionKind.REJECT, ActionKind.SUPERSEDE})


@dataclass(frozen=True, slots=True)
class OpenRollout:
    """See the module. pending: those actions, oldest first."""

    rollout: Rollout
    progress: Progress
    pending: tuple[Action, ...] = ()

    @property
    def override(self) -> bool:
        """Whether a person sets its percent, also by an override that is still pending."""
        if self.rollout.strategy.kind is Kind.MANUAL:
            return True
        taken = self.progress.override is not None
        for action in self.pending:
            if action.kind is ActionKind.OVERRIDE:
                taken = True
            if action.kind is ActionKind.RESUME:
                taken = False
        return taken

    @property
    def leaving(self) -> str:
        """Reason why it is ending, also by an action that is still pending; '' while it is open."""
        if self.progress.ending is not None:
            return f"{self.progress.ending}: {self.progress.ending_message}"
        for action in self.pending:
            if action.kind in _TOWARD_STABLE:
                return f"{action.kind} by {action.author}"
        return ""

    @property
    def paused(self) -> bool:
        """Whether a person paused it."""
        pause = self.progress.pause
        return pause is not None and pause.kind is PauseKind.PAUSED

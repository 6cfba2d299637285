"""A rollout that has not ended, with the actions that its controller has not processed."""

from dataclasses import dataclass

from tidegate.core.rollout import HoldKind, Progress, Rollout, Wish, WishKind
from tidegate.core.strategy import Kind

_TOWARD_STABLE = frozenset({WishKind.ABORT, WishKind.REJECT, WishKind.SUPERSEDE})


@dataclass(frozen=True, slots=True)
class OpenRollout:
    """See the module. pending: those actions, oldest first."""

    rollout: Rollout
    progress: Progress
    pending: tuple[Wish, ...] = ()

    @property
    def by_hand(self) -> bool:
        """Whether a person sets its percent, also by a takeover that is still pending."""
        if self.rollout.strategy.kind is Kind.MANUAL:
            return True
        taken = self.progress.takeover is not None
        for action in self.pending:
            if action.kind is WishKind.TAKEOVER:
                taken = True
            if action.kind is WishKind.RESUME:
                taken = False
        return taken

    @property
    def leaving(self) -> str:
        """Reason why it is ending, also by an action that is still pending; '' while it is open."""
        if self.progress.ending is not None:
            return f"{self.progress.ending}: {self.progress.ending_why}"
        for action in self.pending:
            if action.kind in _TOWARD_STABLE:
                return f"{action.kind} by {action.author}"
        return ""

    @property
    def paused(self) -> bool:
        """Whether a person paused it."""
        hold = self.progress.hold
        return hold is not None and hold.kind is HoldKind.PAUSED

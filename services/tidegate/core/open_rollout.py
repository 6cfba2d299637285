"""A rollout that has not ended, with the actions that its controller has not processed."""

from dataclasses import dataclass

from tidegate.core.phases import step_to_answer
from tidegate.core.rollout import (
    Action,
    ActionKind,
    Outcome,
    PauseKind,
    Progress,
    Rollout,
    StepAnswer,
)
from tidegate.core.strategy import Kind

TOWARD_STABLE = frozenset(
    {ActionKind.ABORT, ActionKind.UNDO, ActionKind.REJECT, ActionKind.SUPERSEDE}
)

_ANSWERS = (ActionKind.APPROVE, ActionKind.PROMOTE)


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
        ending = self.progress.end.toward
        if self.going_back or ending is None:
            return self.going_back
        return f"{ending}: {self.progress.end.message}"

    @property
    def going_back(self) -> str:
        """Reason why it goes back to stable, also by an action that is still pending; '' while it
        does not."""
        ending = self.progress.end.toward
        if ending not in (None, Outcome.PROMOTED):
            return f"{ending}: {self.progress.end.message}"
        for action in self.pending:
            if action.kind in TOWARD_STABLE:
                return f"{action.kind} by {action.author}"
        return ""

    def answer(self, step: int) -> StepAnswer | None:
        """Who answered a step, by its number from 1, also by an action that is still pending; None
        where nobody did, or a pause called the promotion off."""
        answer = next((each for each in self.progress.answers if each.step == step), None)
        if step != step_to_answer(self.rollout, self.progress):
            return answer
        approver = self.progress.step.approved_by
        if answer is None and approver:  # stored before answers were
            answer = StepAnswer(step, ActionKind.APPROVE, approver)
        for action in self.pending:
            if action.kind in _ANSWERS and answer is None:
                answer = StepAnswer(step, action.kind, action.author, action.at)
            called_off = answer is not None and answer.kind is ActionKind.PROMOTE
            if action.kind is ActionKind.PAUSE and called_off:
                answer = None
        return answer

    @property
    def promotion(self) -> Action | None:
        """The promotion that is still pending; None where there is none, or a later pause calls it
        off."""
        promotion = None
        for action in self.pending:
            if action.kind is ActionKind.PROMOTE:
                promotion = action
            if action.kind is ActionKind.PAUSE:
                promotion = None
        return promotion

    @property
    def paused(self) -> bool:
        """Whether a person paused it."""
        pause = self.progress.pause
        return pause is not None and pause.kind is PauseKind.PAUSED

    @property
    def rests(self) -> str:
        """Who paused or overrode it, also by an action that is still pending; '' while nothing
        waits for a resume."""
        cause = ""
        if self.progress.override is not None:
            cause = f"overridden by {self.progress.override}"
        if self.progress.pause is not None:
            cause = f"paused by {self.progress.pause.author}"
        for action in self.pending:
            if action.kind is ActionKind.PAUSE:
                cause = f"paused by {action.author}"
            if action.kind is ActionKind.OVERRIDE:
                cause = f"overridden by {action.author}"
            if action.kind in (ActionKind.RESUME, ActionKind.PROMOTE):
                cause = ""
        return cause

    def stable_after(self, stable: int) -> int:
        """The revision that is stable once this rollout has gone back. stable: of the present
        intent. An undo that another rollout supersedes stays where it leads by now, and one whose
        base is not stable any more leads back nowhere."""
        stays = self.superseded and self.rollout.strategy.urgent
        if stays or stable not in (self.rollout.base, self.rollout.candidate):
            return stable
        return self.rollout.base

    @property
    def superseded(self) -> bool:
        """Whether it ends because another rollout supersedes it, also by a pending action."""
        if self.progress.end.toward not in (None, Outcome.PROMOTED):
            return self.progress.end.toward is Outcome.SUPERSEDED
        endings = (action.kind for action in self.pending if action.kind in TOWARD_STABLE)
        return next(endings, None) is ActionKind.SUPERSEDE

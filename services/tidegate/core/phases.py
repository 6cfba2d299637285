"""The phase of a rollout: computed, never stored."""

from tidegate.core.rollout import STARTING, Outcome, PauseKind, Phase, Progress, Rollout
from tidegate.core.strategy import Kind, Step, Until

_ENDING = {
    Outcome.PROMOTED: Phase.PROMOTING,
    Outcome.ABORTED: Phase.ABORTING,
    Outcome.KEPT_STABLE: Phase.ABORTING,
    Outcome.SUPERSEDED: Phase.ABORTING,
}
_ENDED = {
    Outcome.PROMOTED: Phase.PROMOTED,
    Outcome.ABORTED: Phase.ABORTED,
    Outcome.KEPT_STABLE: Phase.KEPT_STABLE,
    Outcome.SUPERSEDED: Phase.SUPERSEDED,
}


def current_step(rollout: Rollout, progress: Progress) -> Step | None:
    """The step that a rollout is in; None before the first and after the last."""
    steps = rollout.strategy.steps
    if 0 <= progress.step.index < len(steps):
        return steps[progress.step.index]
    return None


def waits_for_person(rollout: Rollout, progress: Progress) -> bool:
    """Whether a person's word is what this rollout needs next: then promoting is that word, and
    overrides nobody."""
    if rollout.strategy.kind is Kind.MANUAL or progress.override is not None:
        return True
    step = current_step(rollout, progress)
    if step is None:
        return False
    return step.until is Until.APPROVAL or waits_for_acceptance(progress)


def waits_for_acceptance(progress: Progress) -> bool:
    """Whether a time box is over and an approver may accept the stated bound."""
    return progress.pause is not None and progress.pause.kind is PauseKind.TIME_BOX


def step_to_answer(rollout: Rollout, progress: Progress) -> int | None:
    """The number, from 1, of the step that a person's word ends; None where none waits for one."""
    if progress.override is not None:
        return None
    step = current_step(rollout, progress)
    if step is None:
        return None
    if step.until is not Until.APPROVAL and not waits_for_acceptance(progress):
        return None
    return progress.step.index + 1


def phase(rollout: Rollout, progress: Progress, outcome: Outcome | None = None) -> Phase:
    """A rollout in one word. outcome: as stored, where that is newer than its progress."""
    ended = outcome or progress.outcome
    if ended is not None:
        return _ENDED[ended]
    if progress.end.toward is not None:
        return _ENDING[progress.end.toward]
    if progress.pause is not None:
        return Phase.PAUSED
    if progress.step.index == STARTING:
        return Phase.STARTING
    if waits_for_person(rollout, progress):
        return Phase.WAITING
    return Phase.PROGRESSING

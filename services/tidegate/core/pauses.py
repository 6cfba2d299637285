"""Pauses of the rollout controller's own: why a rollout stops rising without a failure."""

from dataclasses import replace

from tidegate.core import consequences
from tidegate.core.evidence import MetricKind, MetricVerdict
from tidegate.core.findings import Finding
from tidegate.core.on_fail import OnFail
from tidegate.core.rollout import Decision, Note, Pause, PauseKind, Progress, Rollout, WaitsFor
from tidegate.core.turn import Turn


def pause(turn: Turn, kind: PauseKind, message: str) -> Decision:
    """Stop rising until a person resumes, or the pause's own deadline."""
    own = Pause(kind, turn.author, message)
    decision = turn.having(pause=own).waiting(WaitsFor.PAUSE, message)
    return replace(decision, notes=(Note(turn.author, "pause", message),))


def too_small(rollout: Rollout, progress: Progress) -> str | None:
    """That the candidate turns requests away for want of capacity more often than stable, in a line
    for people; None where that is not shown."""
    for each in consequences.acts(rollout, progress, OnFail.PAUSE):
        if isinstance(each, MetricVerdict) and _of_size(each):
            counts = each.rollout
            return (
                f"r{rollout.candidate} is too small: it answered {counts.candidate.bad} of "
                f"{counts.candidate.n} requests with 429 or RESOURCE_EXHAUSTED, stable "
                f"{counts.stable.bad} of {counts.stable.n}; give it more replicas, then resume"
            )
    return None


def failing(rollout: Rollout, progress: Progress) -> str | None:
    """The metrics that failed and whose plan says pause, in a line for people; None where there is
    none."""
    messages = [
        each.message
        for each in consequences.acts(rollout, progress, OnFail.PAUSE)
        if not _of_size(each)
    ]
    return "; ".join(messages) or None


def _of_size(failure: MetricVerdict | Finding) -> bool:
    """Whether more replicas may mend it."""
    return isinstance(failure, MetricVerdict) and failure.metric.kind is MetricKind.SATURATION

"""Pauses of the rollout controller's own: why a rollout stops rising without a failure."""

from dataclasses import replace

from tidegate.core.evidence import MetricKind, Verdict
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
    for each in progress.analysis.verdicts:
        if each.metric.kind is MetricKind.SATURATION and each.verdict is Verdict.FAIL:
            counts = each.rollout
            return (
                f"r{rollout.candidate} is too small: it answered {counts.candidate.bad} of "
                f"{counts.candidate.n} requests with 429 or RESOURCE_EXHAUSTED, stable "
                f"{counts.stable.bad} of {counts.stable.n}; give it more replicas, then resume"
            )
    return None


def slower(rollout: Rollout, progress: Progress) -> str | None:
    """That the candidate answers more slowly than stable, in a line for people; None where that is
    not shown, or where it aborts."""
    for each in progress.analysis.verdicts:
        metric = each.metric
        paused_by = metric.kind is MetricKind.LATENCY and metric.pauses
        if paused_by and each.verdict is Verdict.FAIL:
            return (
                f"r{rollout.candidate} answers more slowly than stable: {each.message}; "
                "abort, or resume to accept it"
            )
    return None

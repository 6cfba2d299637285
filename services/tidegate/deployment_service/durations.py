"""About how long a plan takes, and what of it is left. Pure: no store, no clock."""

from collections.abc import Sequence

from tidegate.core.evidence import MetricVerdict, Verdict
from tidegate.core.rollout import Progress
from tidegate.core.strategy import Until
from tidegate.schemas import responses as out


def seconds_left(progress: Progress, plan: Sequence[out.StepOut]) -> float | None:
    """About how long until the steps are done: what the present one lacks, and all of those ahead;
    None where that is unknown, or a person's word is needed."""
    left = [
        _present(progress, step) if step.state is out.StepState.CURRENT else step.expected_seconds
        for step in plan
    ]
    todo = [
        seconds
        for seconds, step in zip(left, plan, strict=True)
        if step.state is not out.StepState.DONE
    ]
    if progress.pause or progress.override or progress.end.toward:
        return None
    return total(todo)


def _present(progress: Progress, step: out.StepOut) -> float | None:
    """What a step that has begun still needs: the rest of its bake, and of the answers that it asks
    for."""
    baking = max(step.bake_seconds - progress.step.baked, 0.0)
    match step.until:
        case Until.APPROVAL:
            return None
        case Until.PASS:
            needs = [
                each.seconds_more
                for each in progress.analysis.verdicts
                if each.metric.waited_for and each.verdict is not Verdict.PASS
            ]
        case Until.NO_FAIL:
            needs = [
                _min_requests_seconds(each)
                for each in progress.analysis.verdicts
                if each.min_requests_more
            ]
    known = [seconds for seconds in needs if seconds is not None]
    if len(known) == len(needs):
        return max(baking, *known, 0.0)
    begun = not baking or any(each.step.candidate.n for each in progress.analysis.verdicts)
    if begun:
        return None
    return step.expected_seconds


def _min_requests_seconds(value: MetricVerdict) -> float | None:
    """Until the metric's `min_requests`, at the rate of the step so far."""
    answered = value.step.candidate.n
    if not answered:
        return None
    return value.min_requests_more * value.step.seconds / answered


def total(seconds: Sequence[float | None]) -> float | None:
    """Their sum; None where one of them, or all, are unknown."""
    known = [each for each in seconds if each is not None]
    if known and len(known) == len(seconds):
        return sum(known)
    return None

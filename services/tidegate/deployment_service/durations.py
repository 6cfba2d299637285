"""About how long a plan takes, and what of it is left. Pure: no store, no clock."""

from collections.abc import Sequence

from tidegate.core.evidence import Metric, MetricKind, MetricVerdict, Verdict, expected_seconds
from tidegate.core.load import Rates, expected_base
from tidegate.core.rollout import Progress
from tidegate.core.strategy import Step, Strategy, Until
from tidegate.schemas import responses as out

ASSUMED = 0.005  # share of slow answers at the threshold that a plan names


def step_seconds(plan: Strategy, step: Step, rates: Rates) -> float | None:
    """About how long a step lasts; None: it waits for a person, the rate or what a pass depends on
    is unknown, or it would never end. What people's own metrics take comes on top: nobody counts
    their units before a rollout."""
    rate = rates.requests_per_second
    percent = step.candidate_traffic.percent or step.candidate_traffic.mirror
    if rate is None or step.until is Until.APPROVAL or step.candidate_traffic.match:
        return None
    needs_pass = step.until is Until.PASS
    base = expected_base(rates.error_rate)
    if needs_pass and base is None:
        return None
    times = [
        expected_seconds(
            metric,
            rate,
            percent,
            plan.alpha,
            needs_pass=needs_pass,
            base_rate=_base(metric, base),
            noise_window=plan.noise_window,
        )
        for metric in plan.metrics
        if metric.waited_for and metric.own is None
    ]
    known = [seconds for seconds in times if seconds is not None]
    if known and len(known) == len(times):
        return max(step.bake, *known)
    return None


def _base(metric: Metric, errors: float | None) -> float:
    """Stable's share of bad answers by this metric, as a forecast assumes it. errors: measured, of
    errors; of other metrics it is not measured outside of a rollout."""
    if metric.kind is MetricKind.ERRORS and errors is not None:
        return errors
    return ASSUMED


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

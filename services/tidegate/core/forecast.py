"""About how long a step takes, at measured rates only: what was not measured makes it unknown."""

from tidegate.core.analysis import Metric, MetricKind, expected_seconds
from tidegate.core.load import Rates, expected_base
from tidegate.core.strategy import Step, Strategy, Until


def step_seconds(plan: Strategy, step: Step, rates: Rates) -> float | None:
    """About how long a step lasts. None: it waits for a person, the rate or what a pass depends on
    was not measured, or it would never end."""
    if step.until is Until.APPROVAL or step.candidate_traffic.match:
        return None
    times = [
        _metric_seconds(metric, plan, step, rates) for metric in plan.metrics if metric.waited_for
    ]
    known = [seconds for seconds in times if seconds is not None]
    if known and len(known) == len(times):
        return max(step.bake, *known)
    return None


def _metric_seconds(metric: Metric, plan: Strategy, step: Step, rates: Rates) -> float | None:
    """About how long until a metric lets the step end."""
    rate = rates.requests_per_second
    needs_pass = step.until is Until.PASS
    base = _base(metric, rates)
    if rate is None or (needs_pass and base is None):
        return None
    return expected_seconds(
        metric,
        rate,
        step.candidate_traffic.percent or step.candidate_traffic.mirror,
        plan.alpha,
        needs_pass=needs_pass,
        base_rate=base or 0.0,  # without a pass nothing depends on it
        noise_window=plan.noise_window,
    )


def _base(metric: Metric, rates: Rates) -> float | None:
    """Stable's share of bad answers by this metric. Slow answers are measured in a rollout only."""
    if metric.kind is MetricKind.ERRORS:
        return expected_base(rates.error_rate)
    return None

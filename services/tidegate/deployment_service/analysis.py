"""From a plan to the analysis that an answer shows: the same fields as in the request that made it.
Pure."""

from tidegate.core.analysis import Metric, MetricKind
from tidegate.core.strategy import Strategy
from tidegate.deployment_service import own_metrics
from tidegate.schemas.requests.analysis import (
    AnalysisIn,
    ExperimentIn,
    LatencyIn,
    MetricIn,
    MetricsIn,
    NoReadyPodsIn,
    OomKillsIn,
    RejectionsIn,
    RestartsIn,
    SaturationIn,
)


def answered(plan: Strategy) -> AnalysisIn:
    """Return how a plan judges its candidate. A plan without metrics of requests, such as an undo,
    shows defaults."""
    by_kind = {metric.kind: metric for metric in plan.metrics}
    errors = by_kind.get(MetricKind.ERRORS)
    limits = plan.limits
    metrics = MetricsIn(
        errors=MetricIn() if errors is None else _errors(errors),
        rejections=_rejections(by_kind.get(MetricKind.REJECTIONS)),
        latency=_latency(by_kind.get(MetricKind.LATENCY)),
        saturation=_saturation(by_kind.get(MetricKind.SATURATION)),
        restarts=RestartsIn(allowed=limits.restarts, on_fail=limits.restarts_on_fail),
        oom_kills=OomKillsIn(allowed=limits.oom_kills, on_fail=limits.oom_kills_on_fail),
        no_ready_pods=NoReadyPodsIn(
            allowed_seconds=limits.no_ready_pods, on_fail=limits.no_ready_pods_on_fail
        ),
        experiment=_experiment(by_kind.get(MetricKind.EXPERIMENT)),
        own=own_metrics.answered(plan.metrics),
    )
    return AnalysisIn(alpha=plan.alpha, noise_window_seconds=plan.noise_window, metrics=metrics)


def _errors(metric: Metric) -> MetricIn:
    return MetricIn(
        fail_margin=metric.fail_margin,
        pass_margin=metric.pass_margin,
        objective=metric.objective,
        min_requests=metric.min_requests,
        on_fail=metric.consequence,
    )


def _rejections(metric: Metric | None) -> RejectionsIn:
    if metric is None:
        return RejectionsIn()
    return RejectionsIn(fail_margin=metric.fail_margin, on_fail=metric.consequence)


def _saturation(metric: Metric | None) -> SaturationIn:
    if metric is None:
        return SaturationIn()
    return SaturationIn(on_fail=metric.consequence)


def _latency(metric: Metric | None) -> LatencyIn | None:
    if metric is None:
        return None
    return LatencyIn(
        **_errors(metric).model_dump(),
        latency_threshold_ms=metric.latency_threshold_ms,
    )


def _experiment(metric: Metric | None) -> ExperimentIn | None:
    if metric is None:
        return None
    return ExperimentIn(
        fail_margin=metric.fail_margin,
        pass_margin=metric.pass_margin,
        min_requests=metric.min_requests,
        on_fail=metric.consequence,
    )

"""From a plan to the analysis that an answer shows: the same fields as in the request that made it.
Pure."""

from tidegate.core.analysis import Metric, MetricKind
from tidegate.core.strategy import Strategy
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
)


def answered(plan: Strategy) -> AnalysisIn:
    """Return how a plan judges its candidate. A plan without metrics of requests, such as an undo,
    shows defaults."""
    by_kind = {metric.kind: metric for metric in plan.metrics}
    errors = by_kind.get(MetricKind.ERRORS)
    metrics = MetricsIn(
        errors=MetricIn() if errors is None else _errors(errors),
        rejections=_rejections(by_kind.get(MetricKind.REJECTIONS)),
        latency=_latency(by_kind.get(MetricKind.LATENCY)),
        restarts=RestartsIn(allowed=plan.limits.restarts),
        oom_kills=OomKillsIn(allowed=plan.limits.oom_kills),
        no_ready_pods=NoReadyPodsIn(allowed_seconds=plan.limits.no_ready_pods),
        experiment=_experiment(by_kind.get(MetricKind.EXPERIMENT)),
    )
    return AnalysisIn(alpha=plan.alpha, noise_window_seconds=plan.noise_window, metrics=metrics)


def _errors(metric: Metric) -> MetricIn:
    return MetricIn(
        fail_margin=metric.fail_margin,
        pass_margin=metric.pass_margin,
        objective=metric.objective,
        min_requests=metric.min_requests,
    )


def _rejections(metric: Metric | None) -> RejectionsIn:
    if metric is None:
        return RejectionsIn()
    return RejectionsIn(fail_margin=metric.fail_margin)


def _latency(metric: Metric | None) -> LatencyIn | None:
    if metric is None:
        return None
    return LatencyIn(
        **_errors(metric).model_dump(),
        latency_threshold_ms=metric.latency_threshold_ms,
        on_fail=metric.on_fail,
    )


def _experiment(metric: Metric | None) -> ExperimentIn | None:
    if metric is None:
        return None
    return ExperimentIn(
        fail_margin=metric.fail_margin,
        pass_margin=metric.pass_margin,
        min_requests=metric.min_requests,
    )

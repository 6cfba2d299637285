"""The metrics of a rollout as answered: those about requests, and those about pods."""

from tidegate.core.evalues import Arm
from tidegate.core.evidence import MetricKind, MetricVerdict
from tidegate.core.findings import Finding
from tidegate.core.own.readings import Mean
from tidegate.core.rollout import Progress
from tidegate.deployment_service import series
from tidegate.schemas import responses as out

CANNOT_PASS = {"log10_e_pass": None, "log10_threshold_pass": None, "pass_margin": None}


def of(progress: Progress, alpha: float) -> list[out.VerdictOut]:
    """Every metric: those about requests, then those about pods. alpha: of the plan."""
    requests = exposed(progress).n
    return [
        *(_verdict(each, alpha, requests) for each in progress.analysis.verdicts),
        *(_finding(each) for each in progress.pods.findings),
    ]


def exposed(progress: Progress) -> Arm:
    """What the candidate answered over the whole rollout, with the errors among it."""
    errors = (v for v in progress.analysis.verdicts if v.metric.kind is MetricKind.ERRORS)
    return next((verdict.rollout.candidate for verdict in errors), Arm())


def _finding(value: Finding) -> out.VerdictOut:
    """A count against an allowance, as answered."""
    return out.VerdictOut(
        metric=out.MetricName(value.kind),
        verdict=value.verdict,
        message=value.message,
        candidate_requests=0,
        candidate_bad=round(value.candidate),
        stable_requests=0,
        stable_bad=round(value.stable),
        requests_more=None,
        seconds_more=None,
        allowed=value.allowed,
        on_fail=value.on_fail,
    )


def _verdict(value: MetricVerdict, alpha: float, requests: int) -> out.VerdictOut:
    """A verdict as answered, with the counts over the rollout."""
    counts = value.rollout
    return out.VerdictOut(
        metric=value.metric.label,
        verdict=value.verdict,
        message=value.message,
        candidate_requests=counts.candidate.n,
        candidate_bad=counts.candidate.bad,
        stable_requests=counts.stable.n,
        stable_bad=counts.stable.bad,
        requests_more=value.requests_more,
        seconds_more=value.seconds_more,
        on_fail=value.consequence,
        evidence=_evidence(value, alpha, requests),
        mean=_mean(value.mean),
    )


def _mean(value: Mean | None) -> out.MeanOut | None:
    if value is None:
        return None
    return out.MeanOut(
        candidate=value.candidate,
        stable=value.stable,
        objective=value.objective,
        max=value.most,
    )


def _evidence(value: MetricVerdict, alpha: float, requests: int) -> out.EvidenceOut:
    """The numbers of a metric of requests. requests: what the candidate answered altogether."""
    metric = value.metric
    step = value.step
    low, high = series.interval(step, alpha)
    numbers = out.EvidenceOut(
        log10_e_fail=series.log10(value.log_e_fail),
        log10_threshold_fail=series.log10(value.threshold_fail),
        log10_e_pass=series.log10(value.log_e_pass),
        log10_threshold_pass=series.log10(value.threshold_pass),
        fail_margin=metric.fail_margin,
        pass_margin=metric.pass_margin,
        objective=metric.objective,
        min_requests=metric.min_requests,
        min_requests_more=value.min_requests_more,
        step_candidate_requests=step.candidate.n,
        step_candidate_bad=step.candidate.bad,
        step_stable_requests=step.stable.n,
        step_stable_bad=step.stable.bad,
        difference_low=low,
        difference_high=high,
        exposed_requests=requests,
    )
    if metric.can_pass:
        return numbers
    return numbers.model_copy(update=CANNOT_PASS)

"""The metrics of a rollout as answered: those about requests, and those about pods."""

from tidegate.core.evidence import MetricVerdict
from tidegate.core.findings import Finding
from tidegate.core.rollout import Progress
from tidegate.schemas import responses as out


def of(progress: Progress) -> list[out.VerdictOut]:
    """Every metric: those about requests, then those about pods."""
    return [
        *(_verdict(each) for each in progress.analysis.verdicts),
        *(_finding(each) for each in progress.pods.findings),
    ]


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
    )


def _verdict(value: MetricVerdict) -> out.VerdictOut:
    """A verdict as answered, with the counts over the rollout."""
    counts = value.rollout
    return out.VerdictOut(
        metric=out.MetricName(value.metric.kind),
        verdict=value.verdict,
        message=value.message,
        candidate_requests=counts.candidate.n,
        candidate_bad=counts.candidate.bad,
        stable_requests=counts.stable.n,
        stable_bad=counts.stable.bad,
        requests_more=value.requests_more,
        seconds_more=value.seconds_more,
    )

"""Which metrics failed, and what follows from that. Pure.

In trial nothing follows: it is only noted what would have (`trial`). But for a user's own
experiment, whose verdict is what its rollout is for.
"""

from tidegate.core.evidence import MetricKind, MetricVerdict, Verdict
from tidegate.core.findings import Finding
from tidegate.core.on_fail import OnFail
from tidegate.core.rollout import Progress, Rollout


def failed(progress: Progress, on_fail: OnFail) -> tuple[MetricVerdict | Finding, ...]:
    """The metrics that failed and of which the plan says so, those of requests first."""
    requests = tuple(
        each
        for each in progress.analysis.verdicts
        if each.verdict is Verdict.FAIL and each.consequence is on_fail
    )
    pods = tuple(
        each
        for each in progress.pods.findings
        if each.verdict is Verdict.FAIL and each.on_fail is on_fail
    )
    return (*requests, *pods)


def acts(
    rollout: Rollout, progress: Progress, on_fail: OnFail
) -> tuple[MetricVerdict | Finding, ...]:
    """Those of them that something follows from."""
    every = failed(progress, on_fail)
    if not rollout.trial:
        return every
    return tuple(each for each in every if is_experiment(each))


def is_experiment(failure: MetricVerdict | Finding) -> bool:
    """Whether it is of a user's own experiment."""
    return isinstance(failure, MetricVerdict) and failure.metric.kind is MetricKind.EXPERIMENT


def holds(rollout: Rollout, finding: Finding) -> bool:
    """Whether a step waits because of a metric of pods: not where nothing follows from it."""
    if finding.verdict is Verdict.PASS or finding.on_fail is OnFail.NOTIFY:
        return False
    return finding.verdict is Verdict.UNDECIDED or not rollout.trial


def name(failure: MetricVerdict | Finding) -> str:
    """The name of a metric that failed."""
    if isinstance(failure, Finding):
        return failure.kind.value
    return failure.metric.label

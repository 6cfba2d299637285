"""Samples of a rollout: what was desired, routed and measured, and how each metric stood. Kept for
charts and reports; nothing decides by them. Pure."""

from dataclasses import dataclass, replace

from tidegate.core.evalues import Block
from tidegate.core.evidence import MetricVerdict, Verdict
from tidegate.core.findings import Finding
from tidegate.core.intent import Intent
from tidegate.core.observation import Observation
from tidegate.core.own.readings import Mean
from tidegate.core.rollout import Progress, Rollout
from tidegate.core.thinning import Place, due
from tidegate.core.traffic import Traffic, desired


@dataclass(frozen=True, slots=True)
class MetricSample:
    """How one metric of requests stood. step, rollout: counts of the step and of the whole rollout.
    log_e_*, threshold_*: natural logarithms, as in `MetricVerdict`; mean, too."""

    metric: str
    verdict: Verdict
    step: Block
    rollout: Block
    log_e_fail: float
    log_e_pass: float
    threshold_fail: float
    threshold_pass: float
    mean: Mean | None = None


@dataclass(frozen=True, slots=True)
class PodSample:
    """How one metric of pods stood: counts, or seconds, against what is allowed."""

    metric: str
    verdict: Verdict
    candidate: float
    stable: float
    allowed: float


@dataclass(frozen=True, slots=True)
class CandidateShare:
    """What a traffic gives the candidate, in percent: of the requests without a match, and as
    copies. matched: whether requests with certain headers are all its own."""

    percent: int
    mirror: int = 0
    matched: bool = False


@dataclass(frozen=True, slots=True)
class RolloutSample:
    """One sample. at: epoch seconds by the database's clock. place: in the series. step: from one,
    0 while the candidate starts. desired, routed: None where nothing should serve, or there is no
    route. split: what was counted since the split settled, for the measured share."""

    at: float
    place: Place
    step: int
    desired: CandidateShare | None
    routed: CandidateShare | None
    split: Block
    metrics: tuple[MetricSample, ...]
    pods: tuple[PodSample, ...]


def sampled(
    rollout: Rollout,
    progress: Progress,
    intent: Intent,
    observation: Observation,
    now: float,
    interval: float,
) -> tuple[Progress, RolloutSample | None]:
    """The progress with its series one pass further, and the sample that is to be kept, if any.
    intent: after the decision. interval: between two passes, seconds."""
    target = _share(desired(intent), rollout.candidate)
    routed = _share(observation.traffic, rollout.candidate)
    thinning, place = due(progress.thinning, now, _content(progress, target, routed), interval)
    progress = replace(progress, thinning=thinning)
    if place is None:
        return progress, None
    sample = RolloutSample(
        now,
        place,
        progress.step.index + 1,
        target,
        routed,
        progress.analysis.evidence.split,
        tuple(_metric(verdict) for verdict in progress.analysis.verdicts),
        tuple(_pods(finding) for finding in progress.pods.findings),
    )
    return progress, sample


def _share(traffic: Traffic | None, candidate: int) -> CandidateShare | None:
    if traffic is None:
        return None
    matched = any(rule.match and rule.percent(candidate) for rule in traffic.rules)
    return CandidateShare(traffic.percent(candidate), traffic.mirrored(candidate), matched)


def _content(
    progress: Progress, target: CandidateShare | None, routed: CandidateShare | None
) -> tuple[str, ...]:
    """What makes a sample worth keeping when it differs from the last."""
    verdicts = [f"{each.metric.label} {each.verdict}" for each in progress.analysis.verdicts]
    findings = [f"{each.kind} {each.verdict}" for each in progress.pods.findings]
    kind = ""
    if progress.pause is not None:
        kind = progress.pause.kind
    return (
        f"step {progress.step.index + 1}",
        f"desired {target}",
        f"routed {routed}",
        f"pause {kind}",
        f"end {progress.end.toward} {progress.outcome}",
        *verdicts,
        *findings,
    )


def _metric(verdict: MetricVerdict) -> MetricSample:
    return MetricSample(
        verdict.metric.label,
        verdict.verdict,
        verdict.step,
        verdict.rollout,
        verdict.log_e_fail,
        verdict.log_e_pass,
        verdict.threshold_fail,
        verdict.threshold_pass,
        verdict.mean,
    )


def _pods(finding: Finding) -> PodSample:
    return PodSample(
        finding.kind.value, finding.verdict, finding.candidate, finding.stable, finding.allowed
    )

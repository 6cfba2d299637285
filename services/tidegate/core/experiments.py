"""The user's own experiment with an A/B, as evidence: which counts become a block, and which are
refused.

Tidegate splits the requests; only the user knows which of them led to what was hoped for. So the
user sends, for each revision and interval, how many units there were and how many of them
succeeded. Both revisions over the same interval are one block of the metric `experiment`, whose bad
units are those without success, so that the same tests judge it: `fail` says that the candidate
succeeds less often, `pass` that it does not by more than the margin.

An interval lies within the step, after its split settled: counts from before compare other things.
Intervals of one rollout are equal or apart, so that no unit counts twice. Each block is judged
once: `Progress.sample` is the cursor, stored with the evidence that it led to.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tidegate.core.errors import Problem, Remediation
from tidegate.core.evalues import Arm, Block
from tidegate.core.evidence import Evidence, MetricKind
from tidegate.core.rollout import STARTING, Progress, Rollout
from tidegate.core.strategy import Kind, Step, Strategy, Until
from tidegate.core.verdicts import weigh

SKEW = 5.0  # seconds by which the caller's clock may be ahead of the database's


@dataclass(frozen=True, slots=True)
class Counts:
    """What an experiment saw of one revision over one interval (epoch seconds). 0 ≤ successes ≤
    units."""

    revision: int
    successes: int
    units: int
    start: float
    end: float

    @property
    def arm(self) -> Arm:
        """Bad are the units without success."""
        return Arm(self.units, self.units - self.successes)


@dataclass(frozen=True, slots=True)
class Sample:
    """Both revisions over the same interval. `id` rises in the order in which the samples became
    whole."""

    id: int
    candidate: Counts
    stable: Counts

    @property
    def block(self) -> Block:
        """One block of the metric `experiment`."""
        return Block(self.candidate.arm, self.stable.arm, self.candidate.end - self.candidate.start)


def asked(strategy: Strategy) -> bool:
    """Whether a strategy is judged by an experiment."""
    return any(metric.kind is MetricKind.EXPERIMENT for metric in strategy.metrics)


def learn(rollout: Rollout, progress: Progress, samples: Sequence[Sample]) -> Progress:
    """The progress with every sample that it has not seen yet; unchanged while the candidate gets
    nothing.

    A sample that began before the present step counts toward `fail` only, as every metric's earlier
    answers do.
    """
    if progress.step.index <= STARTING or progress.end.toward is not None:
        return progress
    for sample in sorted(samples, key=lambda item: item.id):
        if sample.id > progress.analysis.sample:
            progress = _with(rollout, progress, sample)
    return progress


def _with(rollout: Rollout, progress: Progress, sample: Sample) -> Progress:
    if progress.analysis.evidence.tracks:
        evidence = progress.analysis.evidence
    else:
        evidence = Evidence.start(rollout.strategy.metrics)
    present = progress.step.since is not None and sample.candidate.start >= progress.step.since
    tracks = tuple(
        weigh(track, sample.block, present) if track.metric.kind is MetricKind.EXPERIMENT else track
        for track in evidence.tracks
    )
    return replace(
        progress,
        analysis=replace(
            progress.analysis, evidence=replace(evidence, tracks=tracks), sample=sample.id
        ),
    )


def check(
    new: Counts, known: Iterable[Counts], rollout: Rollout, progress: Progress, now: float
) -> tuple[Problem, ...]:
    """Everything wrong with `new` beside what is `known`; () when it may be kept. now: by the
    database's clock."""
    return (
        *_check_counts(new, rollout),
        *_check_interval(new, progress, now),
        *_check_overlap(new, known),
    )


def _check_counts(new: Counts, rollout: Rollout) -> Iterator[Problem]:
    base = rollout.base
    candidate = rollout.candidate
    if new.revision not in (base, candidate):
        yield Problem(
            "/revision",
            f"r{new.revision} is not part of this rollout",
            Remediation(f"use r{base} or r{candidate}"),
        )
    if new.successes > new.units:
        yield Problem(
            "/successes",
            f"{new.successes} is more than the {new.units} units",
            Remediation("swap or fix them"),
        )


def _check_interval(new: Counts, progress: Progress, now: float) -> Iterator[Problem]:
    if new.end <= new.start:
        yield Problem(
            "/interval_end",
            "is not after interval_start",
            Remediation("send a later end, in epoch seconds"),
        )
    if new.end > now + SKEW:
        yield Problem(
            "/interval_end",
            f"{new.end:.3f} is {new.end - now:.0f} s in the future",
            Remediation("send it when the interval is over"),
        )
    if progress.step.since is None:
        yield Problem(
            "/interval_start",
            "the split of this step has not settled yet, and nothing before that can count",
            Remediation("wait until the rollout shows settled_at"),
        )
    elif new.start < progress.step.since:
        yield Problem(
            "/interval_start",
            f"{new.start:.3f} is before this step's split settled at {progress.step.since:.3f} (the "
            "rollout's settled_at)",
            Remediation("begin there or later"),
        )


def _check_overlap(new: Counts, known: Iterable[Counts]) -> Iterator[Problem]:
    """Equal intervals of different revisions make a sample; of one revision, `known` holds the
    first."""
    for old in known:
        apart = new.end <= old.start or old.end <= new.start
        equal = (new.start, new.end) == (old.start, old.end)
        if apart or (equal and old.revision != new.revision):
            continue
        span = f"{old.start:.3f} to {old.end:.3f}"
        if equal:
            detail = f"r{old.revision} from {span} was counted already, as {old.successes} of {old.units}"
            remediation = Remediation("send another interval; what was counted stays")
        elif old.revision == new.revision:
            detail = f"overlaps r{old.revision} from {span}, which was counted already"
            remediation = Remediation("begin at its end")
        else:
            detail = f"overlaps r{old.revision} from {span} but is not the same"
            remediation = Remediation("send equal intervals for both revisions")
        yield Problem("/interval_start", detail, remediation)
        return


_CHOSEN = "chosen by header is not randomised"
_APPROVAL = Remediation(
    "ask for an experiment, or let a person end it",
    "analysis.metrics.experiment, or until 'approval'",
)


def unfit(strategy: Strategy) -> Iterator[tuple[int | None, str, str, Remediation]]:
    """(index of a step or None, field, detail, remediation): what of a plan no comparison can
    say."""
    by_experiment = asked(strategy)
    if by_experiment and strategy.kind is not Kind.AB:
        yield (
            None,
            "analysis/metrics/experiment",
            f"only an A/B is judged by an experiment, not a {strategy.kind}",
            Remediation("leave it out"),
        )
    for index, step in enumerate(strategy.steps):
        chosen = any(not match.range for match in step.candidate_traffic.match)
        if chosen and by_experiment:
            yield (
                index,
                "match",
                f"{_CHOSEN}, so no experiment can compare",
                Remediation("use a percent"),
            )
        elif chosen and _decides(step, strategy.kind):
            yield (
                index,
                "until",
                f"{_CHOSEN}, so no comparison promotes",
                Remediation("let a person end it", "until 'approval'"),
            )
        elif strategy.kind is Kind.AB and step.until is Until.PASS and not by_experiment:
            yield index, "until", "an A/B passes by an experiment only", _APPROVAL


def _decides(step: Step, kind: Kind) -> bool:
    return step.until is Until.PASS or (kind is Kind.AB and step.until is not Until.APPROVAL)

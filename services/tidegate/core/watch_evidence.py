"""What the counts say about a revision that was promoted. Pure.

Three questions, each an e-process (`sequential`), so that one may look after every scrape:

- `alone`: is the promoted revision's error rate above old stable's record and five points? Its null
  is "at most that, in every block". "The lower 99 % bound is above it" and "e ≥ 100" are the same
  statement, and under the null it is ever made in one watch with probability at most 1 % (Ville's
  inequality), however often one looks. A fixed-sample bound would be crossed by chance sooner or
  later. The answer moves nothing but `SHARE` of the traffic.
- `compared`: beside old stable in the same blocks, is it worse by more than five points? Only that
  undoes. Its null is "worse by at most five points in every block", and its evidence goes on over
  the whole watch, so that a false undo has a probability of at most 1 % per watch even where the
  first question always said yes.
- `old`: is old stable's rate above the same line, too? Then both are bad, and nothing is undone. It
  begins anew with each comparison: it only stops an undo, and old stable may have got well.

Five points are far beyond what revisions that are alike differ by (`noise`), so the bets need no
tempering. Beside that, no window of time decides small differences alone (`windows`).
"""

from dataclasses import dataclass, replace

from tidegate.core.analysis import Metric, MetricKind
from tidegate.core.evalues import Arm
from tidegate.core.evidence import Evidence, absorb, judge, new_step
from tidegate.core.observation import Observation
from tidegate.core.rollout import Progress, Rollout
from tidegate.core.scrapes import Scrape
from tidegate.core.traffic import same
from tidegate.core.verdicts import MetricVerdict, Verdict
from tidegate.core.watch_values import GROSS, Watch

ALPHA = 0.01
TELLING = 50  # answers that tell people of a gross error rate
INTERVALS = 24  # that are kept to tell it by
JUMP = 60.0  # seconds: a scrape so much older than the last one means that the clock was put back
_BESIDE = Metric(MetricKind.ERRORS, GROSS, GROSS)


@dataclass(frozen=True, slots=True)
class Findings:
    """What the counts say by now. gross: the promoted revision is above the line. well: it is shown
    to be below. worse: than old stable, by more than five points. alike: that is refuted. both: old
    stable is above the line, too."""

    gross: bool
    well: bool
    worse: bool
    alike: bool
    both: bool


def begun(watch: Watch) -> Watch:
    """The watch with its questions."""
    against = (_against(watch),)
    return replace(
        watch,
        alone=Evidence.start(against),
        compared=Evidence.start((_BESIDE,)),
        old=Evidence.start(against),
    )


def anew(watch: Watch) -> Watch:
    """The watch before another comparison, or after one: what was gross has to be shown again."""
    against = Evidence.start((_against(watch),))
    return replace(
        watch,
        alone=replace(against, last=watch.alone.last),
        compared=new_step(watch.compared),
        old=replace(against, last=watch.old.last),
    )


def gather(
    rollout: Rollout, progress: Progress, observation: Observation, scrape: Scrape
) -> Progress:
    """The progress of a promoted rollout with one more scrape. An interval in which the traffic
    moved counts for no comparison."""
    watch = progress.watch
    if watch is None or not watch.runs:
        return progress
    last = watch.alone.last
    if last is not None and scrape.at < last.at - JUMP:
        watch = _without_base_line(watch)
        last = None
    routed = progress.routed
    begun_before = routed.since is None or (last is not None and last.at >= routed.since)
    comparable = begun_before and same(routed.traffic, observation.traffic)
    base = rollout.base
    candidate = rollout.candidate
    window = rollout.strategy.noise_window

    def told(
        evidence: Evidence, revision: int, beside: int, *, comparable: bool = True
    ) -> Evidence:
        return absorb(
            evidence,
            scrape,
            stable=beside,
            candidate=revision,
            comparable=comparable,
            noise_window=window,
        )

    alone = told(watch.alone, candidate, base)
    return replace(
        progress,
        watch=replace(
            watch,
            alone=alone,
            recent=_recent(watch, alone),
            compared=told(watch.compared, candidate, base, comparable=comparable),
            old=told(watch.old, base, candidate, comparable=comparable),
        ),
    )


def findings(watch: Watch) -> Findings:
    """What the counts say by now."""
    alone = _verdict(watch.alone, _against(watch)).verdict
    compared = _verdict(watch.compared, _BESIDE).verdict
    old = _verdict(watch.old, _against(watch)).verdict
    return Findings(
        gross=alone is Verdict.FAIL,
        well=alone is Verdict.PASS,
        worse=compared is Verdict.FAIL,
        alike=compared is Verdict.PASS,
        both=old is Verdict.FAIL,
    )


def promoted_counts(watch: Watch) -> Arm:
    """What the promoted revision answered lately: its last `TELLING` answers, or a few more."""
    counts = Arm()
    for interval in reversed(watch.recent):
        counts += interval
        if counts.n >= TELLING:
            break
    return counts


def old_counts(watch: Watch) -> Arm:
    """What old stable answered in the last comparison."""
    return _counted(watch.old)


def _recent(watch: Watch, after: Evidence) -> tuple[Arm, ...]:
    """The last intervals, with the one that `after` adds to the evidence of the watch."""
    before = _counted(watch.alone)
    counts = _counted(after)
    newest = Arm(counts.n - before.n, counts.bad - before.bad)
    return (*watch.recent, newest)[-INTERVALS:]


def _counted(evidence: Evidence) -> Arm:
    if not evidence.tracks:
        return Arm()
    return evidence.tracks[0].rollout.candidate


def _against(watch: Watch) -> Metric:
    return Metric(MetricKind.ERRORS, objective=watch.threshold)


def _verdict(evidence: Evidence, metric: Metric) -> MetricVerdict:
    (verdict,) = judge(evidence, (metric,), ALPHA)
    return verdict


def _without_base_line(watch: Watch) -> Watch:
    """Or no scrape would count until the clock has caught up."""
    return replace(
        watch,
        alone=replace(watch.alone, last=None),
        compared=replace(watch.compared, last=None),
        old=replace(watch.old, last=None),
    )

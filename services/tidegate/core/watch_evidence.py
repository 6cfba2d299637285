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
- `old`: is old stable's rate above the same line, too? Then both are bad, and nothing is undone.
- `sound`: is old stable's rate below that line, or below a third of the promoted revision's? An
  undo waits for it. In an outage that both share each revision has its own noise on top, and 45 %
  beside 20 % is worse by far, but no reason to go back: without this question one of twenty such
  outages was undone, with it 1 of 2,100 (docs/statistics.md has the table). Its null is "at
  least that, in every block", where the third is of the promoted revision's answers before the
  block, so that it is fixed when the block begins.

The last two begin anew with each comparison: they only stop an undo, and old stable may have got
well since.
"""

import math
from dataclasses import dataclass, replace

from tidegate.core.analysis import Metric, MetricKind
from tidegate.core.evalues import Arm, against, log_sum
from tidegate.core.evidence import Evidence, absorb, judge, new_step
from tidegate.core.observation import Observation
from tidegate.core.rollout import Progress, Rollout
from tidegate.core.scrapes import Scrape
from tidegate.core.traffic import same
from tidegate.core.verdicts import MetricVerdict, Verdict
from tidegate.core.watch_values import GROSS, Watch

ALPHA = 0.01
SOUND = 20.0  # odds that old stable is sound, before an undo
FAR = 3.0  # a rate so many times lower is no noise of the same outage
_PARTS = (0.5, 0.1, 0.02)  # of the line: where bets that old stable is sound lie
TELLING = 50  # answers that tell people of a gross error rate
INTERVALS = 24  # that are kept to tell it by
JUMP = 60.0  # seconds: a scrape so much older than the last one means that the clock was put back
_BESIDE = Metric(MetricKind.ERRORS, GROSS, GROSS)


@dataclass(frozen=True, slots=True)
class Findings:
    """What the counts say by now. gross: the promoted revision is above the line. well: it is shown
    to be below. worse: than old stable, by more than five points. alike: that is refuted. both: old
    stable is above the line, too. sound: it is shown not to share what is wrong."""

    gross: bool
    well: bool
    worse: bool
    alike: bool
    both: bool
    sound: bool


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
        sound=(),
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

    def absorbed(
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

    alone = absorbed(watch.alone, candidate, base)
    old = absorbed(watch.old, base, candidate, comparable=comparable)
    return replace(
        progress,
        watch=replace(
            watch,
            alone=alone,
            recent=_recent(watch, alone),
            compared=absorbed(watch.compared, candidate, base, comparable=comparable),
            old=old,
            sound=_sound(watch, _newest(watch.old, old)),
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
        sound=_is_sound(watch.sound),
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
    return (*watch.recent, _newest(watch.alone, after))[-INTERVALS:]


def _newest(before: Evidence, after: Evidence) -> Arm:
    """What one scrape added."""
    old = _counted(before)
    new = _counted(after)
    return Arm(new.n - old.n, new.bad - old.bad)


def _sound(watch: Watch, block: Arm) -> tuple[float, ...]:
    """The bets that old stable is sound, after one more block of its answers."""
    if not block.n:
        return watch.sound
    line = max(watch.threshold, promoted_counts(watch).rate / FAR)
    gains = (against(block, line * part, line) for part in _PARTS)
    before = watch.sound or (0.0,) * len(_PARTS)
    return tuple(own + gain for own, gain in zip(before, gains, strict=True))


def _is_sound(logs: tuple[float, ...]) -> bool:
    """Whether the bets, each with an equal part of the capital, have reached `SOUND`."""
    if not logs:
        return False
    return log_sum(logs) - math.log(len(logs)) >= math.log(SOUND)


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

"""How what was read of people's own metrics becomes evidence. Pure.

An interval ends when every source was scraped again, so that no count of one revision stands beside
none of the other only because its pod is scraped later. It counts where it lies within one split:
both of its ends after the route last changed. A metric that cannot be read has no base line, so
that nothing which happened meanwhile is taken for an interval's.
"""

import math
from dataclasses import dataclass, replace

from tidegate.core.analysis import Metric, MetricKind
from tidegate.core.evalues import Arm, Block
from tidegate.core.evidence import Evidence
from tidegate.core.own import mean
from tidegate.core.own.readings import Burning, OwnReading, rise
from tidegate.core.own.spec import Own
from tidegate.core.scrapes import Between, Scrape
from tidegate.core.verdicts import Track, take
from tidegate.core.windows import window_of


@dataclass(frozen=True, slots=True)
class Interval:
    """Under which conditions readings are compared. since: when the route last changed, epoch
    seconds, None where nobody knows. one_split: the route is as it was at the last pass.
    toward_pass, noise_window: as in `evidence.absorb`."""

    stable: int
    candidate: int
    since: float | None
    one_split: bool
    toward_pass: bool
    noise_window: float


def gathered(before: Evidence, after: Evidence, scrape: Scrape, interval: Interval) -> Evidence:
    """The evidence with what was read of people's own metrics. before: the evidence before this
    scrape, after: with everything else of it."""
    answers = _answered(before, after)
    readings = {reading.name: reading for reading in scrape.own}

    def learned(old: Track, track: Track) -> Track:
        own = track.metric.own
        if own is None:
            return track
        burned = _burned(old, track, own)
        seen = replace(burned.own, answers=burned.own.answers + answers)
        return _read(replace(burned, own=seen), own, readings.get(own.name), interval)

    tracks = map(learned, before.tracks, after.tracks)
    return replace(after, tracks=tuple(tracks))


def _answered(before: Evidence, after: Evidence) -> int:
    """How many requests of the candidate were counted in this interval."""
    return sum(
        new.rollout.candidate.n - old.rollout.candidate.n
        for old, new in zip(before.tracks, after.tracks, strict=True)
        if new.metric.kind is MetricKind.ERRORS
    )


def _read(track: Track, own: Own, reading: OwnReading | None, interval: Interval) -> Track:
    if not interval.one_split:
        track = replace(track, own=replace(track.own, last=None))
    if reading is None:
        return track
    known = replace(track.own, asked=reading.asked)
    track = replace(track, own=known, trouble=reading.trouble)
    if reading.trouble and own.of_tallies:
        return replace(track, own=replace(known, last=None))
    if reading.trouble:
        return track
    if not interval.one_split:
        return track
    if own.of_tallies:
        return _counted(track, own, reading, interval)
    return _valued(track, own, reading, interval)


def _counted(track: Track, own: Own, reading: OwnReading, interval: Interval) -> Track:
    """After one more reading of counters."""
    last = track.own.last
    known = replace(track.own, last=reading)
    if last is None:
        if interval.since is not None and reading.oldest < interval.since:
            return track
        return replace(track, own=known)
    if reading.oldest <= last.newest:
        return track
    within = not own.is_mean
    ours = rise(last, reading, interval.candidate, within=within)
    theirs = rise(last, reading, interval.stable, within=within)
    seconds = reading.oldest - last.oldest
    track = replace(track, own=known)
    if own.is_mean:
        values = (_quotient(own, ours.part, ours.whole), _quotient(own, theirs.part, theirs.whole))
        track = replace(track, trouble=ours.trouble)
        return _weighed(track, own, values, ours.whole, seconds, interval)
    sides = (Between(ours.arm), Between(theirs.arm))
    old = track
    track = take(track, *sides, seconds, interval.toward_pass, interval.noise_window)
    trouble = ""
    if not ours.whole:
        trouble = ours.trouble
    return _burned(old, replace(track, trouble=trouble or theirs.trouble), own)


def _quotient(own: Own, part: int, whole: int) -> float | None:
    if not whole:
        return None
    return part / whole / own.scale


def _valued(track: Track, own: Own, reading: OwnReading, interval: Interval) -> Track:
    """After one more value of a mean, whose interval must not reach into the last one's."""
    begins = reading.newest - reading.seconds
    if interval.since is not None and begins < interval.since:
        return track
    last = track.own.last
    if last is not None and begins < last.newest - 0.5:
        return track
    values = dict(reading.values)
    ours = values.get(interval.candidate)
    if ours is None:
        trouble = f"no value of r{interval.candidate}"
        return replace(track, trouble=trouble)
    track = replace(track, own=replace(track.own, last=reading))
    pair = (ours, values.get(interval.stable))
    answers = track.own.answers
    track = replace(track, own=replace(track.own, answers=0))
    return _weighed(track, own, pair, answers, reading.seconds, interval)


def _weighed(
    track: Track,
    own: Own,
    values: tuple[float | None, float | None],
    units: int,
    seconds: float,
    interval: Interval,
) -> Track:
    """After one interval's mean of candidate and stable. units: of the candidate in it."""
    ours, theirs = values
    if ours is None:
        return track
    if not math.isfinite(ours) or ours < 0:
        return replace(
            track, trouble=f"the value is {ours:g}: a mean is between 0 and {own.most:g}"
        )
    metric = track.metric
    value = min(ours, own.most) / own.most
    block = Block(Arm(units), Arm(), seconds)
    window = window_of(track.rollout.seconds, interval.noise_window)
    fail = mean.bet(track.fail, metric.fail_test, value, window)
    track = replace(track, fail=fail, rollout=track.rollout + block)
    if interval.toward_pass:
        track = _toward_pass(track, metric, value, block, interval)
    shown = replace(
        track.own, ours=track.own.ours.having(ours), theirs=track.own.theirs.having(theirs)
    )
    return replace(track, own=shown)


def _toward_pass(
    track: Track, metric: Metric, value: float, block: Block, interval: Interval
) -> Track:
    window = window_of(track.step.seconds, interval.noise_window)
    passing = mean.bet(track.passing, metric.pass_test, value, window)
    return replace(track, passing=passing, step=track.step + block)


def _burned(old: Track, track: Track, own: Own) -> Track:
    """The windows of a burn rate after what was counted since `old`."""
    if own.burn is None:
        return track
    elapsed = track.rollout.seconds - old.rollout.seconds
    if elapsed <= 0:
        return track
    now = track.rollout.candidate
    arm = Arm(now.n - old.rollout.candidate.n, now.bad - old.rollout.candidate.bad)
    windows = track.own.burning or tuple(Burning(seconds) for seconds in own.burn.windows)
    burning = tuple(window.having(arm, elapsed) for window in windows)
    return replace(track, own=replace(track.own, burning=burning))

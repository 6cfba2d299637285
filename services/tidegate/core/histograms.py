"""From cumulative histograms to counts: what a revision answered between two scrapes, and for every
bound how much of it was slower."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.core.scrapes import Counters, Reading, Scrape, is_new

NO_BUCKETS = "the data plane gives no latency buckets"
OTHER_BUCKETS = "the data plane gives other latency buckets than before"


def bounds_of(scrape: Scrape) -> tuple[float, ...]:
    """The bounds (ms) that every histogram of a scrape has, copies among them, but the last, above
    which there is nothing."""
    known = [
        {bound for bound, _ in reading.counters.buckets if bound < sys.float_info.max}
        for reading in (*scrape.readings, *scrape.copies)
        if reading.counters.buckets
    ]
    if not known:
        return ()
    return tuple(sorted(set.intersection(*known)))


@dataclass(frozen=True, slots=True)
class Slow:
    """One revision between two scrapes. n: answers. slow: those above each bound. missing: why
    nothing could be read."""

    n: int = 0
    slow: tuple[int, ...] = ()
    missing: str = ""


def slow_between(last: Scrape, now: Scrape, revision: int, bounds: Sequence[float]) -> Slow:
    """What `revision` answered between the scrapes, by its histograms alone: they may lag behind
    the other counters."""
    before = {(r.source, r.revision): r.counters for r in last.readings}
    total = [0] * (len(bounds) + 1)
    missing = ""
    for reading in now.readings:
        if reading.revision != revision:
            continue
        after = _slow(reading.counters, bounds)
        if after is None:
            missing = missing or _unread(reading)
            continue
        old = before.get((reading.source, revision))
        change = _change(old, after, bounds, is_new(last, reading))
        total = [own + more for own, more in zip(total, change, strict=True)]
    return Slow(total[0], tuple(total[1:]), missing)


def _unread(reading: Reading) -> str:
    counters = reading.counters
    if counters.buckets:
        return OTHER_BUCKETS
    if counters.answers:
        return NO_BUCKETS
    return ""


def _change(
    old: Counters | None, after: list[int], bounds: Sequence[float], new: bool
) -> list[int]:
    """What came on top: nothing where the histogram began here or began again, for what it holds
    happened nobody knows when."""
    nothing = [0] * len(after)
    if new:
        return after
    if old is None:
        return nothing
    before = _slow(old, bounds)
    if before is None:
        if old.answers:
            return nothing
        before = nothing
    change = [now - then for now, then in zip(after, before, strict=True)]
    if min(change) < 0:
        return nothing
    return change


def _slow(counters: Counters, bounds: Sequence[float]) -> list[int] | None:
    """Answers, and those above each bound; None where a bound is missing."""
    if not counters.buckets:
        return None
    total = counters.answers
    last_bound, last_count = counters.buckets[-1]
    if last_bound >= sys.float_info.max:
        total = last_count
    if not bounds:
        return [total]
    fast = dict(counters.buckets)
    try:
        return [total, *[total - fast[bound] for bound in bounds]]
    except KeyError:
        return None

"""From cumulative counters to blocks: what happened between two scrapes, for one metric.

Counters are cumulative since their source began. A counter that fell began again, so it counts from
zero; a source that was not there at the last scrape counts from zero as well. The first scrape of
all is only the base line: what it holds happened before.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from tidegate.core.evalues import Arm
from tidegate.core.lost import Account, Flow


@dataclass(frozen=True, slots=True)
class Counters:
    """Cumulative counts of one revision at one source since that source began.

    answers: final answers, all codes. bad: neither 2xx/3xx nor 401, 403, 429 (gRPC: neither OK nor
    UNAUTHENTICATED, PERMISSION_DENIED, RESOURCE_EXHAUSTED). buckets: (upper bound in ms, cumulative
    count), rising, () where latency is not measured. causes: bad answers by cause, such as ("http
    500", 12). flow: requests begun and answered, None where the proxy does not tell.
    """

    answers: int
    bad: int
    buckets: tuple[tuple[float, int], ...] = ()
    causes: tuple[tuple[str, int], ...] = ()
    flow: Flow | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """Counters with where they come from. `source` names an incarnation (Envoy's epoch, a pod's
    start): a new incarnation starts at zero. spoken: the protocol, where the source counts each
    apart, else "". account: of its lost requests, in a base line only."""

    source: str
    revision: int
    counters: Counters
    spoken: str = ""
    account: Account | None = None


@dataclass(frozen=True, slots=True)
class Scrape:
    """Every reading of one endpoint at one time (epoch seconds). copies: answers to mirrored
    requests, which no client sees; never among `readings`, so that nobody takes them for live
    ones."""

    at: float
    readings: tuple[Reading, ...]
    copies: tuple[Reading, ...] = ()

    @property
    def shadow(self) -> "Scrape":
        """The candidate's side of a shadow: the copies alone."""
        return Scrape(self.at, self.copies)

    @property
    def beside(self) -> "Scrape":
        """The live answers that copies are compared with: gateways count no grpc-status of copies,
        so gRPC is left out on this side too."""
        return Scrape(
            self.at, tuple(reading for reading in self.readings if reading.spoken != "grpc")
        )


@dataclass(frozen=True, slots=True)
class Between:
    """One revision between two scrapes. torn: readings with more bad answers than answers, which
    were cut down to the answers. missing: why a bound could not be read."""

    arm: Arm = field(default_factory=Arm)
    torn: int = 0
    missing: str = ""


def between(
    last: Scrape, now: Scrape, revision: int, latency_threshold_ms: float | None
) -> Between:
    """What `revision` answered between the scrapes: bad answers (latency_threshold_ms None), or
    answers slower than `latency_threshold_ms` (milliseconds, the bound of an existing bucket)."""
    before = {(r.source, r.revision): r.counters for r in last.readings}
    total = Between()
    for reading in now.readings:
        if reading.revision == revision:
            old = before.get((reading.source, revision))
            total = _add(total, _change(old, reading.counters, latency_threshold_ms))
    return total


def _add(interval: Between, two: Between) -> Between:
    return Between(
        interval.arm + two.arm, interval.torn + two.torn, interval.missing or two.missing
    )


def _change(old: Counters | None, new: Counters, latency_threshold_ms: float | None) -> Between:
    if latency_threshold_ms is None:
        return _difference(None if old is None else (old.answers, old.bad), (new.answers, new.bad))
    if not new.buckets:  # before the first answer there may be none
        missing = ""
        if new.answers:
            missing = "the data plane gives no latency buckets"
        return Between(missing=missing)
    now = _slow(new, latency_threshold_ms)
    if now is None:
        known = ", ".join(f"{bound:g}" for bound, _ in new.buckets if bound < sys.float_info.max)
        return Between(
            missing=f"no bucket ends at {latency_threshold_ms:g} ms; choose one of {known}"
        )
    before = None
    if old:
        before = _slow(old, latency_threshold_ms)
    if (
        old and old.answers and not before
    ):  # its histogram begins here; what it holds happened before
        return Between()
    return _difference(before, now)


def _slow(counters: Counters, latency_threshold_ms: float) -> tuple[int, int] | None:
    """(answers, slower than the bound), by the histogram alone: it may lag behind the other
    counters."""
    fast = next((count for bound, count in counters.buckets if bound == latency_threshold_ms), None)
    if fast is None:
        return None
    last_bound, last_count = counters.buckets[-1]
    if last_bound >= sys.float_info.max:
        total = last_count
    else:
        total = counters.answers
    return total, total - fast


def _difference(old: tuple[int, int] | None, new: tuple[int, int]) -> Between:
    """What came on top. Each counter rises on its own, also when they are read at slightly
    different times, so any fall is a new beginning."""
    if old is None or new[0] < old[0] or new[1] < old[1]:
        old = (0, 0)
    n = max(0, new[0] - old[0])
    bad = max(0, new[1] - old[1])
    return Between(Arm(n, min(bad, n)), torn=int(bad > n))


def base_line(last: Scrape | None, now: Scrape, bounds_ms: Iterable[float]) -> Scrape:
    """What must be kept of a scrape to understand the next one, small and writable as JSON.

    A source that is missing in one scrape keeps its old counters, or it would count twice when it
    is back. Only the buckets at `bounds_ms` and the last are kept; infinity, which JSON has not,
    becomes the largest float; causes are dropped.
    """
    desired = frozenset(bounds_ms)
    readings = _kept(last.readings if last else (), now.readings, desired)
    return Scrape(now.at, readings, _kept(last.copies if last else (), now.copies, desired))


def _kept(
    last: tuple[Reading, ...], now: tuple[Reading, ...], desired: frozenset[float]
) -> tuple[Reading, ...]:
    seen = {(r.source, r.revision) for r in now}
    absent = (r for r in last if (r.source, r.revision) not in seen)
    return (*(replace(r, counters=_compact(r.counters, desired)) for r in now), *absent)


def _compact(counters: Counters, desired: frozenset[float]) -> Counters:
    buckets = tuple(
        (min(bound, sys.float_info.max), count)
        for position, (bound, count) in enumerate(counters.buckets, start=1)
        if bound in desired or position == len(counters.buckets)
    )
    return Counters(counters.answers, counters.bad, buckets)

"""From cumulative counters to blocks: what happened between two scrapes, for one metric.

Counters are cumulative since their source began. A counter that fell began again, so it counts from
zero; a source that was not there at the last scrape counts from zero as well. The first scrape of
all is only the base line: what it holds happened before.
"""

import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from tidegate.core.analysis import Metric, MetricKind
from tidegate.core.answers import AnswerKind, cause, kind_of
from tidegate.core.evalues import Arm
from tidegate.core.lost import Account, Flow
from tidegate.core.own.readings import OwnReading


@dataclass(frozen=True, slots=True)
class Counters:
    """Cumulative counts of one revision at one source since that source began.

    answers: final answers, all codes. errors, rejections, saturated: how many of them were of each
    kind (`answers.kind_of`); they share none. lost: requests that ended without an answer, beside
    the answers; doubt: so many more may have (`lost`). buckets: (upper bound in ms, cumulative
    count), rising, () where latency is not measured. causes: answers that were not fine, by cause,
    such as ("http 500", 12). flow: what the proxy tells of requests begun and ended, None where it
    does not; `lost`, `doubt` and `sent`, requests begun, are derived from it (`losses.watched`).
    """

    answers: int
    errors: int
    buckets: tuple[tuple[float, int], ...] = ()
    causes: tuple[tuple[str, int], ...] = ()
    rejections: int = 0
    saturated: int = 0
    lost: int = 0
    sent: int = 0
    flow: Flow | None = None
    doubt: int = 0


def counters_of(
    answers: Iterable[tuple[str, int, int]],
    buckets: tuple[tuple[float, int], ...] = (),
    lost: int = 0,
) -> Counters:
    """Counters from answers as (protocol, code, count): what every meter reads them into."""
    kinds: Counter[AnswerKind] = Counter()
    causes: Counter[tuple[str, int]] = Counter()
    for spoken, code, count in answers:
        kind = kind_of(spoken, code)
        kinds[kind] += count
        if count and kind is not AnswerKind.FINE:
            causes[spoken, code] += count
    return Counters(
        kinds.total(),
        kinds[AnswerKind.ERROR],
        buckets,
        tuple((cause(spoken, code), count) for (spoken, code), count in sorted(causes.items())),
        kinds[AnswerKind.REJECTION],
        kinds[AnswerKind.SATURATION],
        lost,
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """Counters with where they come from.

    source names an incarnation (Envoy's epoch, a pod's start): a new incarnation starts at zero.
    spoken: the protocol, where the source counts each apart, else "". began: since when it counts
    (epoch seconds), None where it does not tell; only then does a source that was not there before
    count from zero. account: of its lost requests, in a base line only. place: what counts its
    flow, by a name that outlives the source's; "" where that is the source.
    """

    source: str
    revision: int
    counters: Counters
    spoken: str = ""
    began: float | None = None
    account: Account | None = None
    place: str = ""


def place_of(reading: Reading) -> str:
    """The name under which a reading's flow is followed."""
    return reading.place or f"{reading.source}#r{reading.revision}"


@dataclass(frozen=True, slots=True)
class Scrape:
    """Every reading of one endpoint at one time (epoch seconds). copies: answers to mirrored
    requests, which no client sees; never among `readings`, so that nobody takes them for live
    ones. own: of people's own metrics, those that were read."""

    at: float
    readings: tuple[Reading, ...]
    copies: tuple[Reading, ...] = ()
    own: tuple[OwnReading, ...] = ()

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
    """One revision between two scrapes. arm: what is sure. torn: readings with more bad answers
    than answers, which were cut down to the answers. missing: why a bound could not be read. sent:
    requests that were begun. doubt: so many more may have been lost."""

    arm: Arm = field(default_factory=Arm)
    torn: int = 0
    missing: str = ""
    sent: int = 0
    doubt: int = 0

    @property
    def possible(self) -> tuple[Arm, ...]:
        """What the counts may have been, by how many were lost: what is sure first, at most
        `_POSSIBLE`, evenly apart, the bounds among them."""
        count = min(self.doubt + 1, _POSSIBLE)
        steps = (round(self.doubt * n / max(1, count - 1)) for n in range(count))
        return tuple(self.arm + Arm(more, more) for more in steps)


_POSSIBLE = 8
_NOTHING = Counters(0, 0)
# Envoy refreshes the uptime that tells its start every 5 s, so the start seems to move by so much
UNSURE_S = 12.0


def between(last: Scrape, now: Scrape, revision: int, metric: Metric) -> Between:
    """What `revision` answered between the scrapes, and how much of it speaks against it by
    `metric`."""
    before = {(r.source, r.revision): r.counters for r in last.readings}
    total = Between()
    for reading in now.readings:
        if reading.revision != revision:
            continue
        old = before.get((reading.source, revision))
        if is_new(last, reading):
            total = _add(total, _change(_NOTHING, reading.counters, metric))
        elif old is not None and not _fell(old, reading.counters):
            total = _add(total, _change(old, reading.counters, metric))
    return total


def is_new(last: Scrape, reading: Reading) -> bool:
    """Whether all that a source counted of a revision was counted since `last`: it began then, or
    had counted nothing of this revision while it counted others. A source that `last` knows began
    again only where its start moved by more than `UNSURE_S`."""
    own = [item for item in last.readings if item.source == reading.source]
    known = next((item for item in own if item.revision == reading.revision), None)
    if known is None:
        began_since = reading.began is not None and reading.began >= last.at
        return began_since or bool(own)
    if reading.began is None:
        return False
    before = last.at
    if known.began is not None:
        before = known.began
    return reading.began > last.at and reading.began - before > UNSURE_S


def _fell(old: Counters, new: Counters) -> bool:
    """Whether any count is smaller than before: then nobody knows what came on top."""
    return (
        new.answers < old.answers
        or new.errors < old.errors
        or new.rejections < old.rejections
        or new.saturated < old.saturated
        or new.lost < old.lost
    )


def _add(first: Between, second: Between) -> Between:
    return Between(
        first.arm + second.arm,
        first.torn + second.torn,
        first.missing or second.missing,
        first.sent + second.sent,
        first.doubt + second.doubt,
    )


def _change(old: Counters, new: Counters, metric: Metric) -> Between:
    bound = metric.latency_threshold_ms
    if bound is None:
        change = _difference(_counted(old, metric.kind), _counted(new, metric.kind))
        doubt = 0
        if metric.kind is MetricKind.ERRORS:
            doubt = max(0, new.doubt - old.doubt)
        sent = max(0, new.sent - old.sent)
        return Between(change.arm, change.torn, sent=sent, doubt=doubt)
    if not new.buckets:  # before the first answer there may be none
        missing = ""
        if new.answers:
            missing = "the data plane gives no latency buckets"
        return Between(missing=missing)
    now = _slow(new, bound)
    if now is None:
        known = ", ".join(f"{end:g}" for end, _ in new.buckets if end < sys.float_info.max)
        return Between(missing=f"no bucket ends at {bound:g} ms; choose one of {known}")
    before = _slow(old, bound)
    if old.answers and before is None:
        return Between()  # its histogram begins here; what it holds happened before
    before = before or (0, 0)
    if now[0] < before[0] or now[1] < before[1]:
        return Between()  # it began again
    return _difference(before, now)


def _counted(counters: Counters, kind: MetricKind) -> tuple[int, int]:
    """(requests, those that speak against the revision)."""
    match kind:
        case MetricKind.REJECTIONS:
            return counters.answers, counters.rejections
        case MetricKind.SATURATION:
            return counters.answers, counters.saturated
        case _:
            return counters.answers + counters.lost, counters.errors + counters.lost


def _slow(counters: Counters, bound: float) -> tuple[int, int] | None:
    """(answers, slower than the bound in ms), by the histogram alone: it may lag behind the other
    counters."""
    fast = next((count for end, count in counters.buckets if end == bound), None)
    if fast is None:
        return None
    total = counters.answers
    last_end, last_count = counters.buckets[-1]
    if last_end >= sys.float_info.max:
        total = last_count
    return total, total - fast


def _difference(old: tuple[int, int], new: tuple[int, int]) -> Between:
    """What came on top."""
    n = new[0] - old[0]
    bad = new[1] - old[1]
    return Between(Arm(n, min(bad, n)), torn=int(bad > n))


def base_line(last: Scrape | None, now: Scrape, bounds_ms: Iterable[float]) -> Scrape:
    """What must be kept of a scrape to understand the next one, small and writable as JSON.

    A source that is missing in one scrape keeps its old counters, or it would count twice when it
    is back; not one whose place counts under another name by now. Only the buckets at `bounds_ms`
    and the last are kept; infinity, which JSON has not, becomes the largest float; causes are
    dropped.
    """
    desired = frozenset(bounds_ms)
    readings = _kept(last.readings if last else (), now.readings, desired)
    return Scrape(now.at, readings, _kept(last.copies if last else (), now.copies, desired))


def _kept(
    last: tuple[Reading, ...], now: tuple[Reading, ...], desired: frozenset[float]
) -> tuple[Reading, ...]:
    seen = {(r.source, r.revision) for r in now}
    places = {place_of(reading) for reading in now}
    missing = (r for r in last if (r.source, r.revision) not in seen)
    absent = (reading for reading in missing if place_of(reading) not in places)
    return (
        *(replace(r, counters=_compact(r.counters, desired)) for r in now),
        *absent,
    )


def _compact(counters: Counters, desired: frozenset[float]) -> Counters:
    buckets = tuple(
        (min(bound, sys.float_info.max), count)
        for position, (bound, count) in enumerate(counters.buckets, start=1)
        if bound in desired or position == len(counters.buckets)
    )
    return replace(counters, buckets=buckets, causes=(), flow=None)

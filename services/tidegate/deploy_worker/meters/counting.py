"""From samples to readings: what each process has counted since the cut, for each revision.

Evidence counts a source that it has not seen before from zero. But a process that *Prometheus* has
not shown before may have counted for days, and a slot may have counted for another revision. So
counters are given relative to a cut, and the cut is in the source's name. It is the later of two
times that every worker computes alike, since reconciles of one endpoint move between workers and
two names for one count would count it twice:
- the last write of the split (plus TAKEN for the gateway), so that no count crosses a change of slots or weights;
- the last multiple of CELL (ten minutes), so that what cannot be read since the cut (Prometheus lost it) is lost for
  that long only.

A process counts since its first scrape after the cut. It also counts if it began after the cut (a
new replica, a restart), then from zero; the name tells. Whatever cannot be proved is left out until
the next cut: less evidence, never evidence of the wrong interval or revision.

Requests begun and ended are read for the whole life of a process, not relative to a cut: one that
is under way at a cut ends after it, and an answer without its beginning, or the other way round,
would invent and hide lost requests (`core/losses.py` follows each place over cuts).
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tidegate.core.evidence import Counters, Reading, counters_of
from tidegate.deploy_worker.meters.filtered import without_filtered
from tidegate.deploy_worker.meters.places import (
    Counts,
    in_a_row,
    place_name,
    with_overdue,
    zero_at,
)
from tidegate.deploy_worker.meters.profiles import Asked, Kind, Meaning
from tidegate.deploy_worker.meters.slots import Slots
from tidegate.deploy_worker.meters.targets import Id, Target

CELL = 600.0  # seconds between cuts while nothing changes
# seconds by which Envoy's uptime and histograms may lag behind its counters: refreshed every 5
LAG = 6.0
# seconds from a write of the route, whose time has whole seconds, until the gateway routes by it
TAKEN = 2.0
SETTLE = LAG + TAKEN  # the same until histograms speak of nothing older
_Counts = dict[Id, tuple[Meaning, int]]


@dataclass(frozen=True, slots=True)
class Counted:
    """One target's counters since the cut. began: since when they count (epoch seconds). first,
    at: the scrapes they lie between; first None: since the target began. earlier: the
    same counters before the requests that may still wait, () where no scrape is that old. life: the
    counters of the target's whole life. counts and life have the same order."""

    target: Target
    began: float
    first: float | None
    at: float
    source: str
    counts: tuple[tuple[Meaning, int], ...]
    life: tuple[tuple[Meaning, int], ...]
    earlier: tuple[tuple[Meaning, int], ...] = ()

    @property
    def before(self) -> tuple[tuple[Meaning, int], ...]:
        """The counters of its whole life at the scrape before, () where none is known."""
        start = self.began
        if self.first is not None:
            start = 0.0  # the same process as at that scrape
        times = [t for t in self.target.times() if start <= t < self.at]
        if not times:
            return ()
        return tuple(self.target.at(times[-1]).values())


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why a target's counters cannot be used until the next cut, for a person."""

    message: str


@dataclass(frozen=True, slots=True)
class Span:
    """From when on counters are read, epoch seconds. after: the cut. begin: where counting begins,
    not before the cut. late: where histograms are right, which lag. visible: the oldest sample of
    any target. interval: seconds between the scrapes."""

    after: float
    begin: float
    late: float
    visible: float
    interval: float

    def first(self, base: Target | None, start: float) -> float | None:
        """The first scrape of `base` after the cut that is not before `start`."""
        if base is None:
            return None
        return min((t for t in base.times() if t >= start and t > self.after), default=None)


def cut(at: float, since: float, cell: float = CELL) -> float:
    """The cut for a scrape `at` (epoch seconds) of a split that was written at `since`; not before
    `at`: too early. `cell`: seconds between cuts; every worker must use the same."""
    return max((math.ceil(at / cell) - 1) * cell, since + TAKEN)


def together_from(base: Iterable[Target], after: float, interval: float, skew: float) -> float:
    """From when on every target of the first scrapes after a cut can be read within `skew` seconds
    of the others, where each counts for itself. Made of samples that stay, so every worker gets the
    same."""
    firsts = [min((t for t in target.times() if t > after), default=after) for target in base]
    return max([after, *(first - skew for first in firsts if first <= after + 1.5 * interval)])


def count(
    target: Target,
    base: Target | None,
    at: float,
    span: Span,
    request: Asked,
) -> Counted | LeftOut | None:
    """What `target` counted from the cut to its last scrape not later than `at`. `base`: the same
    target in the time after the cut. None: its first scrape is to come."""
    after = span.after
    source = f"{target.name}[{','.join(map(str, request.slots.revisions))}]@{after:.0f}"
    now = max((t for t in target.times() if t <= at), default=None)
    if now is None:
        return _to_come(target, at, span, source)
    first = span.first(base, span.begin)
    if now <= after or (first is not None and first > now):
        return None
    if any(
        now not in samples and any(after < t < now for t in samples)
        for _, samples in target.counts.values()
    ):
        return LeftOut(f"{target.name} shows only part of its counters")
    counts, born = target.at(now), target.births.get(now)
    whole = tuple(counts.values())
    if base is None or first is None:
        if born is None or born - LAG <= after:
            return LeftOut(
                f"{target.name} was not scraped at {after:.0f}, so nobody can tell what it counted "
                "since"
            )
        return Counted(target, born, None, now, f"{source}+new", whole, whole)
    then = base.births.get(first)
    if born is not None and then is not None and born - then > 2 * LAG:
        return Counted(target, born, None, now, f"{source}+restarted", whole, whole)
    # Judged at a sample that stays: one that moves could change its mind
    if then is not None and then - LAG > after:
        return Counted(target, then, None, now, f"{source}+new", whole, whole)
    late = counts
    settled = span.first(base, span.late)
    if settled is not None and settled <= now:
        late = base.at(settled)
    rise = _rise(base.at(first), counts, late)
    if rise is None:
        return LeftOut(f"{target.name} lost counters and does not tell when it began")
    return Counted(target, first, first, now, f"{source}/{first:.3f}", rise, whole)


def _to_come(target: Target, at: float, span: Span, source: str) -> Counted | None:
    """A target that began since the cut and was scraped for the first time after `at`: it has
    counted nothing until then, so that all of it belongs to the next interval. Only where
    Prometheus would have shown it before, had it been there."""
    first = target.times()[0]
    born = target.births.get(first)
    if born is None or born - LAG <= span.after or first - born > span.interval + LAG:
        return None
    if span.visible > first - span.interval:
        return None
    nothing = tuple((meaning, 0) for meaning, _ in target.at(first).values())
    return Counted(target, born, None, at, f"{source}+new", nothing, nothing)


def _rise(before: _Counts, now: _Counts, late: _Counts) -> tuple[tuple[Meaning, int], ...] | None:
    """What came on top; None where any counter fell or vanished: then the others prove nothing
    either. late: what histograms count from."""
    counters = {id_: value for id_, (m, value) in before.items() if m.kind is not Kind.ACTIVE}
    if any(id_ not in now or now[id_][1] < value for id_, value in counters.items()):
        return None
    rise = []
    for id_, (meaning, value) in now.items():
        base = before
        if meaning.kind is Kind.BUCKET:
            base = late
        rise.append((meaning, value - base.get(id_, (meaning, 0))[1]))
    return tuple(rise)


def with_earlier(counted: Counted, seconds: float) -> Counted:
    """With the counters of the last scrape that is `seconds` older than the newest."""
    target = counted.target
    # A target that began anew has samples of its life before, which say nothing of this one.
    start = counted.first
    if start is None:
        start = counted.began + LAG
    old = [t for t in target.times() if start <= t <= counted.at - seconds]
    if not old:
        return counted
    return replace(counted, earlier=tuple(target.at(max(old)).values()))


def readings(
    counted: Sequence[Counted], slots: Slots, *, apart: bool = False
) -> tuple[Reading, ...]:
    """One reading of live answers per source and revision, HTTP and gRPC together: each answer is
    one of them. apart: one for each protocol, for a route that mirrors, since copies are compared
    over HTTP only."""
    results = []
    for item in counted:
        live = {meaning for meaning, _ in item.counts if not meaning.copy}
        for revision in sorted({meaning.revision for meaning in live}):
            own = frozenset(meaning for meaning in live if meaning.revision == revision)
            if not apart:
                results.append(_reading(item, slots, own))
                continue
            for spoken in sorted({meaning.spoken for meaning in own}):
                part = frozenset(meaning for meaning in own if meaning.spoken == spoken)
                reading = _reading(item, slots, part, f"/{spoken}")
                results.append(replace(reading, spoken=spoken))
    return tuple(results)


def copies(counted: Sequence[Counted], slots: Slots) -> tuple[Reading, ...]:
    """One reading of answers to mirrored requests per source and revision."""
    results = []
    for item in counted:
        copied = {meaning for meaning, _ in item.counts if meaning.copy}
        for revision in sorted({meaning.revision for meaning in copied}):
            own = frozenset(meaning for meaning in copied if meaning.revision == revision)
            reading = _reading(item, slots, own, "/mirror")
            results.append(replace(reading, spoken="http"))
    return tuple(results)


def _reading(item: Counted, slots: Slots, own: frozenset[Meaning], suffix: str = "") -> Reading:
    """One revision's counters at one target. own: what they mean. suffix: of a part's source."""
    revision = next(iter(own)).revision
    life = _of(item.life, own)
    flow = in_a_row(_of(item.before, own), life)
    if flow is not None:
        flow = with_overdue(flow, life, _of(item.earlier, own))
        flow = replace(flow, zero_at=zero_at(item.target, item.at, own))
    counters = replace(_counters(_of(item.counts, own)), flow=flow)
    place = place_name(item.target, slots, revision, suffix)
    return Reading(f"{item.source}{suffix}", revision, counters, began=item.began, place=place)


def _of(counts: Counts, own: frozenset[Meaning]) -> list[tuple[Meaning, int]]:
    return [(meaning, value) for meaning, value in counts if meaning in own]


def _counters(counts: Counts) -> Counters:
    buckets: Counter[float] = Counter()
    answers = []
    for meaning, value in counts:
        if meaning.kind is Kind.BUCKET:
            buckets[meaning.le] += value
        elif meaning.kind is Kind.ANSWER:
            answers.append((meaning.spoken, meaning.code, value))
    return counters_of(without_filtered(answers, counts), tuple(sorted(buckets.items())))


def hidden_grpc(counted: Sequence[Counted]) -> str | None:
    """The first target that answered gRPC without counting grpc-status, by name."""
    for item in counted:
        unread = sum(value for meaning, value in item.counts if meaning.kind is Kind.UNREAD)
        if unread and not any(m.kind is Kind.ANSWER and m.spoken == "grpc" for m, _ in item.counts):
            return item.target.name
    return None

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
"""

import math
import operator
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from tidegate.core.answers import Spoken
from tidegate.core.evidence import Counters, Reading, counters_of
from tidegate.core.lost import Flow, waited
from tidegate.deploy_worker.meters.flows import LOST, flow
from tidegate.deploy_worker.meters.profiles import Asked, Kind, Meaning
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
    same counters before the requests that may still wait, () where no scrape is that old."""

    target: Target
    began: float
    first: float | None
    at: float
    source: str
    counts: tuple[tuple[Meaning, int], ...]
    earlier: tuple[tuple[Meaning, int], ...] = ()


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
        return Counted(target, born, None, now, f"{source}+new", whole)
    then = base.births.get(first)
    if born is not None and then is not None and born - then > 2 * LAG:
        return Counted(target, born, None, now, f"{source}+restarted", whole)
    # Judged at a sample that stays: one that moves could change its mind
    if then is not None and then - LAG > after:
        return Counted(target, then, None, now, f"{source}+new", whole)
    late = counts
    settled = span.first(base, span.late)
    if settled is not None and settled <= now:
        late = base.at(settled)
    rise = _rise(base.at(first), counts, late)
    if rise is None:
        return LeftOut(f"{target.name} lost counters and does not tell when it began")
    return Counted(target, first, first, now, f"{source}/{first:.3f}", rise)


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
    return Counted(target, born, None, at, f"{source}+new", nothing)


def _rise(before: _Counts, now: _Counts, late: _Counts) -> tuple[tuple[Meaning, int], ...] | None:
    """What came on top; None where any counter fell or vanished: then the others prove nothing
    either. late: what histograms count from. A gauge is as it is now; what it was before comes
    beside it, because the answers to those requests are counted here."""
    counters = {id_: value for id_, (m, value) in before.items() if m.kind is not Kind.ACTIVE}
    if any(id_ not in now or now[id_][1] < value for id_, value in counters.items()):
        return None
    rise = []
    for id_, (meaning, value) in now.items():
        base = before
        if meaning.kind is Kind.ACTIVE:
            base = {}
            carried = before.get(id_, (meaning, 0))[1]
            rise.append((replace(meaning, kind=Kind.CARRIED), carried))
        if meaning.kind is Kind.BUCKET:
            base = late
        rise.append((meaning, value - base.get(id_, (meaning, 0))[1]))
    return tuple(rise)


def with_earlier(counted: Counted, base: Target | None, seconds: float) -> Counted:
    """With the counters of the last scrape that is `seconds` older than the newest."""
    target = counted.target
    # A target that began anew has samples of its life before, which say nothing of this one.
    start = counted.first
    if start is None:
        start = counted.began + LAG
    old = [t for t in target.times() if start <= t <= counted.at - seconds]
    if not old:
        return counted
    counts = target.at(max(old))
    if counted.first is None:
        return replace(counted, earlier=tuple(counts.values()))
    before = {}
    if base:
        before = base.at(counted.first)
    return replace(counted, earlier=_rise(before, counts, counts) or ())


def readings(counted: Sequence[Counted], *, apart: bool = False) -> tuple[Reading, ...]:
    """One reading of live answers per source and revision, HTTP and gRPC together: each answer is
    one of them. apart: one for each protocol, for a route that mirrors, since copies are compared
    over HTTP only."""
    results = []
    for item in counted:
        live = [(meaning, value) for meaning, value in item.counts if not meaning.copy]
        for revision in sorted({meaning.revision for meaning, _ in live}):
            mine = [(m, value) for m, value in live if m.revision == revision]
            if not apart:
                earlier = _of(item.earlier, revision)
                counters = _with_overdue(_counters(mine), earlier)
                results.append(Reading(item.source, revision, counters, began=item.began))
                continue
            for spoken in sorted({m.spoken for m, _ in mine}):
                spent = _counters([(m, value) for m, value in mine if m.spoken == spoken])
                earlier = [pair for pair in _of(item.earlier, revision) if pair[0].spoken == spoken]
                spent = _with_overdue(spent, earlier)
                source = f"{item.source}/{spoken}"
                results.append(Reading(source, revision, spent, spoken, item.began))
    return tuple(results)


def copies(counted: Sequence[Counted]) -> tuple[Reading, ...]:
    """One reading of answers to mirrored requests per source and revision."""
    results = []
    for item in counted:
        for revision in sorted({meaning.revision for meaning, _ in item.counts if meaning.copy}):
            mine = [(m, value) for m, value in item.counts if m.copy and m.revision == revision]
            source = f"{item.source}/mirror"
            earlier = _of(item.earlier, revision, copy=True)
            counters = _with_overdue(_counters(mine), earlier)
            results.append(Reading(source, revision, counters, "http", item.began))
    return tuple(results)


def _counters(counts: Sequence[tuple[Meaning, int]]) -> Counters:
    buckets: Counter[float] = Counter()
    answers = []
    for meaning, value in counts:
        if meaning.kind is Kind.BUCKET:
            buckets[meaning.le] += value
        elif meaning.kind is Kind.ANSWER:
            answers.append((meaning.spoken, meaning.code, value))
    return replace(counters_of(answers, tuple(sorted(buckets.items()))), flow=flow_of(counts))


def _of(
    counts: Sequence[tuple[Meaning, int]], revision: int, *, copy: bool = False
) -> list[tuple[Meaning, int]]:
    """Those of one revision. copy: of mirrored requests."""
    return [(m, value) for m, value in counts if m.revision == revision and m.copy is copy]


def _with_overdue(counters: Counters, earlier: Sequence[tuple[Meaning, int]]) -> Counters:
    """With the requests that have waited too long. earlier: the same counters so long ago."""
    before = flow_of(earlier)
    if counters.flow is None or before is None:
        return counters
    overdue = waited(before.started, counters.flow)
    return replace(counters, flow=replace(counters.flow, overdue=overdue))


def flow_of(counts: Sequence[tuple[Meaning, int]]) -> Flow | None:
    """Requests begun and answered, of all protocols that tell; None where none does. A protocol
    that does not, such as gRPC with streams, hides no lost request of the others."""
    flows = [_spoken_flow(spoken, counts) for spoken in sorted({m.spoken for m, _ in counts})]
    known = [flow for flow in flows if flow is not None]
    if not known:
        return None
    return reduce(operator.add, known)


def _spoken_flow(spoken: Spoken, counts: Sequence[tuple[Meaning, int]]) -> Flow | None:
    answered = 0
    carried = 0
    named: Counter[str] = Counter()
    for meaning, value in counts:
        if meaning.spoken != spoken:
            continue
        if meaning.kind is Kind.ANSWER:
            answered += value
            if meaning.name:
                named[meaning.name] += 0  # none so far
        elif meaning.kind is Kind.LOST:
            named[LOST] += value
        elif meaning.kind is Kind.CARRIED:
            carried += value
        elif meaning.kind in (Kind.FLOW, Kind.ACTIVE):
            named[meaning.name] += value
    result = flow(spoken, named, answered)
    if result is None:
        return None
    return replace(result, started=result.started + carried, carried=carried)


def hidden_grpc(counted: Sequence[Counted]) -> str | None:
    """The first target that answered gRPC without counting grpc-status, by name."""
    for item in counted:
        unread = sum(value for meaning, value in item.counts if meaning.kind is Kind.UNREAD)
        if unread and not any(m.kind is Kind.ANSWER and m.spoken == "grpc" for m, _ in item.counts):
            return item.target.name
    return None

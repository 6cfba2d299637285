"""What each place has counted of requests begun and ended: one cluster of one process, over the
process's whole life, whatever was cut since.

Envoy Gateway's clusters stand in slots, so a place may speak of another revision after a write of
the route; the reading tells which. When a place had surely counted nothing is told by the process's
start, or by a scrape of the process that did not show it, or showed zeros.
"""

import operator
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

from tidegate.core.answers import Spoken
from tidegate.core.lost import Flow, lower, waited
from tidegate.deploy_worker.meters.flows import LOST, flow
from tidegate.deploy_worker.meters.profiles import Kind, Meaning
from tidegate.deploy_worker.meters.slots import Slots
from tidegate.deploy_worker.meters.targets import Target

Counts = Sequence[tuple[Meaning, int]]
_CUMULATIVE = (Kind.ANSWER, Kind.FLOW, Kind.LOST)


def place_name(target: Target, slots: Slots, revision: int, suffix: str = "") -> str:
    """The name of a revision's place at a target. suffix: of a part that is counted by itself."""
    position = f"r{revision}"
    if revision in slots.revisions:
        position = str(slots.revisions.index(revision))
    return f"{target.name}#{position}{suffix}"


def zero_at(target: Target, at: float, meanings: frozenset[Meaning]) -> float | None:
    """The latest time not after `at` at which every counter of these meanings was surely zero,
    epoch seconds; None where that is unknown."""
    counters = [
        samples
        for meaning, samples in target.counts.values()
        if meaning in meanings and meaning.kind in _CUMULATIVE
    ]
    begun = min((t for samples in counters for t, n in samples.items() if n), default=at + 1.0)
    times = [t for t in target.times() if t <= at and t < begun]
    birth = target.births.get(at)
    if birth is not None:
        times.append(birth)
    return max(times, default=None)


def flow_of(counts: Counts) -> Flow | None:
    """Requests begun and answered, of all protocols that tell; None where none does. A protocol
    that does not, such as gRPC with streams, hides no lost request of the others."""
    flows = [_spoken_flow(spoken, counts) for spoken in sorted({m.spoken for m, _ in counts})]
    known = [flow for flow in flows if flow is not None]
    if not known:
        return None
    return reduce(operator.add, known)


def with_overdue(flow: Flow, counts: Counts, earlier: Counts) -> Flow:
    """With the requests that wait too long. earlier: the same counters before they do."""
    now = flow_of(counts)
    before = flow_of(earlier)
    if now is None or before is None:
        return flow
    return replace(flow, overdue=waited(before.started, now))


def in_a_row(before: Counts, counts: Counts) -> Flow | None:
    """What two scrapes in a row both show. before: the counters of the one before, of the same life
    of the process; () where there is none."""
    second = flow_of(counts)
    first = flow_of(before)
    if first is None or second is None or second.settled:
        return second
    if first.answered > second.answered:
        return second
    return lower(first, second)


def _spoken_flow(spoken: Spoken, counts: Counts) -> Flow | None:
    answered = 0
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
        elif meaning.kind in (Kind.FLOW, Kind.ACTIVE):
            named[meaning.name] += value
    return flow(spoken, named, answered)

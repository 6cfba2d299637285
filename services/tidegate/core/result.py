"""The result of one reconcile: what is to be stored and written, and what came of the writes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from tidegate.core import planned_writes, written_fields
from tidegate.core.conditions import Condition, Wait
from tidegate.core.drift import Drift
from tidegate.core.drivers.base import Memory
from tidegate.core.failed_writes import FailedWrite
from tidegate.core.intent import Intent
from tidegate.core.load import Load, Rates
from tidegate.core.observation import Observation
from tidegate.core.planned_writes import PlannedWrite, Retry
from tidegate.core.ports import Apply, Done, WriteResult
from tidegate.core.steering import Decided


class Kind(StrEnum):
    """How far a pass came."""

    OK = "ok"
    FENCED = "fenced"  # nothing may be written here
    BLOCKED = "blocked"  # the allow-list does not allow what an endpoint would begin with
    GONE = "gone"  # nothing of the endpoint is left


@dataclass(frozen=True, slots=True)
class Result:
    """What one pass found.

    intent: after all decisions. decisions: to be stored in their order, before anything is written.
    writes: safe in any order, any number of times, and any part of them. waits: why something does
    not go on, in the order in which people read it. acting: what was decided over the rollout that
    acts. wake_at: when to reconcile again at the latest (epoch seconds), None: when something
    changes. retry: when a write that comes to nothing is tried again. failed_writes: what is
    remembered. drift: fields that somebody else changed, now or lately. load, rates: after this
    pass.
    """

    kind: Kind
    observation: Observation
    intent: Intent
    memory: Memory
    retry: Retry
    decisions: tuple[Decided, ...] = ()
    writes: tuple[PlannedWrite, ...] = ()
    waits: tuple[Wait, ...] = ()
    acting: Decided | None = None
    wake_at: float | None = None
    failed_writes: tuple[FailedWrite, ...] = ()
    drift: tuple[Drift, ...] = ()
    load: Load = Load()  # noqa: RUF009  (frozen)
    rates: Rates = Rates()  # noqa: RUF009  (frozen)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What waits, without when to look again."""
        return tuple(wait.condition for wait in self.waits)


def conclude(result: Result, written: Sequence[tuple[PlannedWrite, WriteResult]]) -> Result:
    """The result after its writes: what came to nothing is told, and remembered for the next
    pass."""
    waits: list[Wait] = list(result.waits)
    remembered = list(result.failed_writes)
    for write, answer in written:
        wait, failed = planned_writes.outcome(write, answer, result.retry)
        if wait is not None:
            waits += [wait]
        if failed is not None:
            remembered += [failed]
    applied = [
        write.write.manifest
        for write, answer in written
        if isinstance(answer, Done) and isinstance(write.write, Apply)
    ]
    fields = written_fields.added(result.memory.written, applied)
    now = result.retry.now
    again = planned_writes.soonest([answer for _, answer in written])
    wakes = [result.wake_at, *(_at(now, wait.wake_in) for wait in waits), _at(now, again)]
    return replace(
        result,
        memory=replace(result.memory, written=fields),
        waits=tuple(waits),
        failed_writes=tuple(remembered),
        wake_at=min((at for at in wakes if at is not None), default=None),
    )


def _at(now: float, seconds: float | None) -> float | None:
    if seconds is None:
        return None
    return now + seconds

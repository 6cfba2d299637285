"""Which of a driver's writes are worth making now, and what came of those that were made."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tidegate.core import failed_writes
from tidegate.core.conditions import Code, Condition, Wait
from tidegate.core.drivers.rendering import covers
from tidegate.core.failed_writes import FailedWrite
from tidegate.core.ports import (
    Apply,
    Conflict,
    Done,
    Manifest,
    Refused,
    Snapshot,
    Unavailable,
    Write,
    WriteResult,
)

# after a write, also one that met another object than was seen: the watch usually wakes us first
AGAIN_S = 0.5
BACK_OFF_S = 2.0  # after an outage


@dataclass(frozen=True, slots=True)
class PlannedWrite:
    """One write to the cluster, with the object that it meets as it was seen."""

    write: Write
    live: Manifest | None


@dataclass(frozen=True, slots=True)
class Sifted:
    """writes: those to make now. waits: why others are not made. failed: those of them that would
    come to nothing."""

    writes: tuple[PlannedWrite, ...] = ()
    waits: tuple[Wait, ...] = ()
    failed: tuple[FailedWrite, ...] = ()


@dataclass(frozen=True, slots=True)
class Retry:
    """When a write that came to nothing is tried again. before: what came to nothing so far.
    seconds: the interval."""

    before: tuple[FailedWrite, ...]
    generation: int
    now: float
    seconds: float


def sift(actions: Iterable[Write], snapshot: Snapshot, retry: Retry) -> Sifted:
    """Split what a driver would write into what is written now and what waits."""
    writes: list[PlannedWrite] = []
    waits: list[Wait] = []
    failed: list[FailedWrite] = []
    for action in actions:
        live = failed_writes.met(snapshot, action)
        leaving = _leaving(action, live)
        vain = _vain(action, live, retry)
        if leaving is not None:
            waits.append(Wait(leaving, failed_writes.SOON_S))
        elif vain is not None:
            failed.append(vain)
            waits.append(Wait(vain.condition(action, live), vain.at + retry.seconds - retry.now))
        else:
            writes.append(PlannedWrite(action, live))
    return Sifted(tuple(writes), tuple(waits), tuple(failed))


def outcome(
    write: PlannedWrite, result: WriteResult, retry: Retry
) -> tuple[Wait | None, FailedWrite | None]:
    """What one write's result means: something to say, and what to remember."""
    match result:
        case Done():
            taken = failed_writes.taken(write.write, write.live, retry.generation, retry.now)
            return None, taken
        case Conflict():
            return None, None
        case Refused(detail):
            vain = failed_writes.remember(write.write, retry.generation, detail, retry.now)
            return Wait(failed_writes.refused(write.write, detail), retry.seconds), vain
        case Unavailable(detail):
            condition = Condition(Code.WRITE_UNANSWERED, f"the cluster does not answer: {detail}")
            return Wait(condition, BACK_OFF_S), None


def alike(write: PlannedWrite) -> tuple[type[Write], str]:
    """What writes share that are refused or unanswered together: one kind's webhook or
    permission."""
    return type(write.write), failed_writes.kind(write.write)


def soonest(results: Sequence[WriteResult]) -> float | None:
    """Seconds until the next reconcile because of what these writes changed."""
    if any(isinstance(result, Done | Conflict) for result in results):
        return AGAIN_S
    return None


def _vain(action: Write, live: Manifest | None, retry: Retry) -> FailedWrite | None:
    generation = retry.generation
    now = retry.now
    seconds = retry.seconds
    covering = (
        failed_write
        for failed_write in retry.before
        if failed_write.covers(action, live, generation, now, seconds)
    )
    return next(covering, None)


def _leaving(action: Write, live: Manifest | None) -> Condition | None:
    """Why a write waits: somebody deletes its object, finalizers hold that up, and the write would
    change nothing. Such an object still serves, so that one which is to say something else is
    written."""
    if live is None or not live["metadata"].get("deletionTimestamp"):
        return None
    name = f"{live['kind']} {live['metadata']['name']}"
    if not isinstance(action, Apply):
        return Condition(Code.OBJECT_LEAVING, f"{name} is being deleted", {"object": name})
    if not covers(live, action.manifest):
        return None
    message = f"{name} is being deleted but needed: it is made again when it is gone"
    return Condition(Code.OBJECT_NEEDED, message, {"object": name})

"""What every driver offers, and the values it takes and gives.

Writes are an antichain: any subset of its writes, in any order, any number of times, is safe. What
must come later is a waiting reason, not a later list item; after a write the worker reconciles
again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tidegate.core.conditions import Code, Condition
from tidegate.core.drivers.planned import Planned
from tidegate.core.intent import EndpointKey, Intent, Revision
from tidegate.core.observation import Observation
from tidegate.core.ports import Snapshot, Write
from tidegate.core.reachable import ReachableIntent
from tidegate.core.written_fields import Written

Revisions = Mapping[int, Revision]


@dataclass(frozen=True, slots=True)
class Since:
    """A fact about a revision and when it began (epoch seconds); None: it has not begun."""

    revision: int
    at: float | None


@dataclass(frozen=True, slots=True)
class Memory:
    """What a driver must remember between reconciles; small, and rebuilt from observations if it is
    lost.

    size: stable's replicas since the rollout began, its largest. dropped: when an unwanted revision
    was first seen without a reference in the route. lost: candidates that had no ready pod while
    they had a share, and since when they are ready again. served: the standby revision that still
    had a share when the route was last seen. written: the fields that were written of each object.
    """

    size: int = 0
    dropped: tuple[Since, ...] = ()
    lost: tuple[Since, ...] = ()
    served: int | None = None
    written: tuple[Written, ...] = ()


@dataclass(frozen=True, slots=True)
class Writes:
    """Writes that are safe now, why others wait, and when time alone would change the answer."""

    writes: tuple[Write, ...] = ()
    waiting: tuple[str, ...] = ()
    memory: Memory = Memory()
    wake_at: float | None = None


class Driver(Protocol):
    """One mode's translation, pure."""

    def read(self, key: EndpointKey, revisions: Revisions, snapshot: Snapshot) -> Observation:
        """What the snapshot shows, without the mode."""

    def writes(
        self,
        intent: Intent,
        revisions: Revisions,
        snapshot: Snapshot,
        seen: Observation,
        memory: Memory,
        now: float,
    ) -> Writes:
        """The writes that bring the snapshot, of which `read` saw this, nearer to the intent.
        Whoever writes them has asked `fence` first."""

    def reachable(
        self, reachable_intents: Sequence[ReachableIntent], revisions: Revisions, snapshot: Snapshot
    ) -> tuple[Planned, ...]:
        """Every object that `writes` may hold on these reachable intents, beginning at the
        snapshot, each once. Replica floors are those of stable's size now; where stable grows they
        grow with it."""


def fence(
    intent: Intent, seen: Observation, store: str, known: str | None = None
) -> Condition | None:
    """Why nothing may be written at all, None when writing is allowed.

    A store that is older than the cluster (a restored backup, a second install) does not know what
    serves; every write of it could take traffic to the wrong place. known: the mark of our own
    intent of the generation that the cluster is at, where that is an earlier one than `intent`.

    Somebody's object under one of our names stops an endpoint that is about to begin. Where ours
    stand already it stops only the write that it is in the way of: else anybody who can make an
    object could stop an abort.
    """
    begins = intent.stable is not None and seen.stamp.generation is None and seen.gone
    in_the_way = (*([seen.conflict] if seen.conflict else []), *(seen.foreign if begins else ()))
    if in_the_way:
        message = f"{in_the_way[0]} is in the way and not ours: rename the endpoint, remove the object, or adopt it"
        return Condition(Code.NAME_TAKEN, message, {"object": in_the_way[0]})
    if seen.stamp.store is not None and seen.stamp.store != store:
        message = (
            f"the cluster's objects belong to another store ({seen.stamp.store}, ours is {store}): "
            "nothing is written; point this installation at that store"
        )
        return Condition(
            Code.OTHER_INSTALLATION, message, {"theirs": seen.stamp.store, "ours": store}
        )
    return _older_database(intent, seen, known)


def _older_database(intent: Intent, seen: Observation, known: str | None) -> Condition | None:
    if seen.stamp.generation is None:
        return None
    params = {"cluster": seen.stamp.generation, "database": intent.generation}
    if seen.stamp.generation > intent.generation:
        message = (
            f"the cluster is at generation {seen.stamp.generation}, this store knows only "
            f"{intent.generation}: "
            "the database is older than the cluster (a restored backup?), so nothing is written; "
            "bring the newer database back"
        )
        return Condition(Code.DATABASE_OLDER, message, params)
    mark = known
    if seen.stamp.generation == intent.generation:
        mark = intent.mark
    if mark is None or seen.stamp.mark is None or mark == seen.stamp.mark:
        return None
    message = (
        f"the cluster's generation {seen.stamp.generation} is not ours: this database was "
        "older than the cluster and has gone its own way since, so nothing is written; bring "
        "the newer database back"
    )
    return Condition(Code.DATABASE_FORKED, message, params)

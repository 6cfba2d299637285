"""How clients come in to an endpoint in standard mode, and what carries our stamp.

With the Gateway API it is an HTTPRoute of ours (`gateway.py`), which splits traffic; without, a
Service of the endpoint's name (`service.py`), which leads to one revision. An endpoint keeps the
one that it was made with.
"""

from collections.abc import Iterator
from typing import Protocol

from tidegate.core.drivers.planned import Levels, Planned
from tidegate.core.intent import Adopted, EndpointKey, Intent
from tidegate.core.observation import Observation
from tidegate.core.ports import Apply, Snapshot, Write
from tidegate.core.reachable import ReachableIntent
from tidegate.core.traffic import Traffic


class TrafficEntry(Protocol):
    """One kind of traffic entry, pure. `first`: how an adopted endpoint began, None for one that we
    made."""

    def names(self, key: EndpointKey, first: Adopted | None) -> tuple[tuple[str, str], ...]:
        """(kind, name) of what carries the stamp or the traffic: who has lost one of them writes
        nothing."""

    def stranded(self, key: EndpointKey, first: Adopted | None, snapshot: Snapshot) -> str | None:
        """Why this traffic entry cannot be used for this endpoint: nothing may be written, but it
        may be deleted."""

    def read(
        self, key: EndpointKey, first: Adopted | None, snapshot: Snapshot
    ) -> Observation | None:
        """Traffic, stamp and address; None where nothing of ours is there."""

    def stamped(
        self,
        intent: Intent,
        traffic: Traffic,
        seen: Observation,
        snapshot: Snapshot,
        first: Adopted | None,
    ) -> Apply | None:
        """The write that carries the stamp of a generation, None where it says so already."""

    def others(
        self, intent: Intent, traffic: Traffic, snapshot: Snapshot, first: Adopted | None
    ) -> Iterator[Write]:
        """What else it consists of."""

    def reached(
        self,
        reachable_intent: ReachableIntent,
        known: Levels,
        seen: Observation,
        first: Adopted | None,
    ) -> Iterator[Planned]:
        """Every object of it that may be written on a reachable intent."""

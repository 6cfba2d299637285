"""Objects of others that hold one of our names in kinds which are watched by our label only.

The watch cannot show them, so they are asked for by name: before the first create of an endpoint,
when a create met one, and again every INTERVAL_S while one stands in the way. An endpoint that has
its objects costs nothing.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from tidegate.core.drivers.rendering import ENDPOINT
from tidegate.core.ports import Unavailable
from tidegate.deploy_worker.kubernetes.kinds import Kind, Object, names_of

INTERVAL_S = 30.0
Get = Callable[[Kind, str, str], Object | Unavailable | None]
Place = tuple[Kind, str, str]


@dataclass(frozen=True, slots=True)
class _Seen:
    item: Object | None
    at: float


class Strangers:
    """See the module. Thread-safe. `clock`: monotonic seconds."""

    def __init__(self, get: Get, clock: Callable[[], float]) -> None:
        self._get = get
        self._clock = clock
        self._lock = threading.Lock()
        self._observations: dict[Place, _Seen] = {}

    def of(self, namespace: str, endpoint: str, *, fresh: bool) -> tuple[Object, ...] | Unavailable:
        """Who stands in the way of an endpoint. fresh: nothing of the endpoint exists yet, so look
        for them."""
        manifests = []
        for kind, name in names_of(endpoint):
            place = (kind, namespace, name)
            observation = self._observations.get(place)
            due = observation is None or self._clock() - observation.at > INTERVAL_S
            if due and (fresh or (observation is not None and observation.item is not None)):
                item = self._get(kind, namespace, name)
                if isinstance(item, Unavailable):
                    return item
                ours = (
                    item is not None
                    and (item["metadata"].get("labels") or {}).get(ENDPOINT) == endpoint
                )
                observation = self.note(place, None if ours else item)
            if observation is not None and observation.item is not None:
                manifests.append(observation.item)
        return tuple(manifests)

    def note(self, place: Place, item: Object | None) -> _Seen:
        """Remember what was found at a place."""
        kind = place[0]
        observation = _Seen(
            {"apiVersion": kind.api_version, "kind": kind.kind, **item} if item else None,
            self._clock(),
        )
        with self._lock:
            self._observations[place] = observation
            # Bounded: what is forgotten is only asked again
            if item is None and len(self._observations) > 10_000:
                self._observations = {
                    key: kept for key, kept in self._observations.items() if kept.item is not None
                }
        return observation

"""Objects of others that hold one of our names in kinds which are watched by our label only.

The watch cannot show them, so they are asked for by name: before the first create of an endpoint, when a create
met one, and again every LOOK_S while one stands in the way. An endpoint that has its objects costs nothing.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from tidegate.core.drivers.rendering import ENDPOINT
from tidegate.core.ports import Unavailable
from tidegate.deploy_worker.kubernetes.kinds import Kind, Object, names_of

LOOK_S = 30.0
Get = Callable[[Kind, str, str], Object | Unavailable | None]
Place = tuple[Kind, str, str]


@dataclass(frozen=True, slots=True)
class _Look:
    item: Object | None
    at: float


class Strangers:
    """See the module. Thread-safe. `clock`: monotonic seconds."""

    def __init__(self, get: Get, clock: Callable[[], float]) -> None:
        self._get = get
        self._clock = clock
        self._lock = threading.Lock()
        self._looks: dict[Place, _Look] = {}

    def of(self, namespace: str, endpoint: str, *, fresh: bool) -> tuple[Object, ...] | Unavailable:
        """Who stands in the way of an endpoint. fresh: nothing of the endpoint exists yet, so look for them."""
        found = []
        for kind, name in names_of(endpoint):
            place = (kind, namespace, name)
            look = self._looks.get(place)
            due = look is None or self._clock() - look.at > LOOK_S
            if due and (fresh or (look is not None and look.item is not None)):
                item = self._get(kind, namespace, name)
                if isinstance(item, Unavailable):
                    return item
                ours = item is not None and (item["metadata"].get("labels") or {}).get(ENDPOINT) == endpoint
                look = self.note(place, None if ours else item)
            if look is not None and look.item is not None:
                found.append(look.item)
        return tuple(found)

    def note(self, place: Place, item: Object | None) -> _Look:
        """Remember what was found at a place."""
        kind = place[0]
        look = _Look({"apiVersion": kind.api_version, "kind": kind.kind, **item} if item else None, self._clock())
        with self._lock:
            self._looks[place] = look
            if item is None and len(self._looks) > 10_000:  # bounded: what is forgotten is only asked again
                self._looks = {key: kept for key, kept in self._looks.items() if kept.item is not None}
        return look

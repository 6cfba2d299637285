"""Objects of one kind in one namespace: what the watch told, and on top of it our own writes until it tells them.

Why two layers: a round that follows a write must see it, though its watch event may still be on the way. An own
write covers the watched object until the watch delivers that version or a newer one, or until OWN_S passed:
then the watch is believed whatever it says, so that no wrong order (a restored etcd) can last.

resourceVersions are compared as integers, which Kubernetes promises within one kind (KEP-5504), and only to tell
whether the watch has passed one of our own writes; a server with other versions is believed at once.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tidegate.deploy_worker.kubernetes.kinds import Kind, Object, endpoints_of
from tidegate.deploy_worker.kubernetes.ownership import without_fields

OWN_S = 30.0


@dataclass(frozen=True, slots=True)
class _Own:
    """An own write: the object as the server answered it, None where we deleted the one with this uid."""

    item: Object | None
    uid: str
    version: str
    until: float


class Cache:
    """See the module. Thread-safe. `clock`: monotonic seconds. Changes return the names of the endpoints that they
    concern, empty where nothing changed but versions."""

    def __init__(self, kind: Kind, clock: Callable[[], float]) -> None:
        self.kind = kind
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[str, Object] = {}
        self._own: dict[str, _Own] = {}
        self._keys: dict[str, frozenset[str]] = {}
        self._index: dict[str, set[str]] = {}

    def of(self, endpoint: str) -> tuple[Object, ...]:
        """Every object that concerns an endpoint, by name."""
        with self._lock:
            names = sorted(self._index.get(endpoint, ()))
            found = (self._current(name) for name in names)
            return tuple(item for item in found if item is not None and endpoint in endpoints_of(item))

    def get(self, name: str) -> Object | None:
        """One object."""
        with self._lock:
            return self._current(name)

    def replace(self, items: Iterable[Object], version: str) -> frozenset[str]:
        """The answer of a LIST at this resourceVersion."""
        listed = {item["metadata"]["name"]: self._shaped(item) for item in items}
        with self._lock:
            before, self._seen = self._seen, listed
            names = before.keys() | listed.keys()
            for name, own in tuple(self._own.items()):
                if self._listed_over(own, listed.get(name), version):
                    del self._own[name]
            changed = frozenset[str]()
            for name in names:
                changed |= self._changed(before.get(name), listed.get(name))
                self._reindex(name)
            return changed

    def event(self, kind: str, item: Object) -> frozenset[str]:
        """One ADDED, MODIFIED or DELETED event of the watch."""
        item = self._shaped(item)
        name, uid = item["metadata"]["name"], item["metadata"].get("uid")
        with self._lock:
            before = self._seen.get(name)
            if kind != "DELETED":
                self._seen[name] = item
            elif before is not None and before["metadata"].get("uid") == uid:
                del self._seen[name]
            own = self._own.get(name)
            if own is not None and _overtakes(kind, item, own):
                del self._own[name]
            self._reindex(name)
            return self._changed(before, self._seen.get(name))

    def wrote(self, item: Object) -> None:
        """The server's answer to our own write."""
        item = self._shaped(item)
        meta = item["metadata"]
        with self._lock:
            seen = self._seen.get(meta["name"])
            if seen is not None and _not_before(seen["metadata"], meta["resourceVersion"]):
                return
            own = _Own(item, meta["uid"], meta["resourceVersion"], self._clock() + OWN_S)
            self._own[meta["name"]] = own
            self._reindex(meta["name"])

    def removed(self, name: str, uid: str) -> None:
        """The server has removed the object with this uid at our word."""
        with self._lock:
            current = self._current(name)
            if current is not None and current["metadata"]["uid"] == uid:
                self._own[name] = _Own(None, uid, "", self._clock() + OWN_S)

    def _shaped(self, item: Object) -> Object:
        # Items of a list of a built-in kind come without kind and apiVersion.
        return {"apiVersion": self.kind.api_version, "kind": self.kind.kind, **without_fields(item)}

    def _current(self, name: str) -> Object | None:
        own = self._own.get(name)
        if own is not None and self._clock() < own.until:
            return own.item
        return self._seen.get(name)

    def _listed_over(self, own: _Own, listed: Object | None, version: str) -> bool:
        if own.item is None:
            return listed is None or listed["metadata"]["uid"] != own.uid
        return _not_before({"resourceVersion": version}, own.version)

    def _changed(self, before: Object | None, after: Object | None) -> frozenset[str]:
        if _content(before) == _content(after):
            return frozenset()
        return (endpoints_of(before) if before else frozenset()) | (endpoints_of(after) if after else frozenset())

    def _reindex(self, name: str) -> None:
        keys = frozenset[str]()
        own = self._own.get(name)
        for item in (self._seen.get(name), own.item if own else None):
            keys |= endpoints_of(item) if item else frozenset()
        before = self._keys.pop(name, frozenset())
        for gone in before - keys:
            names = self._index[gone]
            names.discard(name)
            if not names:
                del self._index[gone]
        for key in keys - before:
            self._index.setdefault(key, set()).add(name)
        if keys:
            self._keys[name] = keys


def _overtakes(kind: str, item: Object, own: _Own) -> bool:
    meta = item["metadata"]
    if own.item is None:
        return kind == "DELETED" if meta.get("uid") == own.uid else True
    return _not_before(meta, own.version)


def _not_before(meta: Object, version: str) -> bool:
    """Whether a resourceVersion is this one or a later one; True where they cannot be compared."""
    seen = str(meta.get("resourceVersion", ""))
    return int(seen) >= int(version) if seen.isdecimal() and version.isdecimal() else True


def _content(item: Object | None) -> Object | None:
    """An object without its version: what a round could see a difference in."""
    if item is None:
        return None
    meta = {key: value for key, value in item["metadata"].items() if key not in ("resourceVersion", "managedFields")}
    return {**item, "metadata": meta}

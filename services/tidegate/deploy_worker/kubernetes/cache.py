"""Objects of one kind in one namespace: what the watch told, and on top of it our own writes until
it tells them.

Why two layers: a reconcile that follows a write must see it, though its watch event may still be on
the way. An own write covers the watched object until the watch has come to that version, by any
object of the kind, or until OWN_S passed: then the watch is believed whatever it says, so that no
wrong order (a restored etcd) can last.

resourceVersions are compared as integers, which Kubernetes promises within one kind (KEP-5504), and
only to tell whether the watch has passed one of our own writes; where they are no integers the
watch is believed at once.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tidegate.deploy_worker.kubernetes.kinds import WRITTEN, Kind, Object, endpoints_of
from tidegate.deploy_worker.kubernetes.ownership import (
    with_fields_of_others,
    without_fields,
)

OWN_S = 30.0


@dataclass(frozen=True, slots=True)
class _Own:
    """An own write: the object as the server answered it, None where we deleted the one with this
    uid."""

    item: Object | None
    uid: str
    version: str
    until: float


class Cache:
    """See the module. Thread-safe. `clock`: monotonic seconds. Changes return the names of the
    endpoints that they concern, empty where nothing changed but versions."""

    def __init__(self, kind: Kind, clock: Callable[[], float]) -> None:
        self.kind = kind
        self._reduced = without_fields
        if kind in WRITTEN:
            self._reduced = with_fields_of_others
        self._clock = clock
        self._lock = threading.Lock()
        self._at = ""  # the version that the watch has come to
        self._seen: dict[str, Object] = {}
        self._own: dict[str, _Own] = {}
        self._keys: dict[str, frozenset[str]] = {}
        self._index: dict[str, set[str]] = {}

    def of(self, endpoint: str) -> tuple[Object, ...]:
        """Every object that concerns an endpoint, by name."""
        with self._lock:
            names = sorted(self._index.get(endpoint, ()))
            manifests = (self._current(name) for name in names)
            return tuple(
                item for item in manifests if item is not None and endpoint in endpoints_of(item)
            )

    def get(self, name: str) -> Object | None:
        """One object."""
        with self._lock:
            return self._current(name)

    def replace(self, items: Iterable[Object], version: str) -> frozenset[str]:
        """The answer of a LIST at this resourceVersion."""
        listed = {item["metadata"]["name"]: self._shaped(item) for item in items}
        with self._lock:
            before = self._seen
            self._seen = listed
            self._at = version
            changed = frozenset[str]()
            for name in before.keys() | listed.keys() | self._own.keys():
                self._settle(name)
                changed |= self._changed(before.get(name), listed.get(name))
            return changed

    def event(self, kind: str, item: Object) -> frozenset[str]:
        """One ADDED, MODIFIED or DELETED event of the watch."""
        item = self._shaped(item)
        name = item["metadata"]["name"]
        uid = item["metadata"].get("uid")
        with self._lock:
            before = self._seen.get(name)
            if kind != "DELETED":
                self._seen[name] = item
            elif before is not None and before["metadata"].get("uid") == uid:
                del self._seen[name]
            self._at = str(item["metadata"].get("resourceVersion", ""))
            self._settle(name)
            return self._changed(before, self._seen.get(name))

    def wrote(self, item: Object) -> None:
        """The server's answer to our own write."""
        item = self._shaped(item)
        meta = item["metadata"]
        with self._lock:
            own = _Own(item, meta["uid"], meta["resourceVersion"], self._clock() + OWN_S)
            if not self._passed(meta["name"], own):
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
        return {"apiVersion": self.kind.api_version, "kind": self.kind.kind, **self._reduced(item)}

    def _current(self, name: str) -> Object | None:
        own = self._own.get(name)
        if own is not None and self._clock() < own.until and not self._passed(name, own):
            return own.item
        return self._seen.get(name)

    def _passed(self, name: str, own: _Own) -> bool:
        """Whether the watch knows the outcome of an own write."""
        if own.item is not None:
            return _not_before(self._at, own.version)
        seen = self._seen.get(name)
        return seen is None or seen["metadata"].get("uid") != own.uid

    def _settle(self, name: str) -> None:
        """Forget an own write that the watch has passed, and index what is left."""
        own = self._own.get(name)
        if own is not None and self._passed(name, own):
            del self._own[name]
        self._reindex(name)

    def _changed(self, before: Object | None, after: Object | None) -> frozenset[str]:
        if _content(before) == _content(after):
            return frozenset()
        return (endpoints_of(before) if before else frozenset()) | (
            endpoints_of(after) if after else frozenset()
        )

    def _reindex(self, name: str) -> None:
        keys = frozenset[str]()
        own = self._own.get(name)
        for item in (self._seen.get(name), own.item if own else None):
            if item:
                keys |= endpoints_of(item)
            else:
                keys |= frozenset()
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


def _not_before(seen: str, version: str) -> bool:
    """Whether a resourceVersion is this one or a later one; True where they cannot be compared,
    except before the first word of the watch."""
    if seen.isdecimal() and version.isdecimal():
        return int(seen) >= int(version)
    return bool(seen)


def _content(item: Object | None) -> Object | None:
    """An object without its version: what a reconcile could see a difference in."""
    if item is None:
        return None
    meta = {
        key: value
        for key, value in item["metadata"].items()
        if key not in ("resourceVersion", "managedFields")
    }
    return {**item, "metadata": meta}

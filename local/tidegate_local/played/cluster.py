"""The Cluster port over the object store: what the worker's Kubernetes adapter is to a real API
server."""

import re
from collections.abc import Callable

from tidegate.core.intent import EndpointKey
from tidegate.core.ports import (
    Apply,
    Capabilities,
    Conflict,
    Done,
    Refused,
    Remove,
    Snapshot,
    Write,
)
from tidegate_local.played.api import CONFIG_MAP, HTTP_ROUTE, ISVC, SERVICE, Kind, kind_of
from tidegate_local.played.kserve_shape import ISVC_LABEL
from tidegate_local.played.objects import Object, Objects

ENDPOINT_LABEL = "tidegate.dev/endpoint"
_REVISION = re.compile(r"-r\d+$")
_NAMED = (ISVC, HTTP_ROUTE, SERVICE, CONFIG_MAP)


class FakeCluster:
    """core.ports.Cluster on Objects. Writes go in by the one field manager, Tidegate."""

    def __init__(self, objects: Objects, capabilities: Capabilities | None = None) -> None:
        self._objects = objects
        self._capabilities = capabilities or Capabilities()

    def observe(self, key: EndpointKey) -> Snapshot:
        """Every object of the endpoint: by our label, by its names, and what KServe made of
        those."""
        objects = self._objects
        mine = tuple(obj for obj in objects.all(key.namespace) if _belongs(obj, key.name))
        return Snapshot(key, mine, objects.clock())

    def write(self, action: Write, *, dry_run: bool = False) -> Done | Conflict | Refused:
        """Apply or Remove, each only while the object is the one that was seen."""
        match action:
            case Apply(manifest, uid, _):
                return self._objects.apply(manifest, uid, dry_run=dry_run)
            case Remove(api_version, kind, namespace, name, uid, _):
                return self._remove(Kind(api_version, kind), namespace, name, uid, dry_run)

    def watch(self, wake: Callable[[EndpointKey], None]) -> Callable[[], None]:
        """Call `wake` for every endpoint there is, in this thread, then for that of each changed
        object, in the thread that changed it: what changed while nobody watched is looked at,
        too."""

        def changed(obj: Object) -> None:
            key = _endpoint(obj)
            if key is not None:
                wake(key)

        stop = self._objects.watch(changed)
        for key in {key for obj in self._objects.all() if (key := _endpoint(obj)) is not None}:
            wake(key)
        return stop

    def capabilities(self) -> Capabilities:
        """As given."""
        return self._capabilities

    def _remove(
        self, kind: Kind, namespace: str, name: str, uid: str, dry_run: bool
    ) -> Done | Conflict:
        if not dry_run:
            return self._objects.delete(kind, namespace, name, uid)
        present = self._objects.get(kind, namespace, name)
        if present is not None and present["metadata"]["uid"] != uid:
            return Conflict(
                f'{kind.kind} "{name}": uid is {present["metadata"]["uid"]}, not {uid}: look again'
            )
        return Done()


def _belongs(obj: Object, name: str) -> bool:
    metadata = obj["metadata"]
    labels = metadata.get("labels", {})
    if labels.get(ENDPOINT_LABEL) == name:
        return True
    if kind_of(obj) in _NAMED and metadata["name"] in (name, f"{name}-tidegate"):
        return True
    if kind_of(obj) == ISVC:
        isvc = metadata["name"]
    else:
        isvc = labels.get(ISVC_LABEL, "")
    return bool(isvc == name or (isvc.startswith(f"{name}-r") and _REVISION.sub("", isvc) == name))


def _endpoint(obj: Object) -> EndpointKey | None:
    """The endpoint that an object is about; None for what is nobody's."""
    metadata = obj["metadata"]
    labels = metadata.get("labels", {})
    if ENDPOINT_LABEL in labels:
        return EndpointKey(metadata["namespace"], labels[ENDPOINT_LABEL])
    isvc = labels.get(ISVC_LABEL)
    if isvc:
        return EndpointKey(metadata["namespace"], _REVISION.sub("", isvc))
    if kind_of(obj) in _NAMED:
        return EndpointKey(
            metadata["namespace"], _REVISION.sub("", metadata["name"]).removesuffix("-tidegate")
        )
    return None

"""The two writes that drivers make, of what they saw."""

from typing import Any

from tidegate.core.drivers.rendering import covers, uid_of
from tidegate.core.ports import Apply, Manifest, Remove, Snapshot


def apply(snapshot: Snapshot, desired: dict[str, Any], message: str) -> Apply | None:
    """A write of the full object, None where the live one already says so."""
    name = desired["metadata"]["name"]
    kind = desired["kind"]
    live = snapshot.get(kind, name)
    if live is not None and covers(live, desired) and not live["metadata"].get("deletionTimestamp"):
        return None
    return Apply(desired, uid_of(snapshot, kind, name), message)


def remove(manifest: Manifest, message: str) -> Remove:
    """A removal of this very object."""
    meta = manifest["metadata"]
    return Remove(
        manifest["apiVersion"],
        manifest["kind"],
        meta["namespace"],
        meta["name"],
        meta["uid"],
        message,
    )

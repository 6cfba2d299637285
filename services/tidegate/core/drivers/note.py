"""The note of an endpoint without an HTTPRoute of ours: a ConfigMap that says whose the objects are
and which intent they follow. It is written and read back before the first other write of a
generation."""

from dataclasses import dataclass
from typing import Any

from tidegate.core.drivers.rendering import Platform, generation_of, labels, ours
from tidegate.core.intent import EndpointKey, Intent
from tidegate.core.ports import Manifest, Snapshot

KIND = "ConfigMap"


@dataclass(frozen=True, slots=True)
class Noted:
    """What a note says; all None where there is none of ours."""

    store: str | None = None
    generation: int | None = None
    mark: str | None = None


def name(key: EndpointKey) -> str:
    """The ConfigMap's."""
    return f"{key.name}-tidegate"


def find(key: EndpointKey, snapshot: Snapshot) -> Manifest | None:
    """The note, None also where an object of somebody else has its name."""
    manifest = snapshot.get(KIND, name(key))
    if manifest is not None and ours(manifest, key):
        return manifest
    return None


def read(key: EndpointKey, snapshot: Snapshot) -> Noted:
    """What the note says."""
    manifest = find(key, snapshot)
    if manifest:
        data = manifest.get("data") or {}
    else:
        data = {}
    return Noted(data.get("store"), generation_of(data.get("generation")), data.get("mark"))


def render(intent: Intent, platform: Platform) -> dict[str, Any]:
    """The full ConfigMap."""
    key = intent.key
    return {
        "apiVersion": "v1",
        "kind": KIND,
        "metadata": {"name": name(key), "namespace": key.namespace, "labels": labels(key)},
        # no "/" in these keys: the API server refuses it
        "data": {"store": platform.store, "generation": str(intent.generation)}
        | ({"mark": intent.mark} if intent.mark else {}),
    }

"""An adopted InferenceService, seen as revision 0.

It was made by somebody else and carries none of our labels: a label would restart its pods, because
KServe copies labels into the pod template. So it is known by the uid that was recorded when it was
adopted, and `present` shows it, and what KServe made of it, with the labels that it would carry as
`r0`. The drivers then need no second way to look. It counts only beside our own stamp (the
HTTPRoute, in Knative mode the ConfigMap): before that nothing is ours, and after the endpoint is
deleted it is its owner's again.

Standard mode never writes, scales or deletes it. In Knative mode, where an endpoint is one
InferenceService, it becomes ours with the first revision of ours, in the same write.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tidegate.core.drivers import note
from tidegate.core.drivers.rendering import (
    ENDPOINT,
    HTTP_SERVICE_PORT,
    ISVC_LABEL,
    MANAGED_BY,
    REVISION,
    labels,
    ours,
)
from tidegate.core.intent import Adopted, EndpointKey, Mode, Revision
from tidegate.core.ports import Manifest, Snapshot
from tidegate.core.triton.protocol import GRPC_PORT

# an adopted InferenceService is always the endpoint's first revision, and none of ours has this
# number
NUMBER = 0
_CHILDREN = ("Deployment", "Pod", "Revision")


def adopted(revisions: Mapping[int, Revision]) -> Adopted | None:
    """How the endpoint began, None for one that we made."""
    first = revisions.get(NUMBER)
    if not first:
        return None
    return first.adopted


def route_name(key: EndpointKey, first: Adopted | None) -> str:
    """Our HTTPRoute's: KServe's own route of an adopted InferenceService may hold the endpoint's
    name."""
    if first is None:
        return key.name
    return f"{key.name}-tidegate"


def service_port(first: Adopted | None, revision: int, *, grpc: bool) -> int:
    """The port of a revision's Service. KServe (v0.20.0, createDefaultSvc) maps an
    InferenceService's first container port to 80, whatever it is, and opens the others under their
    own numbers. So gRPC of an adopted one is at 9000 only where that is not its first port; else it
    stays at 80, which always exists: a reference to a port that does not would cost the whole route
    its acceptance."""
    if not grpc:
        return HTTP_SERVICE_PORT
    if first is None or revision != NUMBER:
        return GRPC_PORT
    others = ((first.predictor.get("model") or {}).get("ports") or ())[1:]
    if any(port.get("containerPort") == GRPC_PORT for port in others):
        return GRPC_PORT
    return HTTP_SERVICE_PORT


def present(
    snapshot: Snapshot, key: EndpointKey, revisions: Mapping[int, Revision], mode: Mode
) -> Snapshot:
    """The snapshot as the drivers read it; the same one where nothing was adopted."""
    known = adopted(revisions)
    if known is None:
        return snapshot
    if mode is Mode.STANDARD:
        stamp = ("HTTPRoute", route_name(key, known))
    else:
        stamp = (note.KIND, note.name(key))
    manifest = snapshot.get(*stamp)
    stamped = manifest is not None and ours(manifest, key)
    manifests = (_present(item, key, known, mode, stamped=stamped) for item in snapshot.objects)
    return replace(snapshot, objects=tuple(item for item in manifests if item is not None))


def numbered(snapshot: Snapshot, key: EndpointKey) -> Snapshot:
    """Return the snapshot in which what KServe made of an adopted InferenceService is labelled r0.

    For readers of counters, who know no revisions. Of an endpoint that we made, all carry a number.
    """
    objects = tuple(_numbered(item, key) for item in snapshot.objects)
    return replace(snapshot, objects=objects)


def _numbered(item: Manifest, key: EndpointKey) -> Manifest:
    """One of its children with a number; after it became ours in Knative mode, ours have one."""
    labels_of = item["metadata"].get("labels") or {}
    child = item["kind"] in _CHILDREN and labels_of.get(ISVC_LABEL) == key.name
    if not child or REVISION in labels_of:
        return item
    return _labelled(item, {ENDPOINT: key.name, REVISION: f"r{NUMBER}"})


def _present(
    manifest: Manifest, key: EndpointKey, known: Adopted, mode: Mode, *, stamped: bool
) -> Manifest | None:
    meta = manifest["metadata"]
    kind = manifest["kind"]
    if ours(manifest, key):
        return manifest
    if kind == "InferenceService" and meta["name"] == key.name:
        if meta["uid"] == known.uid:
            if not stamped:
                return None
            return _labelled_service(manifest, key, mode)
        # in standard mode it holds none of our names
        if mode is Mode.STANDARD:
            return None
        return manifest
    if kind in ("HTTPRoute", "Service") and meta["name"] == key.name:
        return None  # KServe's own: ours have other names
    return _numbered(manifest, key)


def _labelled_service(manifest: Manifest, key: EndpointKey, mode: Mode) -> Manifest:
    view = _labelled(manifest, labels(key) | {REVISION: f"r{NUMBER}"})
    if mode is Mode.STANDARD:
        return view
    predictor = manifest["spec"]["predictor"]
    head = {**(predictor.get("labels") or {}), ENDPOINT: key.name, REVISION: f"r{NUMBER}"}
    return {**view, "spec": {**manifest["spec"], "predictor": {**predictor, "labels": head}}}


def _labelled(manifest: Manifest, more: Mapping[str, str]) -> Manifest:
    meta = manifest["metadata"]
    return {**manifest, "metadata": {**meta, "labels": {**(meta.get("labels") or {}), **more}}}


def untouched(live: Manifest | None, revisions: Mapping[int, Revision], snapshot: Snapshot) -> bool:
    """Whether an InferenceService, as presented, is still its owner's: nothing of ours was written
    to it."""
    known = adopted(revisions)
    if live is None or known is None or live["metadata"]["uid"] != known.uid:
        return False
    original = snapshot.get("InferenceService", live["metadata"]["name"])
    return original is not None and MANAGED_BY not in (original["metadata"].get("labels") or {})


def restored(known: Adopted) -> dict[str, Any]:
    """The owner's own predictor, as it was when it was adopted."""
    return {
        name: value for name, value in known.predictor.items() if name != "canaryTrafficPercent"
    }

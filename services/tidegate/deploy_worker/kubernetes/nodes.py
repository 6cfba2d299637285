"""Nodes and what pods take on them, in the values of preflight."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from tidegate.core.drivers.rendering import number_of
from tidegate.core.ports import Snapshot
from tidegate.deploy_worker.kubernetes.pods import added, amounts, ended, pod_asks
from tidegate.deploy_worker.preflight.placement import of_node
from tidegate.deploy_worker.preflight.places import CORDON, Amounts, Node, Taint
from tidegate.deploy_worker.preflight.site import Placed

# Those that have a node and have not ended: the others take nothing.
PLACED = {"fieldSelector": "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed"}


def node_of(manifest: Mapping[str, Any]) -> Node:
    """One node. A cordoned one has its taint, also before Kubernetes writes it."""
    meta = manifest["metadata"]
    spec = manifest.get("spec") or {}
    taints = {_taint(taint) for taint in spec.get("taints") or ()}
    if spec.get("unschedulable"):
        taints.add(Taint(CORDON))
    offers = amounts((manifest.get("status") or {}).get("allocatable") or {})
    return Node(meta["name"], offers, meta.get("labels") or {}, tuple(sorted(taints, key=str)))


def _taint(manifest: Mapping[str, Any]) -> Taint:
    return Taint(manifest["key"], manifest.get("value") or "", manifest.get("effect") or "")


def own_of(snapshot: Snapshot) -> tuple[Placed, ...]:
    """The endpoint's pods that are on nodes."""
    pairs = ((number_of(pod) or 0, _takes(pod)) for pod in snapshot.all("Pod"))
    return tuple(Placed(number, *taken) for number, taken in pairs if taken is not None)


def others_of(
    pods: Iterable[Mapping[str, Any]], snapshot: Snapshot
) -> dict[str, dict[str, Decimal]]:
    """What these pods take, by node, without those of the snapshot."""
    ours = {pod["metadata"].get("uid") for pod in snapshot.all("Pod")}
    others: dict[str, dict[str, Decimal]] = {}
    for pod in pods:
        taken = _takes(pod)
        if taken is None or pod["metadata"].get("uid") in ours:
            continue
        node, takes = taken
        others[node] = added(others.get(node, {}), takes)
    return others


def _takes(pod: Mapping[str, Any]) -> tuple[str, Amounts] | None:
    """Its node and what it takes there."""
    spec = pod.get("spec") or {}
    node = spec.get("nodeName")
    if node and not ended(pod):
        return (node, of_node(pod_asks(spec)))
    return None

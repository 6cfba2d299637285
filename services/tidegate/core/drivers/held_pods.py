"""Pods that a reconcile holds back: ready to the cluster, not ready to the drivers, so that nothing
moves to them."""

from collections.abc import Collection
from dataclasses import replace

from tidegate.core.drivers.pod_state import NOT_WARMED_UP, condition
from tidegate.core.drivers.rendering import number_of
from tidegate.core.ports import Manifest, Snapshot


def pods_of(snapshot: Snapshot, revision: int) -> frozenset[str]:
    """The uids of a revision's pods."""
    pods = snapshot.all("Pod")
    return frozenset(pod["metadata"]["uid"] for pod in pods if number_of(pod) == revision)


def without(snapshot: Snapshot, pods: Collection[str]) -> Snapshot:
    """The snapshot with these pods, by uid, not ready, and not counted by their Deployments."""
    if not pods:
        return snapshot
    missing: dict[str, int] = {}
    for pod in snapshot.all("Pod"):
        if pod["metadata"]["uid"] in pods:
            name = f"{snapshot.key.name}-r{number_of(pod)}-predictor"
            missing[name] = missing.get(name, 0) + 1
    return replace(
        snapshot, objects=tuple(_changed(item, pods, missing) for item in snapshot.objects)
    )


def _changed(item: Manifest, pods: Collection[str], missing: dict[str, int]) -> Manifest:
    meta = item["metadata"]
    status = item.get("status") or {}
    if item["kind"] == "Pod" and meta["uid"] in pods:
        unready = {
            **condition(item, "Ready"),
            "type": "Ready",
            "status": "False",
            "reason": NOT_WARMED_UP,
        }
        others = [c for c in status.get("conditions") or () if c.get("type") != "Ready"]
        return {**item, "status": {**status, "conditions": [*others, unready]}}
    fewer = missing.get(meta["name"], 0)
    if item["kind"] == "Deployment" and fewer:
        available = max(0, status.get("availableReplicas", 0) - fewer)
        return {**item, "status": {**status, "availableReplicas": available}}
    return item

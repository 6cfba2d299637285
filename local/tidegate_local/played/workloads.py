"""Deployments to Pods, and what the kubelet says about them: the Kubernetes half of the fake.

A change of the pod template is a rolling update with Deployment's defaults (25 % surge rounded up,
25 % unavailable rounded down). ReplicaSets are not stored: the label `pod-template-hash` stands for
them.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from tidegate_local.played.api import DEPLOYMENT, HPA, POD, SCALED_OBJECT
from tidegate_local.played.conditions import condition, find, stamped, status_of
from tidegate_local.played.objects import Object, owner, timestamp
from tidegate_local.played.world import World

HASH = "pod-template-hash"


def reconcile(world: World) -> None:
    """One pass over every Deployment."""
    for deployment in world.objects.list(DEPLOYMENT):
        current = template_hash(deployment)
        _scale(world, deployment, pods_of(world, deployment), current)
        _report(world, deployment, pods_of(world, deployment), current)


def autoscale(world: World) -> None:
    """One pass of the autoscalers: replicas between minReplicas and maxReplicas as the load
    needs."""
    for kind, low, high in (
        (HPA, "minReplicas", "maxReplicas"),
        (SCALED_OBJECT, "minReplicaCount", "maxReplicaCount"),
    ):
        for scaler in world.objects.list(kind):
            metadata = scaler["metadata"]
            spec = scaler["spec"]
            target = world.objects.get(
                DEPLOYMENT, metadata["namespace"], spec["scaleTargetRef"]["name"]
            )
            if target is not None:
                desired = max(spec.get(low, 1), min(world.load(target), spec.get(high, 100)))
                world.write(target, {**target, "spec": {**target["spec"], "replicas": desired}})


def pods_of(world: World, deployment: Object) -> list[Object]:
    """Pods of a Deployment that are not terminating."""
    manifests = world.objects.list(
        POD, deployment["metadata"]["namespace"], deployment["spec"]["selector"]["matchLabels"]
    )
    return [pod for pod in manifests if alive(pod) and _mine(pod, deployment)]


def alive(pod: Object) -> bool:
    """Not terminating."""
    return "deletionTimestamp" not in pod["metadata"]


def is_ready(pod: Object) -> bool:
    """Takes requests."""
    return alive(pod) and status_of(pod, "Ready") == "True"


def template_hash(deployment: Object) -> str:
    """Names the pod template: another hash, another ReplicaSet."""
    text = json.dumps(deployment["spec"]["template"], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _mine(pod: Object, deployment: Object) -> bool:
    owners = pod["metadata"].get("ownerReferences", ())
    return any(o["uid"] == deployment["metadata"]["uid"] for o in owners)


def _scale(world: World, deployment: Object, pods: Sequence[Object], current: str) -> None:
    spec = deployment["spec"]
    desired = spec.get("replicas", 1)
    surge, unavailable = _bounds(spec, desired)
    new = [pod for pod in pods if pod["metadata"]["labels"][HASH] == current]
    old = [pod for pod in pods if pod["metadata"]["labels"][HASH] != current]
    room = desired + (surge if old else 0) - len(pods)
    for _ in range(max(0, min(desired - len(new), room))):
        if _refusal(world, deployment):
            break
        _start(world, deployment, current)
    for pod in _first_to_go(new)[: max(0, len(new) - desired)]:
        _delete(world, pod)
    available = sum(is_ready(pod) for pod in (*new, *old))
    spare = available - (desired - unavailable)
    for pod in _first_to_go(old):
        if not is_ready(pod):
            _delete(world, pod)
        elif spare > 0:
            _delete(world, pod)
            spare -= 1


def _bounds(spec: Mapping[str, Any], desired: int) -> tuple[int, int]:
    """maxSurge and maxUnavailable in pods; 1 and 0 when both round to nothing."""
    strategy = spec.get("strategy", {})
    if strategy.get("type") == "Recreate":
        return 0, desired
    rolling = strategy.get("rollingUpdate", {})
    surge = _share(rolling.get("maxSurge", "25%"), desired, math.ceil)
    unavailable = _share(rolling.get("maxUnavailable", "25%"), desired, math.floor)
    if surge or unavailable:
        return (surge, unavailable)
    return (0, 1)


def _share(value: int | str, desired: int, rounded: Any) -> int:
    if isinstance(value, int):
        return value
    return int(rounded(desired * int(value.rstrip("%")) / 100))


def _first_to_go(pods: Sequence[Object]) -> list[Object]:
    """Not ready before ready, then the youngest (Deployment's own order)."""
    return sorted(pods, key=lambda pod: (is_ready(pod), -int(pod["metadata"]["resourceVersion"])))


def _delete(world: World, pod: Object) -> None:
    world.objects.delete(
        POD, pod["metadata"]["namespace"], pod["metadata"]["name"], pod["metadata"]["uid"]
    )


def _refusal(world: World, deployment: Object) -> str:
    """What admission says of one more pod, where a quota of pods is used up; '' where it is not."""
    if world.pod_quota is None:
        return ""
    used = len(world.objects.list(POD, deployment["metadata"]["namespace"]))
    if used < world.pod_quota:
        return ""
    name = deployment["metadata"]["name"]
    amounts = f"requested: pods=1, used: pods={used}, limited: pods={world.pod_quota}"
    return f'pods "{name}-" is forbidden: exceeded quota: tenant, {amounts}'


def _start(world: World, deployment: Object, current: str) -> None:
    template = deployment["spec"]["template"]
    metadata = deployment["metadata"]
    labels = {**template["metadata"].get("labels", {}), HASH: current}
    world.write(
        deployment,
        {
            "apiVersion": POD.api_version,
            "kind": POD.kind,
            "metadata": {
                "name": f"{metadata['name']}-{current}-{world.objects.version:05d}",
                "namespace": metadata["namespace"],
                "labels": labels,
                "annotations": template["metadata"].get("annotations", {}),
                "ownerReferences": owner(deployment),
            },
            "spec": template["spec"],
        },
    )


def _report(world: World, deployment: Object, pods: Sequence[Object], current: str) -> None:
    desired = deployment["spec"].get("replicas", 1)
    updated = sum(pod["metadata"]["labels"][HASH] == current for pod in pods)
    ready = sum(is_ready(pod) for pod in pods)
    fresh = sum(is_ready(pod) and pod["metadata"]["labels"][HASH] == current for pod in pods)
    _, unavailable = _bounds(deployment["spec"], desired)
    enough = ready >= desired - unavailable
    reason = "MinimumReplicasUnavailable"
    if enough:
        reason = "MinimumReplicasAvailable"
    available = condition("Available", enough, reason)
    counts = {
        "replicas": len(pods),
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": ready,
    }
    counts["unavailableReplicas"] = max(0, desired - ready)
    done = updated == desired == fresh == len(pods)
    progressing = _progress(world, deployment, counts, done)
    old = deployment.get("status", {}).get("conditions", ())
    status = {**counts, "observedGeneration": deployment["metadata"]["generation"]}
    present = [available]
    refusal = _refusal(world, deployment)
    if refusal and len(pods) < desired:
        present.append(condition("ReplicaFailure", True, "FailedCreate", refusal))
    conditions = [*stamped(old, present, world.now), progressing]
    world.objects.set_status(deployment, {**status, "conditions": conditions})


def _progress(
    world: World, deployment: Object, counts: Mapping[str, int], done: bool
) -> Mapping[str, Any]:
    """Progressing: its lastUpdateTime is the last time when the counts or the spec moved, until all
    was available. From then on it stays as it is while no pod is of another template."""
    status = deployment.get("status", {})
    old = find(deployment, "Progressing")
    complete = old is not None and old.get("reason") == "NewReplicaSetAvailable"
    if old is not None and complete and counts["replicas"] == counts["updatedReplicas"]:
        return old
    moved = old is None or status.get("observedGeneration") != deployment["metadata"]["generation"]
    moved = moved or any(status.get(key) != value for key, value in counts.items())
    if moved or old is None:
        since = timestamp(world.now)
    else:
        since = old["lastUpdateTime"]
    deadline = deployment["spec"].get("progressDeadlineSeconds", world.settings.progress_deadline)
    late = not done and timestamp(world.now - deadline) >= since
    if done:
        entry = condition("Progressing", True, "NewReplicaSetAvailable")
    elif late:
        entry = condition(
            "Progressing",
            False,
            "ProgressDeadlineExceeded",
            "the new pods have not become ready in time",
        )
    else:
        entry = condition("Progressing", True, "ReplicaSetUpdated")
    return {**stamped([old] if old else [], [entry], world.now)[0], "lastUpdateTime": since}

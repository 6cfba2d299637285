"""The kubelet's side of a Pod: start it, report it, stop it after its grace."""

from collections.abc import Mapping
from typing import Any

from tidegate_local.played.api import POD
from tidegate_local.played.conditions import condition, stamped, status_of
from tidegate_local.played.objects import Object, timestamp
from tidegate_local.played.world import PodState, World

UNSCHEDULABLE = "Unschedulable"  # no machine has room
ROUTED = "tidegate.dev/routed"  # the data plane knows the pod, where it should: a readiness gate


def reconcile(world: World) -> None:
    """One pass over every Pod. start and stop are repeatable, so this needs no memory, also after a
    restart."""
    for pod in world.objects.list(POD):
        if "deletionTimestamp" in pod["metadata"]:
            _finish(world, pod)
        else:
            world.kubelet.start(pod)
            world.objects.set_status(pod, _status(pod, world.kubelet.status(pod), world.now))


def answers(pod: Object) -> bool:
    """Its containers are ready: once the data plane knows it, it takes requests."""
    return (
        "deletionTimestamp" not in pod["metadata"] and status_of(pod, "ContainersReady") == "True"
    )


def open_gate(world: World, pod: Object) -> None:
    """What should lead to the pod does, so that nobody hears "ready" before its requests are
    answered."""
    conditions = [*pod["status"]["conditions"], condition(ROUTED, True)]
    world.objects.set_status(
        pod,
        {
            **pod["status"],
            "conditions": stamped(pod["status"]["conditions"], conditions, world.now),
        },
    )


def failure(pod: Object) -> Mapping[str, Any] | None:
    """Why the container does not run: {reason, message, exitCode}; None while it runs or has not
    failed yet."""
    for container in pod.get("status", {}).get("containerStatuses", ()):
        waiting = container["state"].get("waiting")
        last = container["lastState"].get("terminated")
        if waiting and waiting["reason"] != "ContainerCreating":
            return {
                **waiting,
                **({"exitCode": last["exitCode"], "message": last["message"]} if last else {}),
            }
    return None


def _finish(world: World, pod: Object) -> None:
    """Stop the pod and forget it once its preStop sleep is over: until then it answers what still
    arrives."""
    containers = pod["spec"].get("containers", ())
    sleeps = [
        c.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        for c in containers
    ]
    if timestamp(world.now - max(sleeps, default=0)) >= pod["metadata"]["deletionTimestamp"]:
        world.kubelet.stop(pod)
        world.objects.purge(pod)


def _status(pod: Object, state: PodState, now: float) -> dict[str, Any]:
    reason = "ContainersNotReady"
    if state.ready:
        reason = ""
    runs = condition("ContainersReady", state.ready, reason)
    gate = [
        c
        for c in pod.get("status", {}).get("conditions", ())
        if state.ready and c["type"] == ROUTED
    ]
    if gate or not state.ready:
        ready = {**runs, "type": "Ready"}
    else:
        ready = condition("Ready", False, "ReadinessGatesNotReady")
    old = pod.get("status", {}).get("conditions", ())
    if state.reason == UNSCHEDULABLE:
        homeless = condition("PodScheduled", False, UNSCHEDULABLE, state.message)
        return {"phase": "Pending", "conditions": stamped(old, [homeless], now)}
    phase = "Pending"
    if state.started_at is not None or state.ready or state.reason:
        phase = "Running"
    return {
        "phase": phase,
        "startTime": pod["metadata"]["creationTimestamp"],
        "conditions": stamped(old, [ready, runs, *gate], now),
        "initContainerStatuses": _init_containers(state),
        "containerStatuses": [_container(pod, state), *map(_sidecar, state.sidecars)],
        "hosts": [list(host) for host in state.hosts],
    }


def _init_containers(state: PodState) -> list[dict[str, Any]]:
    if state.init is None:
        return []
    waiting = {"reason": state.init.reason, "message": state.init.message}
    return [
        {
            "name": state.init.container,
            "ready": False,
            "restartCount": 0,
            "state": {"waiting": waiting},
            "lastState": {},
        }
    ]


def _sidecar(restarted: tuple[str, int]) -> dict[str, Any]:
    name, restarts = restarted
    last: dict[str, Any] = {}
    if restarts:
        last = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "message": ""}}
    return {
        "name": name,
        "ready": True,
        "restartCount": restarts,
        "state": {"running": {}},
        "lastState": last,
    }


def _container(pod: Object, state: PodState) -> dict[str, Any]:
    last: dict[str, Any] = {}
    if state.restarts or state.reason == "CrashLoopBackOff":
        ended = f"local://{pod['metadata']['uid']}/{max(state.restarts - 1, 0)}"
        last = {
            "terminated": {
                "exitCode": state.exit_code,
                "reason": state.exit_reason,
                "message": state.message,
            }
        }
        last["terminated"]["containerID"] = ended
    if state.reason:
        now: dict[str, Any] = {"waiting": {"reason": state.reason, "message": state.message}}
    elif state.started_at is None and not state.ready:
        now = {"waiting": {"reason": "ContainerCreating", "message": ""}}
    else:
        now = {"running": {"startedAt": timestamp(state.started_at or 0)}}
    return {
        "name": "kserve-container",
        "image": pod["spec"].get("containers", [{}])[0].get("image", ""),
        "ready": state.ready,
        "started": "running" in now,
        "restartCount": state.restarts,
        "state": now,
        "lastState": last,
    }

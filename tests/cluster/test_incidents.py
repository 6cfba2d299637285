"""What befalls a candidate's pods on the real control plane: a kill for memory, and a crash after
it was ready."""

from typing import Any

import pytest

from tests.cluster.desk import Desk
from tidegate.core.drivers.rendering import REVISION
from tidegate.core.intent import EndpointKey, Mode
from tidegate.core.rollout import Outcome
from tidegate.store import rollouts
from tidegate_local.devcluster.kube import Json

pytestmark = [pytest.mark.cluster, pytest.mark.real]
MODES = list(Mode)
NOW = "2026-01-01T00:00:00Z"


def pods(desk: Desk, key: EndpointKey, revision: int) -> list[Json]:
    """Pods of a revision."""
    path = f"/api/v1/namespaces/{key.namespace}/pods"
    return list(
        desk.dev.kube.call("GET", path, query={"labelSelector": f"{REVISION}=r{revision}"})["items"]
    )


def report(desk: Desk, pod: Json, container: dict[str, Any], *, ready: bool) -> None:
    """What its kubelet says about its first container, and whether it is ready."""
    status = pod["status"]
    first, *others = status["containerStatuses"]
    state = {"type": "Ready", "status": str(ready), "lastTransitionTime": NOW}
    conditions = [c for c in status["conditions"] if c["type"] not in ("Ready", "ContainersReady")]
    conditions += [state, state | {"type": "ContainersReady"}]
    changed = {"containerStatuses": [first | container, *others], "conditions": conditions}
    path = (
        f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}/status"
    )
    desk.dev.kube.patch(path, {"status": changed})


def ended(reason: str, code: int, message: str = "") -> Json:
    """A container's last state, with its last words."""
    end = {
        "reason": reason,
        "exitCode": code,
        "message": message,
        "containerID": "containerd://a",
        "finishedAt": NOW,
    }
    return {"terminated": end}


def message(desk: Desk, rollout: str) -> str:
    with desk.store.read() as tx:
        stored_rollout = rollouts.get(tx, rollout)
    assert stored_rollout is not None
    return stored_rollout.progress.end.message


@pytest.mark.parametrize("mode", MODES)
def test_a_kill_for_memory_aborts(desk: Desk, key: EndpointKey, mode: Mode) -> None:
    desk.create(key, mode)
    rollout = desk.start(key)
    (pod,) = pods(desk, key, 2)
    report(desk, pod, {"restartCount": 1, "lastState": ended("OOMKilled", 137)}, ready=True)
    desk.until(lambda: desk.outcome(rollout) is Outcome.ABORTED, instead=lambda: desk.status(key))
    assert message(desk, rollout) == "r2: 1 kill for memory (OOMKilled), allowed 0"
    desk.until(lambda: desk.shares(key) == {1: 100}, instead=lambda: desk.status(key))


@pytest.mark.parametrize("mode", MODES)
def test_a_candidate_that_crashes_after_it_was_ready_is_rolled_back(
    desk: Desk, key: EndpointKey, mode: Mode
) -> None:
    """Knative's Route resolves no target that is not ready, also one that gets 0 %: its traffic
    does not move until the head is another."""
    desk.create(key, mode)
    rollout = desk.start(key)
    (pod,) = pods(desk, key, 2)
    # The same words twice: KServe tells of the last end, the pod of its waiting, and either may be
    # seen first.
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "CUDA error"}}
    crashed = {
        "restartCount": 3,
        "ready": False,
        "state": waiting,
        "lastState": ended("Error", 1, "CUDA error"),
    }
    report(desk, pod, crashed, ready=False)
    desk.until(lambda: desk.outcome(rollout) is Outcome.ABORTED, instead=lambda: desk.status(key))
    assert message(desk, rollout) == "r2 crashed 3 times: CUDA error"
    desk.until(lambda: desk.shares(key) == {1: 100}, instead=lambda: desk.status(key))
    desk.until(lambda: desk.phase(key) == "ready", instead=lambda: desk.status(key))

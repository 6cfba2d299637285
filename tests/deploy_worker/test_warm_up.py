"""Pods are asked before clients ask them; a stand-in answers as Triton does."""

import threading
from collections.abc import Collection, Iterator
from typing import Any

import pytest

from tests.clock import Clock
from tests.http_server import HttpServer, Reply, Request
from tidegate.core.drivers import Platform, StandardDriver
from tidegate.core.drivers.held_pods import without
from tidegate.core.drivers.rendering import REVISION, labels
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Snapshot
from tidegate.deploy_worker.warm_up import AGAIN_S, WarmUp

KEY = EndpointKey("team", "fraud")
LOADED = 'nv_inference_request_success{model="fraud",version="1"} 0\n'
FP32 = {"name": "X", "datatype": "FP32", "shape": [-1, 2]}


class Triton:
    """A server whose answers a test decides. inferred: bodies of inferences."""

    def __init__(self) -> None:
        self.index = 200
        self.infer = 200
        self.inferred: list[Any] = []
        self.asked = 0
        self.free = threading.Event()  # an inference is answered when this is set
        self.free.set()
        self.server = HttpServer(self._answer)

    def _answer(self, request: Request) -> Reply:
        if request.method == "GET":
            body = LOADED
            if request.path != "/metrics":
                body = {"name": "fraud", "inputs": [FP32]}
            return Reply(body)
        if request.path == "/v2/repository/index":
            self.asked += 1
            return Reply([{"name": "fraud", "version": "1", "state": "READY"}], self.index)
        assert request.path == "/v2/models/fraud/infer"
        self.inferred.append(request.json())
        self.free.wait(30)
        return Reply({"error": "still compiling"}, self.infer)


@pytest.fixture
def triton() -> Iterator[Triton]:
    result = Triton()
    yield result
    result.server.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def warm_up(triton: Triton, clock: Clock) -> Iterator[WarmUp]:
    port = triton.server.port
    result = WarmUp(port=port, metrics=port, clock=clock, patience=30.0)
    yield result
    result.close()


def pod(number: int, uid: str, ready: str = "True", closed: str = "") -> dict[str, Any]:
    """closed: the groups of calls that its arguments restrict."""
    args = []
    if closed:
        args = [f"--http-restricted-api={closed}:triton-access-token=$(TRITON_ACCESS_TOKEN)"]
    condition = {"type": "Ready", "status": ready, "lastTransitionTime": "2026-01-01T00:00:00Z"}
    return {
        "kind": "Pod",
        "metadata": {
            "name": f"p-{uid}",
            "uid": uid,
            "labels": labels(KEY) | {REVISION: f"r{number}"},
        },
        "spec": {"containers": [{"name": "m", "args": args}]},
        "status": {"podIP": "127.0.0.1", "conditions": [condition]},
    }


def snapshot(*pods: dict[str, Any], available: int) -> Snapshot:
    """r2 with these pods."""
    marked = labels(KEY) | {REVISION: "r2"}
    isvc = {
        "kind": "InferenceService",
        "metadata": {"name": "fraud-r2", "namespace": "team", "labels": marked},
    }
    deployment = {
        "kind": "Deployment",
        "metadata": {"name": "fraud-r2-predictor", "labels": marked},
        "spec": {"replicas": available},
        "status": {"availableReplicas": available},
    }
    return Snapshot(KEY, (isvc, deployment, *pods))


def shown(
    warm_up: WarmUp, there: Snapshot, serving: Collection[int] = ()
) -> tuple[Snapshot, tuple[str, ...]]:
    """The snapshot without the pods that are cold, and why they are."""
    cold = warm_up(there, serving)
    return without(there, cold), tuple(pod.line for pod in cold.values())


def ready(seen: Snapshot) -> int:
    return StandardDriver(Platform("store")).read(KEY, {}, seen).ready(2)


def not_warmed_up(seen: Snapshot) -> bool:
    return StandardDriver(Platform("store")).read(KEY, {}, seen).not_warmed_up(2)


def test_a_pod_counts_after_its_first_inference(warm_up: WarmUp, triton: Triton) -> None:
    seen, messages = shown(warm_up, snapshot(pod(2, "a"), pod(2, "b"), available=2))
    assert (ready(seen), messages) == (2, ())
    zeros = {"inputs": [{"name": "X", "shape": [1, 2], "datatype": "FP32", "data": [0.0, 0.0]}]}
    assert triton.inferred == [zeros, zeros]
    warm_up(seen, ())
    assert triton.asked == 2, "a warm pod is not asked again"


def test_one_that_answers_with_an_error_is_not_ready_and_is_asked_again(
    warm_up: WarmUp, triton: Triton, clock: Clock
) -> None:
    triton.infer = 500
    there = snapshot(pod(2, "a"), available=1)
    seen, (message,) = shown(warm_up, there)
    assert ready(seen) == 0
    assert message.startswith("r2: pod p-a did not answer its warm-up: ")
    assert "500" in message
    triton.infer = 200
    assert ready(shown(warm_up, there)[0]) == 0
    assert triton.asked == 1, "not at once"
    clock.now += AGAIN_S
    assert ready(shown(warm_up, there)[0]) == 1


def test_one_that_cannot_be_reached_says_what_to_do(warm_up: WarmUp, triton: Triton) -> None:
    triton.server.close()
    seen, (message,) = shown(warm_up, snapshot(pod(2, "a"), available=1))
    assert ready(seen) == 0
    assert "let the worker reach ports" in message
    assert "TIDEGATE_WARM_UP=false" in message


def test_pods_of_a_revision_with_a_share_are_left_alone(warm_up: WarmUp, triton: Triton) -> None:
    """Kubernetes sends them requests already; to take the share away because an observation failed
    would be the outage."""
    triton.infer = 500
    there = snapshot(pod(2, "a"), available=1)
    assert shown(warm_up, there, {1, 2}) == (there, ())
    assert triton.asked == 0


def test_pods_that_are_not_ready_are_not_asked(warm_up: WarmUp, triton: Triton) -> None:
    warm_up(snapshot(pod(2, "a", "False"), available=0), ())
    assert triton.asked == 0


def test_where_the_models_list_is_restricted_the_metrics_name_the_models(
    warm_up: WarmUp, triton: Triton
) -> None:
    triton.index = 403
    there = snapshot(pod(2, "a", closed="model-repository,trace"), available=1)
    assert ready(shown(warm_up, there)[0]) == 1
    assert len(triton.inferred) == 1


def test_where_inference_itself_is_restricted_tritons_readiness_must_do(
    warm_up: WarmUp, triton: Triton
) -> None:
    triton.infer = 403
    there = snapshot(pod(2, "a", closed="inference"), available=1)
    assert ready(shown(warm_up, there)[0]) == 1


@pytest.mark.parametrize("closed", ["", "statistics"])
def test_a_403_that_the_revision_does_not_restrict_is_a_failure(
    warm_up: WarmUp, triton: Triton, closed: str
) -> None:
    triton.infer = 403
    seen, (message,) = shown(warm_up, snapshot(pod(2, "a", closed=closed), available=1))
    assert ready(seen) == 0
    assert "did not answer its warm-up: 403 from http://127.0.0.1" in message
    assert "TIDEGATE_MESH_FORBIDS_WORKER=true" in message


def test_a_pod_that_forbids_everything_but_its_metrics_is_not_warm() -> None:
    """The policy that people apply to a profile's namespace."""
    for forbidden in (False, True):
        with HttpServer(_metrics_only) as server:
            warm_up = WarmUp(
                port=server.port, metrics=server.port, patience=30.0, forbidden=forbidden
            )
            seen, messages = shown(warm_up, snapshot(pod(2, "a"), available=1))
            warm_up.close()
        assert ready(seen) == int(forbidden), messages


def _metrics_only(request: Request) -> Reply:
    if request.path == "/metrics":
        return Reply(LOADED)
    return Reply("RBAC: access denied", 403)


def test_one_that_takes_its_time_holds_nobody_up(triton: Triton) -> None:
    triton.free.clear()
    hurried = WarmUp(port=triton.server.port, patience=0.0, timeout=30.0)
    there = snapshot(pod(2, "a"), available=1)
    try:
        for _ in range(3):
            seen, messages = shown(hurried, there)
            assert (ready(seen), messages) == (
                0,
                ("r2: pod p-a is being asked for its first inference",),
            )
            assert not_warmed_up(seen), "else the rollout controller would count it as lost"
        triton.free.set()
        pause = threading.Event()
        assert any(ready(shown(hurried, there)[0]) or pause.wait(0.05) for _ in range(600))
        assert len(triton.inferred) == 1
    finally:
        hurried.close()

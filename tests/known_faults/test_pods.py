"""What pods tell beside the model's own container."""

from dataclasses import replace
from typing import Any

import pytest

from tests.simulation.simulation import Simulation
from tidegate.core import strategy
from tidegate.core.drivers import pod_state
from tidegate.core.drivers.rendering import REVISION
from tidegate.core.intent import EndpointKey, Mode
from tidegate.core.ports import Snapshot
from tidegate.core.rollout import Outcome

MODEL = "kserve-container"


def waiting(name: str, reason: str, message: str = "") -> dict[str, Any]:
    """A container's status while it waits."""
    return {"name": name, "state": {"waiting": {"reason": reason, "message": message}}}


def pod(
    *containers: dict[str, Any], init: tuple[dict[str, Any], ...] = (), **status: Any
) -> dict[str, Any]:
    """A pod with these containers' statuses."""
    statuses = {"containerStatuses": list(containers), "initContainerStatuses": list(init)}
    return {"kind": "Pod", "metadata": {"name": "p", "uid": "u"}, "status": {**statuses, **status}}


BEHIND = waiting(MODEL, "PodInitializing")


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="why an init container hangs is not told: only the model's own container is asked",
)
@pytest.mark.parametrize(
    ("name", "reason", "message"),
    [
        ("storage-initializer", "ImagePullBackOff", "Back-off pulling image"),
        ("storage-initializer", "CreateContainerConfigError", 'secret "s3" not found'),
        ("istio-init", "CrashLoopBackOff", "back-off 40s restarting failed container"),
    ],
)
def test_an_init_container_that_hangs_is_told(name: str, reason: str, message: str) -> None:
    text = pod_state.failure(None, [pod(BEHIND, init=(waiting(name, reason, message),))])
    assert text is not None
    assert message in text


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="a waiting container is told for a few listed reasons only; others end as a time-out",
)
@pytest.mark.parametrize(
    "reason", ["ErrImageNeverPull", "CreateContainerError", "ImageInspectError"]
)
def test_every_reason_of_a_container_that_cannot_start_is_told(reason: str) -> None:
    message = pod_state.failure(None, [pod(waiting(MODEL, reason, f"{reason} of an image"))])
    assert message is not None
    assert reason in message


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="why a pod was evicted is not told")
def test_an_evicted_pod_is_told() -> None:
    message = pod_state.failure(
        None, [pod(phase="Failed", reason="Evicted", message="The node was low on memory")]
    )
    assert message is not None
    assert "low on memory" in message


class Sidecar(Simulation):
    """r2's pods have a proxy beside the model that was restarted so many times."""

    restarts = 0

    def __init__(self) -> None:
        super().__init__(Mode.STANDARD)
        observe = self.lab.cluster.observe

        def with_proxy(key: EndpointKey) -> Snapshot:
            seen = observe(key)
            return replace(seen, objects=tuple(self._beside(item) for item in seen.objects))

        self.lab.cluster.observe = with_proxy  # type: ignore[method-assign]

    def _beside(self, item: dict[str, Any]) -> dict[str, Any]:
        labels = item["metadata"].get("labels") or {}
        if item["kind"] != "Pod" or labels.get(REVISION) != "r2":
            return item
        status = item.get("status") or {}
        proxy = {"name": "istio-proxy", "restartCount": self.restarts, "state": {"running": {}}}
        return {
            **item,
            "status": {
                **status,
                "containerStatuses": [*status.get("containerStatuses", ()), proxy],
            },
        }


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="restarts of every container are held against the model, also those of a sidecar",
)
def test_a_sidecar_that_restarts_ends_no_rollout() -> None:
    rollout = Sidecar()
    rollout.deploy()
    rollout.start(strategy.canary((10, 50), bake=60), rollout.revision())
    rollout.run(60)
    for _ in range(6):
        rollout.restarts += 1
        rollout.run(10)
    assert rollout.until_over(1200).outcome is Outcome.PROMOTED, rollout.diary[-5:]

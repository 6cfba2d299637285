"""Why pods are not ready, in the cluster's words."""

from typing import Any

import pytest

from tidegate.core.drivers.pod_containers import MODEL_CONTAINER, model_containers, restarted_beside
from tidegate.core.drivers.pod_state import NOT_WARMED_UP
from tidegate.core.drivers.pod_trouble import trouble
from tidegate.core.observation import FailingContainer

AT = 1_767_225_600.0  # 2026-01-01T00:00:00Z


def status(name: str = MODEL_CONTAINER, restarts: int = 0, **states: Any) -> dict[str, Any]:
    """A container's status; it runs unless a state is given."""
    return {"name": name, "restartCount": restarts, "state": {"running": {}}, **states}


def waiting(name: str, reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return status(name, state=state, **more)


def end(code: int = 1, reason: str = "Error", message: str = "") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


def pod(
    *containers: dict[str, Any],
    init: tuple[dict[str, Any], ...] = (),
    name: str = "p",
    staying: tuple[str, ...] = (),
    **facts: Any,
) -> dict[str, Any]:
    """A pod with these containers' statuses. staying: init containers that stay."""
    spec = {"initContainers": [{"name": each, "restartPolicy": "Always"} for each in staying]}
    statuses = {"containerStatuses": list(containers), "initContainerStatuses": list(init)}
    meta = {"name": name, "uid": f"uid-{name}"}
    return {"kind": "Pod", "metadata": meta, "spec": spec, "status": {**statuses, **facts}}


def ready(reason: str = "", status: str = "True") -> list[dict[str, str]]:
    return [{"type": "Ready", "status": status, "reason": reason}]


def warning(reason: str, message: str, second: int = 0, uid: str = "uid-p") -> dict[str, Any]:
    return {
        "kind": "Event",
        "involvedObject": {"kind": "Pod", "uid": uid},
        "reason": reason,
        "message": message,
        "lastTimestamp": f"2026-01-01T00:00:{second:02d}Z",
    }


BEHIND = waiting(MODEL_CONTAINER, "PodInitializing")


@pytest.mark.parametrize(
    ("name", "reason", "message"),
    [
        ("storage-initializer", "ImagePullBackOff", "Back-off pulling image"),
        ("storage-initializer", "CreateContainerConfigError", 'secret "s3" not found'),
        ("istio-init", "CrashLoopBackOff", "back-off 40s restarting failed container"),
    ],
)
def test_an_init_container_that_hangs_is_told_by_name(name: str, reason: str, message: str) -> None:
    seen = trouble([pod(BEHIND, init=(waiting(name, reason, message),))])
    assert seen is not None
    assert seen.message.startswith(f"{name}: ")
    assert message in seen.message


@pytest.mark.parametrize(
    "reason",
    [
        "ErrImageNeverPull",
        "CreateContainerError",
        "ImageInspectError",
        "RunContainerError",
        "InvalidImageName",
        "a reason that no version has yet",
    ],
)
def test_every_reason_of_a_container_that_cannot_start_is_told(reason: str) -> None:
    seen = trouble([pod(waiting(MODEL_CONTAINER, reason, "because"))])
    assert seen is not None
    assert seen.message == f"{reason}: because"


@pytest.mark.parametrize("reason", ["ContainerCreating", "PodInitializing", ""])
def test_a_container_that_only_starts_is_no_trouble(reason: str) -> None:
    assert trouble([pod(waiting(MODEL_CONTAINER, reason))]) is None
    assert trouble([pod(BEHIND, init=(status("storage-initializer"),))]) is None


def test_a_crash_is_told_by_what_the_container_said_last() -> None:
    crash = waiting(MODEL_CONTAINER, "CrashLoopBackOff", "back-off 5m0s", restarts=3)
    spoken = pod({**crash, "lastState": end(message="loading\nCUDA error: out of memory")})
    silent = pod({**crash, "lastState": end(137, "OOMKilled")})
    seen = [trouble([each]) for each in (spoken, silent)]
    assert [each.message for each in seen if each] == [
        "loading / CUDA error: out of memory",
        "OOMKilled, exit code 137",
    ]


def test_the_container_names_the_log_that_tells_more() -> None:
    crash = waiting(MODEL_CONTAINER, "CrashLoopBackOff", restarts=3, lastState=end())
    over = status(MODEL_CONTAINER, 3, state=end())
    never = waiting(MODEL_CONTAINER, "ErrImagePull")
    seen = [trouble([pod(each)]) for each in (crash, over, never)]
    assert [each.container for each in seen if each] == [
        FailingContainer("p", "uid-p", MODEL_CONTAINER, 3, ended=True),
        FailingContainer("p", "uid-p", MODEL_CONTAINER, 3, ended=False),
        None,
    ]


def test_an_init_container_that_did_its_work_is_no_trouble() -> None:
    retried = status("storage-initializer", 2, state=end(0, "Completed"), lastState=end())
    assert trouble([pod(status(), init=(retried,))]) is None


def test_a_sidecar_that_keeps_a_pod_from_being_ready_is_told_by_name() -> None:
    proxy = waiting("istio-proxy", "CrashLoopBackOff", "back-off 20s")
    beside_model = trouble([pod(status(), proxy)])
    native = trouble([pod(status(), init=(proxy,), staying=("istio-proxy",))])
    assert beside_model is not None
    assert native is not None
    assert beside_model.message == native.message == "istio-proxy: back-off 20s"


def test_a_sidecar_that_was_restarted_and_is_ready_is_no_trouble() -> None:
    proxy = {**status("queue-proxy", 4, lastState=end()), "ready": True}
    assert trouble([pod(status(), proxy)]) is None


def test_ready_pods_and_pods_that_are_only_not_warm_have_no_trouble() -> None:
    crashed_once = status(restarts=1, lastState=end())
    assert trouble([pod(crashed_once)]) is not None
    assert trouble([pod(crashed_once, conditions=ready())]) is None
    assert trouble([pod(crashed_once, conditions=ready(NOT_WARMED_UP, "False"))]) is None


def test_a_pod_that_goes_tells_nothing() -> None:
    leaving = pod(status(state=end()))
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert trouble([leaving]) is None


def test_an_evicted_pod_is_told_until_another_is_ready() -> None:
    evicted = pod(phase="Failed", reason="Evicted", message="The node was low on memory")
    seen = trouble([evicted])
    assert seen is not None
    assert seen.message == "Evicted: The node was low on memory"
    starts = pod(BEHIND, name="q")
    assert trouble([evicted, starts]) == seen
    assert trouble([evicted, pod(status(), name="q", conditions=ready())]) is None


def test_what_holds_a_pod_up_now_is_told_before_what_befell_another() -> None:
    evicted = pod(phase="Failed", reason="Evicted", message="The node was low on memory")
    unscheduled = [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes: no GPU"}]
    seen = trouble([evicted, pod(name="q", conditions=unscheduled)])
    assert seen is not None
    assert seen.message == "0/3 nodes: no GPU"


def test_a_mount_that_fails_is_told_by_the_newest_warning() -> None:
    creating = pod(waiting(MODEL_CONTAINER, "ContainerCreating"))
    warnings = (
        warning("FailedMount", 'secret "a" not found', 1),
        warning("FailedMount", 'secret "b" not found', 3),
        warning("FailedMount", "of another pod", 9, "uid-other"),
        warning("Unhealthy", "told by the container", 8),
    )
    seen = trouble([creating], warnings, AT)
    assert seen is not None
    assert seen.message == 'FailedMount: secret "b" not found'
    assert trouble([pod(status())], warnings, AT) is None, "its containers run"


def test_a_warning_that_was_not_repeated_is_over() -> None:
    creating = pod(waiting(MODEL_CONTAINER, "ContainerCreating"))
    old = (warning("FailedMount", 'secret "a" not found', 1),)
    assert trouble([creating], old, AT + 150) is not None
    assert trouble([creating], old, AT + 200) is None


def test_words_of_a_container_are_cleaned_and_bounded() -> None:
    rude = "\x1b[2J" + "x" * 10_000
    seen = trouble([pod(waiting(MODEL_CONTAINER, "CreateContainerError", rude))])
    assert seen is not None
    assert "\x1b" not in seen.message
    assert len(seen.message) < 400


def test_only_the_models_own_container_is_judged() -> None:
    named = pod(status("istio-proxy"), status(), init=(status("istio-init"),))
    foreign = pod(status("main"), status("other"))
    assert [each.name for each in model_containers(named)] == [MODEL_CONTAINER]
    assert [each.name for each in model_containers(foreign)] == ["main", "other"]


def test_restarts_beside_the_model_are_told_by_name() -> None:
    pods = [
        pod(status(restarts=7), status("istio-proxy", 3), init=(status("storage-initializer", 1),)),
        pod(status(), status("istio-proxy", 1), name="q"),
    ]
    assert restarted_beside(pods) == ("istio-proxy: 4 restarts", "storage-initializer: 1 restart")

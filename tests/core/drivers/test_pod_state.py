"""What pods say about their containers, in the words of a kubelet; and what warnings say about an
InferenceService."""

from typing import Any

from tidegate.core.drivers.pod_containers import MODEL_CONTAINER
from tidegate.core.drivers.pod_state import restarts, troubled, unmade
from tidegate.core.drivers.pod_trouble import trouble
from tidegate.core.foreign_text import MESSAGE_LENGTH
from tidegate.core.intent import EndpointKey
from tidegate.core.observation import Container
from tidegate.core.ports import Snapshot


def pod(uid: str, *containers: dict[str, Any], field: str = "containerStatuses") -> dict[str, Any]:
    return {
        "kind": "Pod",
        "metadata": {"uid": uid, "name": uid},
        "status": {field: list(containers)},
    }


def container(restarts: int = 0, *, name: str = "main", **states: Any) -> dict[str, Any]:
    return {
        "name": name,
        "restartCount": restarts,
        "state": {"running": {}},
        "lastState": {},
        **states,
    }


def ended(reason: str, identity: str = "containerd://a") -> dict[str, Any]:
    return {"terminated": {"reason": reason, "exitCode": 137, "containerID": identity}}


def test_what_runs_through_is_no_trouble() -> None:
    assert (
        troubled([pod("a", container()), {"kind": "Pod", "metadata": {"uid": "b", "name": "b"}}])
        == ()
    )


def test_a_kill_for_memory_keeps_its_name_from_the_end_to_the_next_start() -> None:
    just = troubled([pod("a", container(state=ended("OOMKilled")))])
    waits = troubled([pod("a", container(state={"waiting": {}}, lastState=ended("OOMKilled")))])
    again = troubled([pod("a", container(1, lastState=ended("OOMKilled")))])
    assert just == waits == (Container("a/main", 0, "containerd://a"),)
    assert again == (Container("a/main", 1, "containerd://a"),)


def test_a_killed_process_was_not_out_of_memory_unless_the_kubelet_says_so() -> None:
    assert troubled([pod("a", container(2, lastState=ended("Error")))]) == (Container("a/main", 2),)


def test_without_an_id_the_time_or_the_restart_names_the_end() -> None:
    bare = {"terminated": {"reason": "OOMKilled", "finishedAt": "2026-01-01T00:00:00Z"}}
    assert troubled([pod("a", container(1, lastState=bare))])[0].killed == "2026-01-01T00:00:00Z"
    nameless = {"terminated": {"reason": "OOMKilled"}}
    assert troubled([pod("a", container(4, lastState=nameless))])[0].killed == "restart 4"


def test_nothing_that_befalls_an_init_container_fails_the_model() -> None:
    """Its kill for memory is told as what keeps the pod from being ready."""
    statuses = (
        container(3, name="storage-initializer"),
        container(1, name="other", lastState=ended("OOMKilled")),
    )
    starting = pod("a", *statuses, field="initContainerStatuses")
    assert troubled([starting]) == ()
    assert restarts([starting]) == 0
    seen = trouble([starting])
    assert seen is not None
    assert seen.message == "other: OOMKilled, exit code 137"


def test_what_befalls_a_sidecar_does_not_fail_the_model() -> None:
    proxy = container(4, name="istio-proxy", lastState=ended("OOMKilled"))
    model = container(1, name=MODEL_CONTAINER)
    pods = [pod("a", proxy, model)]
    assert troubled(pods) == (Container(f"a/{MODEL_CONTAINER}", 1),)
    assert restarts(pods) == 1


def service(**ready: str) -> dict[str, Any]:
    meta = {"name": "fraud-r2", "uid": "u2", "namespace": "team"}
    return {
        "kind": "InferenceService",
        "metadata": meta,
        "status": {"conditions": [{"type": "Ready", **ready}]},
    }


def warning(
    second: int, message: str, uid: str = "u2", by: str = "v1beta1Controllers"
) -> dict[str, Any]:
    about = {"kind": "InferenceService", "name": "fraud-r2", "uid": uid}
    meta = {"name": f"fraud-r2.{second}"}
    state = {"source": {"component": by}, "lastTimestamp": at(second), "message": message}
    return {"kind": "Event", "metadata": meta, "involvedObject": about, **state}


def deployment(second: int, **conditions: str) -> dict[str, Any]:
    meta = {"name": "fraud-r2-predictor", "creationTimestamp": at(second)}
    return {
        "kind": "Deployment",
        "metadata": meta,
        "status": {"conditions": [conditions] if conditions else []},
    }


def at(second: int) -> str:
    return f"2026-01-01T00:00:{second:02d}Z"


def reason(isvc: dict[str, Any], *others: dict[str, Any]) -> str | None:
    return unmade(isvc, Snapshot(EndpointKey("team", "fraud"), (isvc, *others)))


def test_the_newest_warning_about_an_object_says_what_could_not_be_made_of_it() -> None:
    others = (
        warning(1, "denied: a"),
        warning(3, "denied: b"),
        warning(2, "denied: c"),
        warning(9, "not it", "u1"),
    )
    assert reason(service(), *others) == "KServe: denied: b"
    assert reason(service()) is None


def test_what_a_policy_only_reports_is_no_refusal() -> None:
    assert (
        reason(service(), warning(5, "policy require-team/labels fail: no team", by="kyverno-scan"))
        is None
    )


def test_a_warning_is_over_when_what_it_was_about_is_there() -> None:
    refused = warning(5, "denied")
    assert reason(service(), refused, deployment(6)) is None
    assert reason(service(), refused, deployment(4)) == "KServe: denied"  # of its autoscaler
    assert reason(service(status="True", lastTransitionTime=at(6)), refused) is None
    assert reason(service(status="False", lastTransitionTime=at(6)), refused) == "KServe: denied"


def test_a_write_that_met_another_is_no_refusal() -> None:
    assert (
        reason(
            service(), warning(5, "cannot be fulfilled: the object has been modified; try again")
        )
        is None
    )


def test_a_deployment_that_may_have_no_pods_says_why() -> None:
    no = deployment(
        1, type="ReplicaFailure", status="True", message="pods are forbidden: exceeded quota"
    )
    assert reason(service(), no) == "pods are forbidden: exceeded quota"


def test_the_words_of_others_are_plain_and_bounded() -> None:
    """Whoever wrote a webhook or a policy chose them, and people read them in a terminal."""
    hostile = "denied\x1b[2J\u202e\n" + "x" * 5000
    no = deployment(1, type="ReplicaFailure", status="True", message=hostile)
    for words in (reason(service(), no), reason(service(), warning(5, hostile))):
        assert words is not None
        assert "denied / x" in words
        assert len(words) == MESSAGE_LENGTH
        assert words.isprintable()

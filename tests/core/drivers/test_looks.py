"""What pods say about their containers, in the words of a kubelet."""

from typing import Any

from tidegate.core.drivers.looks import troubled
from tidegate.core.observed import Container


def pod(uid: str, *containers: dict[str, Any], field: str = "containerStatuses") -> dict[str, Any]:
    return {"kind": "Pod", "metadata": {"uid": uid, "name": uid}, "status": {field: list(containers)}}


def container(restarts: int = 0, *, name: str = "main", **states: Any) -> dict[str, Any]:
    return {"name": name, "restartCount": restarts, "state": {"running": {}}, "lastState": {}, **states}


def ended(reason: str, identity: str = "containerd://a") -> dict[str, Any]:
    return {"terminated": {"reason": reason, "exitCode": 137, "containerID": identity}}


def test_what_runs_through_is_no_trouble() -> None:
    assert troubled([pod("a", container()), {"kind": "Pod", "metadata": {"uid": "b", "name": "b"}}]) == ()


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


def test_an_init_containers_retries_are_no_restarts_but_its_kill_for_memory_counts() -> None:
    statuses = (container(3, name="storage-initializer"), container(1, name="other", lastState=ended("OOMKilled")))
    found = troubled([pod("a", *statuses, field="initContainerStatuses")])
    assert found == (Container("a/other", 0, "containerd://a"),)

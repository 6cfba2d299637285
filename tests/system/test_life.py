"""An endpoint's life on the real plane: bad input, deletion in mid-rollout, and the plane going
down and up."""

from typing import Any

import pytest

from tests.system.load import Load
from tests.system.real import NAMESPACE, RealEndpoint, RealPlane
from tests.waiting import until

pytestmark = pytest.mark.real
GOOD = {"name": "fine", "namespace": NAMESPACE, "model_id": "add_sub", "model_version_id": "1"}
BAD_INPUT = [
    ("/endpoints", GOOD | {"name": "fraud-r7"}, 422, "name", "fraud-r7"),
    ("/endpoints", GOOD | {"model_version_id": "77"}, 422, "model_version_id", "77"),
    (
        "/endpoints",
        GOOD | {"autoscaling": {"minReplicas": 3, "maxReplicas": 1}},
        422,
        "minReplicas",
        "3",
    ),
    ("/endpoints", GOOD | {"colour": "red"}, 422, "colour", "colour"),
    ("/models/add_sub/versions", {"version_id": "x", "uri": "ftp://somewhere/"}, 422, "uri", "ftp"),
    ("{endpoint}/rollouts", {"model_version_id": "good-v2", "steps": [50, 10]}, 422, "steps", "10"),
    (
        "{endpoint}/rollouts",
        {"model_version_id": "good-v2", "steps": [10, 101]},
        422,
        "steps",
        "101",
    ),
    ("{endpoint}/rollouts", {"revision": 99}, 422, "revision", "99"),
]


@pytest.mark.parametrize(("path", "body", "status", "pointer", "value"), BAD_INPUT)
def test_bad_input_is_answered_by_field_and_value(
    plane: RealPlane,
    fixture: RealEndpoint,
    path: str,
    body: dict[str, Any],
    status: int,
    pointer: str,
    value: str,
) -> None:
    answer = plane.ask("POST", path.format(endpoint=fixture.path), body)
    problem = answer.json()
    assert answer.status_code == status, problem
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert any(pointer in error["pointer"] for error in problem["errors"]), problem
    assert value in problem["detail"] + str(problem["errors"])


@pytest.fixture(scope="module")
def fixture(plane: RealPlane) -> Any:
    """One endpoint for all bad input."""
    made = plane.endpoint("bad-input")
    yield made
    made.delete()


def test_deleted_in_mid_rollout(plane: RealPlane, endpoint: RealEndpoint) -> None:
    """The rollout is aborted, every server of the endpoint ends, and the name may come back with
    new numbers."""
    rollout = endpoint.start("good-v2", steps=[20], bake_seconds=600)
    rollout.at(20)
    endpoint.delete()
    assert rollout.over()["outcome"] == "aborted"
    mine = f"triton-{endpoint.name}-"
    until(lambda: not any(name.startswith(mine) for name in plane.pids()), "its servers are gone")
    assert plane.ask("GET", endpoint.path).status_code in (404, 410)
    again = plane.endpoint(endpoint.name)
    assert again.show()["stable"]["revision"] == 3
    with Load(again.address) as load:
        load.wait_for("r3")
    assert load.scenario == []


def test_down_and_up_again_brings_the_same_endpoints_back(
    plane: RealPlane, endpoint: RealEndpoint
) -> None:
    rollout = endpoint.start("good-v2", steps=[20], bake_seconds=600)
    rollout.at(20)
    rollout.action("pause", reason="rolling back")
    rollout.wait(lambda r: r["phase"] == "paused", "it is paused")
    address = endpoint.address
    plane.stop()
    plane.start()
    rollout.at(20)
    assert rollout.show()["phase"] == "paused"
    assert endpoint.address == address
    with Load(address) as load:
        load.wait_for("r1")
        load.wait_for("r2", 5)
    assert load.scenario == []
    rollout.action("abort")
    assert rollout.over()["outcome"] == "aborted"

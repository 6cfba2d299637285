"""No request is lost by us: healthy revisions are promoted, rolled back and undone under load, and
none fails."""

import socket

import pytest

from tests.system.load import Load
from tests.system.real import RealEndpoint, RealPlane
from tests.waiting import until

pytestmark = pytest.mark.real


def listens(address: str) -> bool:
    """Whether somebody takes connections there."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


def promote_abort_undo(endpoint: RealEndpoint, load: Load) -> None:
    """r2 is promoted by its answers, r3 is rolled back by a person, r1 is stable again."""
    load.wait_for("r1")
    assert endpoint.start("good-v2").over()["outcome"] == "promoted"
    endpoint.wait_ready()
    load.wait_for("r2")
    rollout = endpoint.start("good-v3", steps=[50], bake_seconds=60)
    rollout.at(50)
    load.wait_for("r3")
    rollout.action("abort", reason="changed my mind")
    assert rollout.over()["outcome"] == "aborted"
    load.wait_for("r2")
    assert endpoint.undo(to=1).over()["outcome"] == "promoted"
    load.wait_for("r1")


def test_standard_over_http_and_grpc(endpoint: RealEndpoint) -> None:
    with Load(endpoint.address) as load:
        promote_abort_undo(endpoint, load)
    assert load.scenario == []


@pytest.mark.parametrize("protocol", ["http", pytest.param("grpc", marks=pytest.mark.long)])
def test_knative_over_its_one_protocol(plane: RealPlane, protocol: str) -> None:
    config = {"protocolVersion": "grpc-v2" if protocol == "grpc" else "v2"}
    endpoint = plane.endpoint(f"knative-{protocol}", mode="knative", runtime_config=config)
    # Knative's status names the traffic a moment before the ingress routes it.
    until(lambda: listens(endpoint.address), "the ingress listens")
    with Load(endpoint.address, (protocol,)) as load:
        promote_abort_undo(endpoint, load)
    assert load.scenario == []
    endpoint.delete()

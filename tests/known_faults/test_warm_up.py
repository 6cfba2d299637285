"""A pod behind a mesh's policy that lets `/metrics` through and nothing else."""

from collections.abc import Iterator

import pytest

from tests.deploy_worker.test_warm_up import pod, ready, shown, snapshot
from tests.http_server import HttpServer, Reply, Request
from tidegate.deploy_worker.warm_up import WarmUp

PAGE = b'nv_inference_request_success{model="fraud",version="1"} 0\n'


def forbid(request: Request) -> Reply:
    """403 for everything but the metrics."""
    if request.path == "/metrics":
        return Reply(PAGE)
    return Reply("RBAC: access denied", 403)


@pytest.fixture
def port() -> Iterator[int]:
    """Where such a pod listens."""
    with HttpServer(forbid) as server:
        yield server.port


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="403 counts as Triton's own restriction also where the revision has none",
)
def test_a_pod_that_forbids_its_model_is_not_warm(port: int) -> None:
    warm_up = WarmUp(port=port, metrics=port, patience=30.0)
    try:
        seen, messages = shown(warm_up, snapshot(pod(2, "a"), available=1))
    finally:
        warm_up.close()
    assert ready(seen) == 0
    assert "did not answer its warm-up" in "".join(messages)

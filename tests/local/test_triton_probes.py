"""What kubelets and the worker ask of a pod, asked of a real tritonserver: the probes that we
render, the warm-up."""

import threading

import grpc
import httpx2
import pytest

from tests.deploy_worker.test_warm_up import pod, ready, shown, snapshot
from tests.local.test_triton import EXAMPLES, GOOD, Start, start, until  # noqa: F401  (start is a fixture)
from tidegate.core.drivers.predictor import predictor
from tidegate.core.drivers.rendering import Platform
from tidegate.core.intent import Mode, Model, Protocol, Revision, Runtime, Scaling
from tidegate.deploy_worker.warm_up import WarmUp
from tidegate_local.processes.triton import Phase, Replica

pytestmark = pytest.mark.real
SERVING = b"\x08\x01"  # grpc.health.v1.HealthCheckResponse{status: SERVING}


def probe(mode: Mode, protocol: Protocol) -> dict[str, dict[str, object]]:
    """The readiness probe of a revision."""
    revision = Revision(1, Model("m", "1", "s3://m/1/", "sha256-1"), Runtime(protocol=protocol), "")
    model = predictor(revision, Scaling(), mode, Platform("store"))["model"]
    return dict(model["readinessProbe"])


def by_http(replica: Replica) -> bool:
    """As a kubelet probes in standard mode."""
    path = probe(Mode.STANDARD, Protocol.V2)["httpGet"]["path"]
    return (
        httpx2.get(f"http://127.0.0.1:{replica.ports.http}{path}", trust_env=False).status_code
        == 200
    )


def by_grpc(replica: Replica) -> bool:
    """As Knative's queue-proxy probes a gRPC endpoint: the standard health service, no service
    named."""
    assert "grpc" in probe(Mode.KNATIVE, Protocol.GRPC_V2)
    with grpc.insecure_channel(f"127.0.0.1:{replica.ports.grpc}") as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        return bool(check(b"", timeout=5) == SERVING)


def test_both_probes_say_ready_when_every_model_is_loaded(start: Start) -> None:  # noqa: F811
    replica = start(GOOD)
    until(replica, Phase.READY)
    assert by_http(replica)
    assert by_grpc(replica)


def test_neither_probe_says_ready_while_a_model_is_not(start: Start) -> None:  # noqa: F811
    """A server that goes on without a model that failed to load is alive, and not ready."""
    replica = start(EXAMPLES / "variants" / "crash", extra=("--exit-on-error=false",))

    def alive() -> bool:
        try:
            return httpx2.get(
                f"http://127.0.0.1:{replica.ports.http}/v2/health/live", trust_env=False
            ).is_success
        except httpx2.HTTPError:
            return False

    pause = threading.Event()
    assert any(alive() or pause.wait(0.05) for _ in range(600))
    assert not by_http(replica)
    assert not by_grpc(replica)


def test_the_worker_warms_a_real_model_up(start: Start) -> None:  # noqa: F811
    replica = start(GOOD)
    until(replica, Phase.READY)
    before = replica.counters()["add_sub", "success"]
    warm_up = WarmUp(port=replica.ports.http, patience=30.0)
    try:
        seen, messages = shown(warm_up, snapshot(pod(2, "a"), available=1))
    finally:
        warm_up.close()
    assert (ready(seen), messages) == (1, ())
    assert replica.counters()["add_sub", "success"] == before + 1

"""A pod behind a mesh's policy that lets `/metrics` through and nothing else."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.deploy_worker.test_warm_up import pod, ready, shown, snapshot
from tidegate.deploy_worker.warm_up import WarmUp

PAGE = b'nv_inference_request_success{model="fraud",version="1"} 0\n'


class Forbidden(BaseHTTPRequestHandler):
    """403 for everything but the metrics."""

    def do_GET(self) -> None:
        open_ = self.path == "/metrics"
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = PAGE if open_ else b"RBAC: access denied"
        self.send_response(200 if open_ else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def port() -> Iterator[int]:
    """Where such a pod listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Forbidden)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


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

"""A real Envoy configured as Envoy Gateway configures it for one route of ours, with stand-ins
behind it.

Cluster names, the gRPC statistics filter and the mirror are those of Envoy Gateway v1.9; only the
control plane is missing.
"""

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx2

from tests.deploy_worker.meters.fake_prometheus import FakePrometheus
from tests.http_server import HttpServer, Reply, Request
from tidegate_local.home import free_port
from tidegate_local.processes.envoy import command

HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
STATS = "type.googleapis.com/envoy.extensions.filters.http.grpc_stats.v3.FilterConfig"
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
HTTP2 = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
MIRROR = "httproute/team/fraud/rule/1-mirror-0"
_SAMPLE = re.compile(r"^(\w+)\{(.*)\} (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')
BACKEND = "httproute/team/fraud/rule/{rule}/backend/{slot}"


def model(request: Request) -> Reply:
    """Answers with the status that the request names; a model that always fails where its server
    says so."""
    return Reply(status=int(request.headers["x-want"]))


def grpc_model(port: int) -> grpc.Server:
    """Answers with the grpc-status that the request names."""

    def infer(request: bytes, context: grpc.ServicerContext) -> bytes:
        code = int(request)
        if code:
            context.abort({c.value[0]: c for c in grpc.StatusCode}[code], "asked for")
        return b""

    server = grpc.server(futures.ThreadPoolExecutor(2))
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(infer) for name in ("ModelInfer", "ModelReady")
    }
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("inference.GRPCInferenceService", handlers)]
    )
    assert server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server


def _cluster(name: str, port: int, *, h2: bool) -> dict[str, Any]:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    options = {"@type": HTTP2, "explicit_http_config": {"http2_protocol_options": {}}}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
        **({"typed_extension_protocol_options": {HTTP2.partition("/")[2]: options}} if h2 else {}),
    }


def _routes() -> list[dict[str, Any]]:
    """A header picks the slot, so that a test decides who answers."""
    routes = []
    for rule, prefix in ((0, "/inference.GRPCInferenceService/"), (1, "/")):
        for slot in (1, 0):
            match: dict[str, Any] = {"prefix": prefix}
            if slot:
                match["headers"] = [{"name": "x-slot", "string_match": {"exact": "1"}}]
            action: dict[str, Any] = {
                "cluster": BACKEND.format(rule=rule, slot=slot),
                "timeout": "10s",
            }
            if rule:
                action["retry_policy"] = {
                    "retry_on": "retriable-status-codes",
                    "retriable_status_codes": [502],
                }
                action["request_mirror_policies"] = [{"cluster": MIRROR}]
            routes.append({"match": match, "route": action})
    return routes


def bootstrap(
    admin: int, listen: int, http: int, grpc_port: int, *, grpc_stats: bool
) -> dict[str, Any]:
    filters = [{"name": "router", "typed_config": {"@type": ROUTER}}]
    if grpc_stats:
        config = {"@type": STATS, "emit_filter_state": True, "stats_for_all_methods": True}
        filters.insert(0, {"name": "grpc_stats", "typed_config": config})
    manager = {
        "@type": HCM,
        "stat_prefix": "http",
        "codec_type": "AUTO",
        "route_config": {
            "virtual_hosts": [{"name": "fraud", "domains": ["*"], "routes": _routes()}]
        },
        "http_filters": filters,
    }
    chain = [{"filters": [{"name": "http", "typed_config": manager}]}]
    clusters = [_cluster(BACKEND.format(rule=0, slot=slot), grpc_port, h2=True) for slot in (0, 1)]
    clusters += [_cluster(BACKEND.format(rule=1, slot=slot), http, h2=False) for slot in (0, 1)]
    clusters.append(_cluster(MIRROR, http, h2=False))

    def at(port: int) -> dict[str, Any]:
        return {"socket_address": {"address": "127.0.0.1", "port_value": port}}

    return {
        "admin": {"address": at(admin)},
        "stats_flush_on_admin": True,
        "stats_config": {"use_all_default_tags": True},
        "static_resources": {
            "listeners": [{"name": "l", "address": at(listen), "filter_chains": chain}],
            "clusters": clusters,
        },
    }


class Gateway:
    """The running Envoy: send through it, and let a Prometheus scrape it."""

    def __init__(self, listen: int, admin: int, born: float) -> None:
        self.listen = listen
        self.admin = admin
        self.born = born
        self._http = httpx2.Client(trust_env=False)
        self._channel = grpc.insecure_channel(f"127.0.0.1:{listen}")

    def http(self, slot: int, code: int) -> int:
        headers = {"x-slot": str(slot), "x-want": str(code)}
        return self._http.post(
            f"http://127.0.0.1:{self.listen}/v2/models/fraud/infer", headers=headers
        ).status_code

    def grpc(self, slot: int, code: int, method: str = "ModelInfer") -> int:
        call = self._channel.unary_unary(f"/inference.GRPCInferenceService/{method}")
        try:
            call(str(code).encode(), metadata=(("x-slot", str(slot)),), timeout=10)
        except grpc.RpcError as error:
            return int(error.code().value[0])
        return 0

    def scrape(self, prometheus: FakePrometheus, at: float) -> None:
        for line in _SAMPLE.finditer(self._text()):
            labels = {"__name__": line[1], "pod": "gw", "instance": "gw:19001", "job": "envoy"}
            # the scenario's clock runs faster than Envoy's
            if line[1] == "envoy_server_uptime":
                value = str(at - self.born)
            else:
                value = line[3]
            prometheus.store(labels | dict(_LABEL.findall(line[2])), at, value)

    def wait_for_histograms(self, answers: int) -> None:
        """Until those of slot 1 hold so many: Envoy merges them after its counters."""
        deadline = time.monotonic() + 20
        pattern = re.compile(
            r'^envoy_cluster_upstream_rq_time_count\{.*rule/\d/backend/1"\} (\d+)$', re.MULTILINE
        )
        while sum(int(n) for n in pattern.findall(self._text())) < answers:
            assert time.monotonic() < deadline
            threading.Event().wait(0.1)

    def wait_for_copies(self, answers: int) -> None:
        """Until so many copies were answered: nobody waits for them."""
        deadline = time.monotonic() + 20
        pattern = re.compile(rf'^envoy_cluster_upstream_rq\{{.*"{MIRROR}"\}} (\d+)$', re.MULTILINE)
        while sum(int(n) for n in pattern.findall(self._text())) < answers:
            assert time.monotonic() < deadline, self._text()
            threading.Event().wait(0.1)

    def _text(self) -> str:
        return self._http.get(f"http://127.0.0.1:{self.admin}/stats/prometheus").text

    def ready(self) -> bool:
        try:
            return self._http.get(f"http://127.0.0.1:{self.admin}/ready").status_code == 200
        except httpx2.HTTPError:
            return False


@contextmanager
def gateway(folder: Path, born: float, *, grpc_stats: bool = True) -> Iterator[Gateway]:
    admin = free_port()
    listen = free_port()
    grpc_port = free_port()
    http_model = HttpServer(model)
    server = grpc_model(grpc_port)
    boot = folder / "envoy.json"
    boot.write_text(
        json.dumps(bootstrap(admin, listen, http_model.port, grpc_port, grpc_stats=grpc_stats))
    )
    with (folder / "envoy.log").open("wb") as log:
        process = subprocess.Popen(command(boot), stdout=log, stderr=log)
    result = Gateway(listen, admin, born)
    try:
        deadline = time.monotonic() + 30
        while not result.ready():
            assert process.poll() is None, (folder / "envoy.log").read_text()[-2000:]
            assert time.monotonic() < deadline
            threading.Event().wait(0.05)
        yield result
    finally:
        process.terminate()
        process.wait(10)
        server.stop(None)
        http_model.close()

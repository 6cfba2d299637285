"""A real Envoy with one cluster for each case, and clients that ask, wait or leave: what its
counters say afterwards."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import httpx2

from tests.local import proxy_filters
from tests.local.misbehaving import Http1Server, Http2Server, Next, listen
from tidegate_local.home import free_port
from tidegate_local.processes.envoy import command

_TYPE = "type.googleapis.com/envoy.extensions"
_HTTP2 = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_LIMITS = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests"), 1024)
OURS = "connect-failure,refused-stream,reset-before-request"  # what the local plane retries
INFER = "/inference.GRPCInferenceService/ModelInfer"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """Requests of one kind, one after the other.

    behave: the server's behaviour; None: there is none. address: "none" is an empty list. leaves: a
    client leaves once the server hangs; body: and once its answer has begun. clients_wait: the
    clients stay. lost: how many requests get no answer, of http and of grpc. stops: the filter of
    the proxy that answers instead (`proxy_filters`). stopped: how many requests it does.
    """

    name: str
    behave: Callable[[], Next] | None = None
    address: str = ""
    retry_on: str = OURS
    retry: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float = 60.0
    limits: Mapping[str, int] = field(default_factory=dict)
    leaves: bool = False
    clients_wait: bool = False
    body: bool = False
    requests: int = 4
    lost: tuple[int, int] = (0, 0)
    stops: str = ""
    stopped: int = 0
    protocols: tuple[str, ...] = ("http", "grpc")


@dataclass(slots=True)
class Run:
    """One case over one protocol."""

    case: Case
    protocol: str
    server: Http1Server | Http2Server | None = None
    port: int = 0

    @property
    def cluster(self) -> str:
        """Envoy's name for it."""
        return f"{self.case.name}--{self.protocol}"


@asynccontextmanager
async def measured(cases: tuple[Case, ...], folder: Path) -> AsyncIterator["Proxy"]:
    """Every case played to its end, and the proxy still there to be asked."""
    runs = [Run(case, protocol) for case in cases for protocol in case.protocols]
    listening = [await _serve(run) for run in runs if run.case.behave is not None]
    admin = free_port()
    port = free_port()
    boot = folder / "envoy.json"
    filters = await proxy_filters.start({case.stops for case in cases if case.stops})
    boot.write_text(json.dumps(_bootstrap(runs, admin, port, filters)))
    with (folder / "envoy.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command(boot), stdout=log, stderr=log)
    try:
        async with (
            httpx2.AsyncClient(trust_env=False) as http,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            proxy = Proxy(http, channel, admin, port)
            await proxy.until(proxy.ready)
            await asyncio.gather(*(proxy.play(run) for run in runs))
            yield proxy
            await proxy.leave()
    finally:
        process.terminate()
        await process.wait()
        for server in listening:
            server.close()
        await filters.close()


class Proxy:
    """The Envoy, its clients and its counters."""

    def __init__(
        self, http: httpx2.AsyncClient, channel: grpc.aio.Channel, admin: int, port: int
    ) -> None:
        self._http = http
        self._channel = channel
        self._admin = admin
        self._port = port
        self._held: list[asyncio.Task[None]] = []

    async def ready(self) -> bool:
        """Whether it answers."""
        try:
            return (await self._get("/ready")).status_code == 200
        except httpx2.HTTPError:
            return False

    async def until(self, fact: Callable[[], Any]) -> None:
        """Wait for a fact."""
        async with asyncio.timeout(30):
            while not await fact():
                await asyncio.sleep(0.01)

    async def counts(self, cluster: str) -> dict[str, int]:
        """Counters and gauges, without `cluster.<name>.` and gRPC's service."""
        query = {"format": "json", "usedonly": "", "filter": rf"^cluster\.{cluster}\."}
        body = (await self._get("/stats", query)).json()
        named = {
            entry["name"].removeprefix(f"cluster.{cluster}."): entry["value"]
            for entry in body["stats"]
            if "name" in entry
        }
        return {
            name.removeprefix("grpc.inference.GRPCInferenceService."): value
            for name, value in named.items()
            if isinstance(value, int)
        }

    async def play(self, run: Run) -> None:
        """One request after the other."""
        for number in range(1, run.case.requests + 1):
            before = 0
            if run.server:
                before = run.server.holds
            task = asyncio.create_task(self._ask(run))
            if run.case.clients_wait or run.case.leaves:
                await self.until(partial(_hangs, run, before, task))
            if run.case.body:
                await self.until(partial(self._answering, run, number))
            if run.case.clients_wait:
                self._held.append(task)
                continue
            if run.case.leaves:
                task.cancel()
            await asyncio.wait([task])

    async def _answering(self, run: Run, number: int) -> bool:
        """Whether so many answers have begun."""
        return (await self.counts(run.cluster)).get("upstream_rq_completed", 0) >= number

    async def leave(self) -> None:
        """The clients that stayed leave."""
        for task in self._held:
            task.cancel()
        await asyncio.gather(*self._held, return_exceptions=True)

    async def _ask(self, run: Run) -> None:
        if run.protocol == "grpc":
            call = self._channel.unary_unary(INFER)(b"", metadata=(("x-case", run.cluster),))
            with suppress(grpc.aio.AioRpcError):
                await call
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            head = f"POST /v2/models/m/infer HTTP/1.1\r\nhost: m\r\nx-case: {run.cluster}\r\n"
            writer.write(f"{head}connection: close\r\ncontent-length: 0\r\n\r\n".encode())
            await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _get(self, path: str, query: Mapping[str, str] | None = None) -> httpx2.Response:
        return await self._http.get(f"http://127.0.0.1:{self._admin}{path}", params=query or {})


async def _hangs(run: Run, before: int, task: asyncio.Task[None]) -> bool:
    """Whether the server keeps this request, or its client has an answer."""
    return task.done() or (run.server is not None and run.server.holds > before)


async def _serve(run: Run) -> asyncio.Server:
    assert run.case.behave is not None
    made = Http1Server
    if run.protocol == "grpc":
        made = Http2Server
    run.server = made(run.case.behave())
    listening, run.port = await listen(run.server)
    return listening


def _bootstrap(runs: list[Run], admin: int, port: int, filters: proxy_filters.Filters) -> Json:
    manager = {
        "@type": f"{_TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "measured",
        "codec_type": "AUTO",
        "route_config": {
            "virtual_hosts": [
                {"name": "all", "domains": ["*"], "routes": [_route(run) for run in runs]}
            ]
        },
        "http_filters": [
            *filters.before,
            _filter("grpc_stats", stats_for_all_methods=True, enable_upstream_stats=True),
            *filters.after,
            _filter("router"),
        ],
    }
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    listener = {"name": "l", "address": _address(port), "filter_chains": [chain]}
    clusters = [*(_cluster(run) for run in runs), *filters.clusters]
    return {
        "admin": {"address": _address(admin)},
        "static_resources": {"listeners": [listener], "clusters": clusters},
    }


def _filter(name: str, **config: Any) -> Json:
    kinds = {"grpc_stats": "FilterConfig", "router": "Router"}
    kind = f"{_TYPE}.filters.http.{name}.v3.{kinds[name]}"
    return {"name": name, "typed_config": {"@type": kind, **config}}


def _route(run: Run) -> Json:
    case = run.case
    action: Json = {"cluster": run.cluster, "timeout": f"{case.timeout_s:g}s"}
    action["retry_policy"] = {"retry_on": case.retry_on, "num_retries": 2, **case.retry}
    action["rate_limits"] = [{"actions": [{"generic_key": {"descriptor_value": "all"}}]}]
    header = {"name": "x-case", "string_match": {"exact": run.cluster}}
    own = proxy_filters.switched_on(case.stops)
    match = {"prefix": "/", "headers": [header]}
    return {"match": match, "route": action, "typed_per_filter_config": own}


def _cluster(run: Run) -> Json:
    port = run.port or free_port()
    addresses = [{"endpoint": {"address": _address(port)}}]
    endpoints = []
    if run.case.address != "none":
        endpoints = [{"lb_endpoints": addresses}]
    cluster: Json = {
        "name": run.cluster,
        "type": "STATIC",
        "circuit_breakers": {"thresholds": [{**_LIMITS, **run.case.limits}]},
        "load_assignment": {"cluster_name": run.cluster, "endpoints": endpoints},
    }
    if run.protocol == "grpc":
        options = {"explicit_http_config": {"http2_protocol_options": {}}}
        kind = {"@type": f"type.googleapis.com/{_HTTP2}", **options}
        cluster["typed_extension_protocol_options"] = {_HTTP2: kind}
    return cluster


def _address(port: int) -> Json:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}

"""Filters of an Envoy that answer by themselves before a request reaches its revision: who may ask,
and how often. Each is switched on by the routes of its cases only."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import grpc

from tests.local.misbehaving import Behaviour, Http1Server, Next, always, in_turn, listen

Json = dict[str, Any]
_TYPE = "type.googleapis.com/envoy.extensions.filters.http"
_HTTP2 = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
B = Behaviour

# before: in front of the filter that counts gRPC, where Envoy Gateway puts its own
_AUTHORIZERS: dict[str, Next] = {
    "authz-denies": always(B.FORBIDDEN),
    "authz-denies-half-http": in_turn(B.FORBIDDEN, B.ANSWER),
    "authz-denies-half-grpc": in_turn(B.FORBIDDEN, B.ANSWER),
    "authz-denies-behind": always(B.FORBIDDEN),
    "authz-fails": always(B.ERROR),
    "authz-allows": always(B.ANSWER),
}
_OVER_LIMIT = b"\x08\x02"  # RateLimitResponse: overall_code OVER_LIMIT
LIMITS = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"


@dataclass(slots=True)
class Filters:
    """before, after: the filter that counts gRPC. clusters: what the filters ask."""

    before: list[Json] = field(default_factory=list)
    after: list[Json] = field(default_factory=list)
    clusters: list[Json] = field(default_factory=list)
    servers: list[asyncio.Server] = field(default_factory=list)
    limits: "grpc.aio.Server | None" = None
    limits_port: int = 0

    async def close(self) -> None:
        """End what the filters ask."""
        for server in self.servers:
            server.close()
        if self.limits is not None:
            await self.limits.stop(None)


async def start(names: Iterable[str]) -> Filters:
    """The filters of these names, and what they ask."""
    filters = Filters()
    for name in sorted(names):
        place = filters.before
        if name.endswith("-behind"):
            place = filters.after
        place.append(await _made(name, filters))
    return filters


def switched_on(name: str) -> Json:
    """A route's own configuration of the filter that it wants."""
    if not name:
        return {}
    kind = "type.googleapis.com/envoy.config.route.v3.FilterConfig"
    return {name: {"@type": kind, "config": {}}}


async def _made(name: str, filters: Filters) -> Json:
    if name in _AUTHORIZERS:
        server, port = await listen(Http1Server(_AUTHORIZERS[name]))
        filters.servers.append(server)
        filters.clusters.append(_cluster(name, port))
        uri = {"uri": f"http://127.0.0.1:{port}", "cluster": name, "timeout": "5s"}
        return _filter(name, "ext_authz.v3.ExtAuthz", http_service={"server_uri": uri})
    if name.startswith("limit"):
        if filters.limits is None:
            filters.limits, filters.limits_port = await _limiter()
        filters.clusters.append(_cluster(name, filters.limits_port, http2=True))
        service = {
            "transport_api_version": "V3",
            "grpc_service": {"envoy_grpc": {"cluster_name": name}},
        }
        return _filter(
            name, "ratelimit.v3.RateLimit", domain="d", timeout="5s", rate_limit_service=service
        )
    if name.startswith("local-limit"):
        whole = {"default_value": {"numerator": 100}, "runtime_key": "x"}
        bucket = {"max_tokens": 1, "fill_interval": "3600s"}
        return _filter(
            name,
            "local_ratelimit.v3.LocalRateLimit",
            stat_prefix="local",
            token_bucket=bucket,
            filter_enabled=whole,
            filter_enforced=whole,
        )
    if name.startswith("rbac"):
        return _filter(name, "rbac.v3.RBAC", rules={"action": "ALLOW", "policies": {}})
    abort = {"http_status": 503, "percentage": {"numerator": 100}}
    return _filter(name, "fault.v3.HTTPFault", abort=abort)


async def _limiter() -> tuple["grpc.aio.Server", int]:
    """A rate limit service to which everything is too much."""
    server = grpc.aio.server()

    async def refuse(_request: bytes, _context: object) -> bytes:
        return _OVER_LIMIT

    handler = grpc.unary_unary_rpc_method_handler(refuse)
    _, service, method = LIMITS.split("/")
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {method: handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, port


def _filter(name: str, kind: str, **config: Any) -> Json:
    return {"name": name, "disabled": True, "typed_config": {"@type": f"{_TYPE}.{kind}", **config}}


def _cluster(name: str, port: int, *, http2: bool = False) -> Json:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    cluster: Json = {
        "name": name,
        "type": "STATIC",
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
    }
    if http2:
        options = {"explicit_http_config": {"http2_protocol_options": {}}}
        kind = {"@type": f"type.googleapis.com/{_HTTP2}", **options}
        cluster["typed_extension_protocol_options"] = {_HTTP2: kind}
    return cluster

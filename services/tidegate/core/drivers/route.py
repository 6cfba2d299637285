"""The HTTPRoute of an endpoint: Traffic to rules with weighted backendRefs, and back.

Each traffic rule becomes two HTTPRoute rules, gRPC (by path) before HTTP, because they need
different ports. A revision keeps its position (slot) in the backendRefs while it is in the route:
gateways name their counters by index.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.core import buckets
from tidegate.core.drivers.adoption import route_name, service_port
from tidegate.core.drivers.rendering import Platform, labels, parse_label, stamp
from tidegate.core.intent import Adopted, EndpointKey, HeaderMatch, Intent
from tidegate.core.ports import Manifest
from tidegate.core.traffic import Rule, Share, Traffic

GRPC_PATH = "/inference.GRPCInferenceService/"
REVISION_HEADER = "x-tidegate-revision"


def service_name(key: EndpointKey, revision: int) -> str:
    """The Service that KServe makes for a revision's predictor; an adopted one (r0) has the
    endpoint's own name."""
    if revision:
        return f"{key.name}-r{revision}-predictor"
    return f"{key.name}-predictor"


def render(
    intent: Intent,
    traffic: Traffic,
    slots: tuple[int, ...],
    platform: Platform,
    first: Adopted | None = None,
) -> dict[str, Any]:
    """The full HTTPRoute. `slots`: every revision in it, in order, also those with weight 0. first:
    how an adopted endpoint began."""
    key = intent.key
    gateway = platform.gateway
    assert gateway is not None
    parent = {"name": gateway.name, "namespace": gateway.namespace}
    hosts = [gateway.host_template.format(name=key.name, namespace=key.namespace)]
    if gateway.service:
        hosts += [
            f"{key.name}.{key.namespace}.svc",
            f"{key.name}.{key.namespace}.svc.cluster.local",
        ]
    refs = Refs(key, first)
    rules = [
        _rule(refs, rule, slots, platform, grpc=grpc)
        for rule in traffic.rules
        for grpc in (True, False)
    ]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {
            "name": route_name(key, first),
            "namespace": key.namespace,
            "labels": labels(key),
            "annotations": stamp(platform, intent),
        },
        "spec": {
            "parentRefs": [parent | ({"sectionName": gateway.section} if gateway.section else {})],
            "hostnames": hosts,
            "rules": rules,
        },
    }


@dataclass(frozen=True, slots=True)
class Refs:
    """References to the Services of an endpoint's revisions. first: how an adopted endpoint
    began."""

    key: EndpointKey
    first: Adopted | None

    def to(self, revision: int, *, grpc: bool) -> dict[str, Any]:
        """Name and port."""
        return {
            "name": service_name(self.key, revision),
            "port": service_port(self.first, revision, grpc=grpc),
        }


def _rule(
    refs: Refs, rule: Rule, slots: tuple[int, ...], platform: Platform, *, grpc: bool
) -> dict[str, Any]:
    match: dict[str, Any] = {"path": {"type": "PathPrefix", "value": GRPC_PATH if grpc else "/"}}
    if rule.match:
        match["headers"] = [_header(header) for header in rule.match]
    rendered: dict[str, Any] = {
        "matches": [match],
        "backendRefs": [
            refs.to(revision, grpc=grpc)
            | {"weight": rule.percent(revision), "filters": [_answered_by(revision)]}
            for revision in slots
        ],
        "timeouts": {"request": f"{platform.request_timeout:g}s"},
    }
    if rule.mirrors:
        rendered["filters"] = [
            {
                "type": "RequestMirror",
                "requestMirror": {
                    "backendRef": refs.to(m.revision, grpc=grpc),
                    "percent": m.percent,
                },
            }
            for m in rule.mirrors
        ]
    return rendered


def _header(match: HeaderMatch) -> dict[str, Any]:
    if match.range:
        value = buckets.pattern(match.value)
        return {"type": "RegularExpression", "name": match.name, "value": value}
    return {"type": "Exact", "name": match.name, "value": match.value}


def _header_match(header: Mapping[str, Any]) -> HeaderMatch:
    """What a header of a route says. An expression that is none of ours is kept as it stands, so
    that it differs from all that is desired."""
    value = header["value"]
    if header.get("type") != "RegularExpression":
        return HeaderMatch(header["name"], value)
    return HeaderMatch(header["name"], buckets.within(value) or value, range=True)


def _answered_by(revision: int) -> dict[str, Any]:
    header = {"name": REVISION_HEADER, "value": f"r{revision}"}
    return {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [header]}}


def parse(key: EndpointKey, route: Manifest) -> tuple[Traffic, tuple[str, ...]]:
    """The traffic that a route describes, and what in it is not ours."""
    by_path: dict[bool, list[Rule]] = {True: [], False: []}
    drift: list[str] = []
    for rule in route["spec"].get("rules") or ():
        match = (rule.get("matches") or [{}])[0]
        grpc = (match.get("path") or {}).get("value") == GRPC_PATH
        headers = tuple(_header_match(header) for header in match.get("headers") or ())
        shares = tuple(_shares(key, rule.get("backendRefs") or (), drift))
        mirrors = tuple(_mirrors(key, rule.get("filters") or ()))
        by_path[grpc].append(Rule(headers, shares, mirrors))
    if by_path[True] != by_path[False]:
        drift.append("the route's gRPC rules differ from its HTTP rules")
    return Traffic(tuple(by_path[False])), tuple(drift)


def _shares(key: EndpointKey, refs: Any, drift: list[str]) -> Iterator[Share]:
    for ref in refs:
        revision = _revision(key, ref["name"])
        if revision is None:
            drift.append(f"the route sends traffic to {ref['name']}, which is no revision of {key}")
        else:
            yield Share(revision, ref.get("weight", 1))


def _mirrors(key: EndpointKey, filters: Any) -> Iterator[Share]:
    for item in filters:
        if item.get("type") == "RequestMirror":
            mirror = item["requestMirror"]
            revision = _revision(key, mirror["backendRef"]["name"])
            if revision is not None:
                yield Share(revision, mirror.get("percent", 100))


def _revision(key: EndpointKey, service: str) -> int | None:
    if service == service_name(key, 0):
        return 0
    name = service.removeprefix(f"{key.name}-").removesuffix("-predictor")
    if service != f"{key.name}-{name}-predictor":
        return None
    return parse_label(name)


def settled(route: Manifest, platform: Platform) -> bool:
    """Whether our gateway has accepted the route's present generation with its references
    resolved."""
    if platform.gateway is None:
        return False
    generation = route["metadata"].get("generation", 0)
    for parent in (route.get("status") or {}).get("parents") or ():
        ref = parent.get("parentRef") or {}
        if ref.get("name") == platform.gateway.name:
            conditions = {c["type"]: c for c in parent.get("conditions") or ()}
            return all(
                _holds(conditions.get(kind), generation) for kind in ("Accepted", "ResolvedRefs")
            )
    return False


def _holds(condition: Mapping[str, Any] | None, generation: int) -> bool:
    return (
        condition is not None
        and condition.get("status") == "True"
        and condition.get("observedGeneration", 0) >= generation
    )


def slots_of(traffic: Traffic | None) -> tuple[int, ...]:
    """The revisions a route refers to, in the order of their slots."""
    if traffic is None or not traffic.rules:
        return ()
    return tuple(dict.fromkeys(share.revision for rule in traffic.rules for share in rule.shares))


def address(route: Manifest, platform: Platform) -> str | None:
    """Where clients outside call: what the data plane tells, else the first host name."""
    message = (route.get("status") or {}).get("address")
    scheme = "http"
    if platform.gateway is not None and platform.gateway.tls:
        scheme = "https"
    if message:
        return str(message)
    return next((f"{scheme}://{host}" for host in route["spec"].get("hostnames") or ()), None)

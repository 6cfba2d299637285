"""The gateway controller: HTTPRoutes and Knative ingresses to one routing table, and what the data
plane said.

A route is Accepted, with its observedGeneration, only after the data plane acknowledged a table
that holds this generation; while it has not, the status keeps speaking of the older one.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from tidegate_local.played.api import GATEWAY, HTTP_ROUTE, INGRESS, POD, REVISION, SERVICE
from tidegate_local.played.conditions import Condition, condition, stamped, status_of
from tidegate_local.played.httproute import Backend, backends_of, matches_of, mirrors_of, timeout_of
from tidegate_local.played.knative import REVISION_LABEL
from tidegate_local.played.kserve_shape import ISVC_LABEL
from tidegate_local.played.objects import Object, named
from tidegate_local.played.pods import ROUTED, answers, open_gate
from tidegate_local.played.routing import Match, PodAddress, Route, RouteRule, RoutingTable, Target
from tidegate_local.played.world import Acknowledged, NotYet, Rejected, World

CONTROLLER = "tidegate.dev/local-gateway"
REVISION_OF = "tidegate.dev/revision"


def reconcile(world: World) -> None:
    """Program the table of now; when it is acknowledged, say so on every route in it: on the routes
    as they were read for the table, since a newer one may be written meanwhile."""
    routes = world.objects.list(HTTP_ROUTE)
    ingresses = world.objects.list(INGRESS)
    waiting = [
        pod for pod in world.objects.list(POD) if answers(pod) and status_of(pod, ROUTED) != "True"
    ]
    desired = table(world, routes, ingresses)
    answer = world.data_plane.program(desired)
    for pod in waiting:
        if answer == Acknowledged() or named(pod) not in desired.pods:
            open_gate(world, pod)
    match answer:
        case Acknowledged():
            for route in routes:
                _accept(world, route)
            for ingress in ingresses:
                _ingress_ready(world, ingress)
        case Rejected(detail):
            for route in routes:
                world.event(route, f"the data plane refused the table: {detail}")
        case NotYet():
            pass


def table(world: World, manifests: Iterable[Object], ingresses: Iterable[Object]) -> RoutingTable:
    """What should be routed now: routes that a known gateway lets in, and Knative's."""
    accepted = [r for r in manifests if any(_parent(world, r, p) is None for p in _parents(r))]
    routes = [_http_route(world, route) for route in accepted]
    routes += [_knative_route(world, ingress) for ingress in ingresses]
    return RoutingTable(tuple(sorted(routes, key=lambda route: (route.namespace, route.name))))


def _parents(route: Object) -> list[Mapping[str, Any]]:
    return list(route["spec"].get("parentRefs", ()))


def _http_route(world: World, route: Object) -> Route:
    metadata = route["metadata"]
    spec = route["spec"]
    rules = []
    for rule in spec.get("rules", ()):
        targets = tuple(
            _target(world, b, metadata["namespace"])
            for b in backends_of(rule, metadata["namespace"])
        )
        mirrors = tuple(
            _target(world, b, metadata["namespace"])
            for b in mirrors_of(rule, metadata["namespace"])
        )
        rules.append(RouteRule(matches_of(rule), targets, mirrors, timeout_of(rule)))
    hosts = tuple(spec.get("hostnames", ()))
    return _route(
        "HTTPRoute", route, metadata["name"], hosts, tuple(sorted(rules, key=_precedence))
    )


def _route(
    kind: str, obj: Object, name: str, hosts: tuple[str, ...], rules: tuple[RouteRule, ...]
) -> Route:
    metadata = obj["metadata"]
    return Route(
        kind, metadata["namespace"], name, metadata["uid"], metadata["generation"], hosts, rules
    )


def _precedence(rule: RouteRule) -> tuple[bool, int, int]:
    """Most specific first: exact path, longest path, most headers, then the order as written
    (Gateway API)."""
    best = min(rule.matches, key=_specific)
    return _specific(best)


def _specific(match: Match) -> tuple[bool, int, int]:
    return (not match.exact, -len(match.prefix), -len(match.headers))


def _target(world: World, backend: Backend, namespace: str) -> Target:
    """Where a backendRef leads. What cannot be resolved keeps its weight and has no pods: its share
    gets 5xx."""
    service = _service(world, backend, namespace)
    port = _port(service, backend.port)
    if service is None or port is None:
        return Target(
            backend.name, "", backend.weight, backend.port, set_headers=backend.set_headers
        )
    number = port.get("targetPort", backend.port)
    h2 = port.get("appProtocol") == "kubernetes.io/h2c"
    pods = _pods(world, backend.namespace, service["spec"].get("selector", {}))
    revision = service["metadata"].get("labels", {}).get(REVISION_OF, "")
    return Target(backend.name, revision, backend.weight, number, h2, pods, backend.set_headers)


def _service(world: World, backend: Backend, namespace: str) -> Object | None:
    if backend.namespace != namespace:
        return None
    return world.objects.get(SERVICE, backend.namespace, backend.name)


def _port(service: Object | None, number: int) -> Mapping[str, Any] | None:
    ports = (service or {}).get("spec", {}).get("ports", ())
    return next((port for port in ports if port["port"] == number), None)


def _pods(world: World, namespace: str, selector: Mapping[str, str]) -> tuple[PodAddress, ...]:
    manifests = []
    if selector:
        manifests = world.objects.list(POD, namespace, selector)
    return tuple(
        PodAddress(
            pod["metadata"]["name"],
            tuple((port, host) for port, host in pod["status"].get("hosts", ())),
        )
        for pod in manifests
        if answers(pod)
    )


def _knative_route(world: World, ingress: Object) -> Route:
    namespace = ingress["metadata"]["namespace"]
    spec = ingress["spec"]["rules"][0]
    targets = tuple(_split(world, namespace, split) for split in spec["http"]["paths"][0]["splits"])
    name = targets[0].service.rpartition("-")[0]
    for target in targets:
        revision = world.objects.get(REVISION, namespace, target.service)
        name = (revision or {}).get("metadata", {}).get("labels", {}).get(ISVC_LABEL, name)
    return _route("Ingress", ingress, name, tuple(spec["hosts"]), (RouteRule((Match(),), targets),))


def _split(world: World, namespace: str, split: Mapping[str, Any]) -> Target:
    name = split["serviceName"]
    revision = world.objects.get(REVISION, namespace, name) or {}
    containers = revision.get("spec", {}).get("containers", [{}])
    port = (containers[0].get("ports") or [{"name": "http1", "containerPort": 8080}])[0]
    label = revision.get("metadata", {}).get("labels", {}).get(REVISION_OF, "")
    pods = _pods(world, namespace, {REVISION_LABEL: name})
    return Target(
        name, label, split["percent"], port["containerPort"], port.get("name") == "h2c", pods
    )


def _accept(world: World, route: Object) -> None:
    """Status of one HTTPRoute whose table is programmed. A gateway that nobody knows answers
    nothing."""
    parents = []
    old = {str(p["parentRef"]): p["conditions"] for p in route.get("status", {}).get("parents", ())}
    for ref in _parents(route):
        problem = _parent(world, route, ref)
        if problem == "":
            continue
        if problem is None:
            reason = "Accepted"
        else:
            reason = problem
        accepted = condition("Accepted", problem is None, reason)
        conditions = stamped(old.get(str(ref), ()), [accepted, _resolved(world, route)], world.now)
        generation = route["metadata"]["generation"]
        noted = [{**entry, "observedGeneration": generation} for entry in conditions]
        parents.append({"parentRef": dict(ref), "controllerName": CONTROLLER, "conditions": noted})
    world.objects.set_status(route, {"parents": parents})


def _parent(world: World, route: Object, ref: Mapping[str, Any]) -> str | None:
    """None: this gateway takes the route. "": no such gateway. Else the reason why it does not."""
    namespace = route["metadata"]["namespace"]
    gateway = world.objects.get(GATEWAY, ref.get("namespace", namespace), ref["name"])
    if gateway is None:
        return ""
    listeners = [
        listener
        for listener in gateway["spec"].get("listeners", ())
        if ref.get("sectionName") in (None, listener["name"])
        and ref.get("port") in (None, listener.get("port"))
    ]
    if not listeners:
        return "NoMatchingParent"
    spaces = [
        entry.get("allowedRoutes", {}).get("namespaces", {}).get("from", "Same")
        for entry in listeners
    ]
    if (
        namespace != gateway["metadata"]["namespace"]
        and "All" not in spaces
        and "Selector" not in spaces
    ):
        return "NotAllowedByListeners"
    hosts = route["spec"].get("hostnames", ())
    if hosts and not any(
        _intersects(entry.get("hostname"), host) for entry in listeners for host in hosts
    ):
        return "NoMatchingListenerHostname"
    return None


def _intersects(listener: str | None, host: str) -> bool:
    if listener is None or listener == host:
        return True
    if listener.startswith("*."):
        return host.endswith(listener[1:])
    return host.startswith("*.") and listener.endswith(host[1:])


def _resolved(world: World, route: Object) -> Condition:
    namespace = route["metadata"]["namespace"]
    for rule in route["spec"].get("rules", ()):
        for backend in (*backends_of(rule, namespace), *mirrors_of(rule, namespace)):
            if backend.namespace != namespace:
                text = f"backendRef {backend.namespace}/{backend.name} needs a ReferenceGrant"
                return condition("ResolvedRefs", False, "RefNotPermitted", text)
            service = _service(world, backend, namespace)
            if service is None:
                text = f"service {namespace}/{backend.name} not found"
                return condition("ResolvedRefs", False, "BackendNotFound", text)
            if _port(service, backend.port) is None:
                text = f"TCP Port {backend.port} not found on Service {namespace}/{backend.name}"
                return condition("ResolvedRefs", False, "PortNotFound", text)
    return condition("ResolvedRefs", True, "ResolvedRefs")


def _ingress_ready(world: World, ingress: Object) -> None:
    old = ingress.get("status", {}).get("conditions", ())
    conditions = stamped(old, [condition("Ready", True)], world.now)
    generation = ingress["metadata"]["generation"]
    world.objects.set_status(ingress, {"observedGeneration": generation, "conditions": conditions})

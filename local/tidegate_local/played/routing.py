"""The routing table: what the data plane is told to do, as a pure value.

The gateway controller makes it, from HTTPRoutes (Standard) or from Knative's routes; the local
plane's Envoy and the simulated data plane both follow it. It names pods, so that a table says all
that is needed to send a request.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PodAddress:
    """A ready pod behind a target. hosts: (container port, `host:port` that answers for it)."""

    name: str
    hosts: tuple[tuple[int, str], ...] = ()

    def host(self, port: int) -> str | None:
        """The address that answers for a container port."""
        return dict(self.hosts).get(port)


@dataclass(frozen=True, slots=True)
class Target:
    """Who answers. service: the Service (Standard) or Revision (Knative). revision: the label
    `tidegate.dev/revision` found there, "" without one. weight: not normalised; of a mirror,
    percent. port: container port. h2: it speaks HTTP/2. set_headers: response headers to set."""

    service: str
    revision: str
    weight: int
    port: int
    h2: bool = False
    pods: tuple[PodAddress, ...] = ()
    set_headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """A request matches with this path (`prefix`; exact when `exact`) and all of these headers.
    patterns: headers whose value a regular expression takes."""

    prefix: str = "/"
    exact: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    patterns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RouteRule:
    """matches: any of them. No target with weight above 0: every answer is 500. timeout:
    seconds."""

    matches: tuple[Match, ...]
    targets: tuple[Target, ...]
    mirrors: tuple[Target, ...] = ()
    timeout: float | None = None

    def percent(self, revision: str) -> float:
        """The share of this rule's requests that a revision label or service name gets, 0..100."""
        total = sum(target.weight for target in self.targets)
        mine = sum(t.weight for t in self.targets if revision in (t.revision, t.service))
        if not total:
            return 0.0
        return 100 * mine / total


@dataclass(frozen=True, slots=True)
class Route:
    """One HTTPRoute (kind `HTTPRoute`) or Knative route (kind `Ingress`, named after the endpoint)
    at one generation. rules: in the order in which they are tried."""

    kind: str
    namespace: str
    name: str
    uid: str
    generation: int
    hostnames: tuple[str, ...]
    rules: tuple[RouteRule, ...]


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """All routes, by namespace and name."""

    routes: tuple[Route, ...] = ()

    @property
    def pods(self) -> frozenset[tuple[str, str]]:
        """(namespace, name) of all pods in it."""
        targets = (
            (r, t) for r in self.routes for rule in r.rules for t in (*rule.targets, *rule.mirrors)
        )
        return frozenset(
            (route.namespace, pod.name) for route, target in targets for pod in target.pods
        )

    def route(self, namespace: str, name: str) -> Route | None:
        """The route of an endpoint, None when there is none."""
        return next((r for r in self.routes if (r.namespace, r.name) == (namespace, name)), None)

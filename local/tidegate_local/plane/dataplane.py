"""The local plane's data plane: the control plane's routing table, brought to the real Envoy.

`program` only notes the table and answers what Envoy has acknowledged; a thread of its own does the
waiting.
"""

import re
import socket
import threading
from collections.abc import Callable, Iterable

import structlog

from tidegate_local.home import Ports
from tidegate_local.played.routing import Match, Route, RouteRule, RoutingTable, Target
from tidegate_local.played.world import Acknowledged, Answer, NotYet
from tidegate_local.played.world import Rejected as Refused
from tidegate_local.processes import table as wire
from tidegate_local.processes.envoy import Applied, Envoy, Rejected

log = structlog.get_logger()

GRPC_PREFIX = "/inference.GRPCInferenceService/"
_LABEL = re.compile(r"^r(\d+)$")
_SERVICE = re.compile(r"-r(\d+)-predictor$")
_SWEEP_S = 0.5
_AGAIN_S = 1.0
_LISTEN_S = 0.02


class EnvoyDataPlane:
    """local.world.DataPlane on Envoy. `changed` is called when Envoy has taken a table. Each
    endpoint has a port of its own, kept over restarts."""

    def __init__(self, envoy: Envoy, ports: Ports, changed: Callable[[], None]) -> None:
        self._envoy = envoy
        self._ports = ports
        self._changed = changed
        self._desired: RoutingTable | None = None
        self._applied: RoutingTable | None = None
        self._refused: tuple[RoutingTable, str] | None = None
        self._listening: set[int] = set()
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._loop, name="dataplane", daemon=True)

    def start(self) -> None:
        """Begin to follow tables."""
        self._thread.start()

    def close(self) -> None:
        """Stop following; Envoy keeps what it has."""
        self._closed = True
        self._wake.set()
        if self._thread.is_alive():  # a plane that could not start never began to follow
            self._thread.join(timeout=15)

    def program(self, table: RoutingTable) -> Answer:
        """Note the table; what Envoy says of it so far."""
        if table == self._applied:
            self._desired = table
            return Acknowledged()
        if self._refused and self._refused[0] == table:
            return Refused(self._refused[1])
        if table != self._desired:
            self._desired = table
            self._wake.set()
        return NotYet()

    def address(self, namespace: str, name: str) -> str:
        """`host:port` of an endpoint."""
        return f"127.0.0.1:{self._ports.get(f'endpoint/{namespace}.{name}')}"

    def _loop(self) -> None:
        while not self._closed:
            desired = self._desired
            patience = None
            if (
                desired is not None
                and desired != self._applied
                and (not self._refused or self._refused[0] != desired)
            ):
                patience = self._bring(desired)
            elif self._envoy.sweep():
                patience = _SWEEP_S
            self._wake.wait(patience)
            self._wake.clear()

    def _bring(self, desired: RoutingTable) -> float:
        """Apply one table; seconds until the next reconcile."""
        table = translate(desired, self._ports)
        self._listening &= {listener.port for listener in table.listeners}
        result = self._envoy.apply(table)
        match result:
            case Applied() if silent := [
                listener.endpoint
                for listener in table.listeners
                if not self._listens(listener.port)
            ]:
                log.debug("Envoy has the table, but does not listen yet", endpoints=silent)
                return _LISTEN_S
            case Applied():
                self._applied = desired
                self._refused = None
                self._changed()
                return _SWEEP_S
            case Rejected(reason):
                log.error("Envoy refused the table", reason=reason)
                self._refused = (desired, reason)
                self._changed()
                return _AGAIN_S
            case _:
                log.warning("Envoy does not answer", detail=result.detail)
                return 0.1

    def _listens(self, port: int) -> bool:
        """Envoy acknowledges a listener a moment before its threads take connections."""
        if port not in self._listening:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                return False
            self._listening.add(port)
        return True


def translate(table: RoutingTable, ports: Ports) -> wire.Table:
    """The routing table in Envoy's terms: clusters per revision and protocol, a listener per
    endpoint."""
    backends: dict[str, wire.Backend] = {}
    listeners = []
    for route in table.routes:
        rules = []
        for rule in route.rules:
            for grpc in _protocols(route, rule):
                listed = tuple(_clusters(route, rule.targets, grpc, backends))
                mirrors = tuple(_clusters(route, rule.mirrors, grpc, backends))
                if sum(weight for _, weight in listed):  # else nobody answers: Envoy's 404
                    timeout = rule.timeout or 0.0
                    match = _match(rule)
                    rules.append(
                        wire.WeightedRule(
                            match.headers, grpc, listed, mirrors, timeout, match.patterns
                        )
                    )
        endpoint = f"{route.namespace}.{route.name}"
        listeners.append(wire.Listener(endpoint, ports.get(f"endpoint/{endpoint}"), tuple(rules)))
    return wire.Table(tuple(backends.values()), tuple(listeners))


def _protocols(route: Route, rule: RouteRule) -> tuple[bool, ...]:
    """Whether a rule is for gRPC. A Knative route has one port, and so the protocol of its
    container."""
    if route.kind == "Ingress":
        return (any(target.h2 for target in rule.targets),)
    return (_match(rule).prefix == GRPC_PREFIX,)


def _match(rule: RouteRule) -> Match:
    """A rule's first match; without one it takes every request."""
    if rule.matches:
        return rule.matches[0]
    return Match()


def _clusters(
    route: Route, targets: Iterable[Target], grpc: bool, backends: dict[str, wire.Backend]
) -> Iterable[tuple[str, int]]:
    """(cluster, weight) of each revision. Two Knative revisions of one of ours (a restored stable)
    are one cluster; while one of them has the traffic, only its pods are behind it."""
    weights: dict[str, int] = {}
    pods: dict[str, list[Target]] = {}
    for target in targets:
        number = _number(target)
        if number is None:
            continue
        name = str(
            wire.ClusterName(route.namespace, route.name, number, "grpc" if grpc else "http")
        )
        weights[name] = weights.get(name, 0) + target.weight
        pods.setdefault(name, []).append(target)
    for name, behind in pods.items():
        serving = [target for target in behind if target.weight] or behind
        hosts = (pod.host(target.port) for target in serving for pod in target.pods)
        addresses = tuple(_address(host) for host in hosts if host)
        label = f"r{_number(behind[0])}"
        known = backends.get(name)
        if known is None or not known.addresses:
            backends[name] = wire.Backend(name, addresses, grpc, label)
    return tuple(weights.items())


def _number(target: Target) -> int | None:
    match = _LABEL.match(target.revision) or _SERVICE.search(target.service)
    if not match:
        return None
    return int(match[1])


def _address(host: str) -> wire.Address:
    name, _, port = host.rpartition(":")
    return wire.Address(name, int(port))

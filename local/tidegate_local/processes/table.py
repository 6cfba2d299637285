"""The routing table that the local plane's Envoy is given: plain values, and the names of its
clusters.

A cluster is one revision and one protocol (`<namespace>.<endpoint>--r2--http`), because Envoy
counts per cluster. Names are parsed back when counters are read, so they are made in one place:
here.
"""

import re
from collections import Counter
from dataclasses import dataclass

META = "--meta"  # health and metadata requests: not inference answers
MIRROR = "--mirror"  # copies, whose answers nobody sees
_CLUSTER = re.compile(
    r"^(?P<ns>[a-z0-9-]+)\.(?P<name>[a-z0-9-]+)--r(?P<rev>\d+)--(?P<protocol>http|grpc)$"
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where one replica listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Backend:
    """One revision and one protocol. `addresses` may change at any time, also to none (503 for its
    share); `h2` and `label` never change under one `cluster` name, since Envoy would lose that
    cluster's counters. label: the value of the answer's x-tidegate-revision header."""

    cluster: str
    addresses: tuple[Address, ...]
    h2: bool
    label: str


@dataclass(frozen=True, slots=True)
class WeightedRule:
    """Requests of one protocol that carry all of `headers` (exact) and `patterns` (regular
    expressions), and who answers them.

    clusters: (cluster, weight), weights from 0, their sum above 0. mirrors: (cluster, percent)
    copied there. timeout_s: of the whole request, seconds, 0 for none.
    """

    headers: tuple[tuple[str, str], ...]
    grpc: bool
    clusters: tuple[tuple[str, int], ...]
    mirrors: tuple[tuple[str, int], ...] = ()
    timeout_s: float = 60.0
    patterns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Listener:
    """One endpoint's address: a port that speaks HTTP/1.1, h2c and gRPC. Rules are tried in order;
    gRPC and HTTP ones never compete."""

    endpoint: str  # "<namespace>.<endpoint>"
    port: int
    rules: tuple[WeightedRule, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Everything Envoy is told."""

    backends: tuple[Backend, ...] = ()
    listeners: tuple[Listener, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterName:
    """What a cluster's name says."""

    namespace: str
    endpoint: str
    revision: int
    protocol: str  # "http" or "grpc"

    def __str__(self) -> str:
        return f"{self.namespace}.{self.endpoint}--r{self.revision}--{self.protocol}"


def parse_cluster(name: str) -> ClusterName | None:
    """The name taken apart; None for what is not a live cluster of ours (`--meta`, `--mirror` among
    them)."""
    match = _CLUSTER.match(name)
    if match is None:
        return None
    return ClusterName(match["ns"], match["name"], int(match["rev"]), match["protocol"])


def problems(table: Table) -> tuple[str, ...]:
    """What Envoy would refuse or, worse, misunderstand."""
    messages = []
    names = Counter(backend.cluster for backend in table.backends)
    messages += [f"cluster {name} is listed {n} times" for name, n in names.items() if n > 1]
    ports = Counter(listener.port for listener in table.listeners)
    messages += [f"port {port} belongs to {n} endpoints" for port, n in ports.items() if n > 1]
    for listener in table.listeners:
        for rule in listener.rules:
            named = {cluster for cluster, _ in (*rule.clusters, *rule.mirrors)}
            messages += [
                f"{listener.endpoint} routes to {n}, which is no backend"
                for n in sorted(named - names.keys())
            ]
            if sum(weight for _, weight in rule.clusters) <= 0 or any(
                weight < 0 for _, weight in rule.clusters
            ):
                messages.append(
                    f"{listener.endpoint}: the weights {rule.clusters} must be 0 or more with a "
                    "sum above 0"
                )
    return tuple(sorted(messages))

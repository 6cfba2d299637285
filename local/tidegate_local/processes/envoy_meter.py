"""The local plane's meter: Envoy's own counters, per revision and protocol.

Envoy counts per cluster, and a cluster is one revision and one protocol, so that HTTP and gRPC of a
revision are two sources. HTTP answers are counted by response code (their sum, not
`upstream_rq_total`, which misses Envoy's own 503s). gRPC answers are counted by grpc-status, never
by response code: a gRPC error is an HTTP 200.

Answers to copies have clusters of their own (`--mirror`) and are read apart. Envoy counts no
grpc-status of copies, so copies of gRPC requests are not read at all: every error among them would
look like a success.

What was begun and not answered is told by further counters of the same cluster (`envoy_flows`).
"""

import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from tidegate.core.evidence import Counters, Reading, Scrape, counters_of
from tidegate.core.intent import EndpointKey
from tidegate.core.lost import Flow
from tidegate.core.ports import NoData, Unavailable
from tidegate_local.processes import envoy_flows
from tidegate_local.processes.envoy_admin import Admin, Stats
from tidegate_local.processes.table import MIRROR, ClusterName, parse_cluster

Flows = Callable[[ClusterName, str], Flow | None]  # by cluster and suffix
_GRPC_METHODS = r"grpc\.inference\.GRPCInferenceService\.(?:ModelInfer|ModelStreamInfer)"
_HTTP_CODE = re.compile(r"^upstream_rq_(\d{3})$")
_GRPC_CODE = re.compile(rf"^{_GRPC_METHODS}\.(\d+)$")


class EnvoyMeter:
    """core.ports.Meter over one Envoy. `clock`: epoch seconds. `stuck_seconds`: a request that
    waits longer for its answer counts as lost."""

    def __init__(
        self,
        admin: Admin,
        clock: Callable[[], float] = time.time,
        stuck_seconds: float = envoy_flows.STUCK_SECONDS,
    ) -> None:
        self._admin = admin
        self._clock = clock
        self._begun = envoy_flows.Begun(stuck_seconds)

    def scrape(self, key: EndpointKey) -> Scrape | NoData:
        """Every revision of the endpoint that Envoy knows, read at one time."""
        first = self._admin.stats(pattern(key))
        if isinstance(first, Unavailable):
            return NoData(first.detail)
        seen = self._admin.stats(pattern(key), timed=True)
        if isinstance(seen, Unavailable):
            return NoData(seen.detail)
        at = self._clock()

        def flow(cluster: ClusterName, suffix: str) -> Flow | None:
            return self._flow(first, seen, cluster, suffix, at)

        return Scrape(at, readings(seen, key, flow), copies(seen, key, flow))

    def _flow(
        self, first: Stats, seen: Stats, cluster: ClusterName, suffix: str, at: float
    ) -> Flow | None:
        """What both readings show."""
        name = f"{cluster}{suffix}"
        source = f"{name} {_source(cluster, seen)}"
        now = envoy_flows.flow_of(seen, name, cluster.protocol)
        if source != f"{name} {_source(cluster, first)}":
            return now
        both = envoy_flows.settled(envoy_flows.flow_of(first, name, cluster.protocol), now)
        if both is None:
            return None
        return self._begun.overdue(source, at, both)


def pattern(key: EndpointKey) -> str:
    """The statistics that `readings` needs, as Envoy's filter (RE2, searched in the name)."""
    cluster = re.escape(f"{key.namespace}.{key.name}").replace("\\-", "-") + r"--r\d+--"
    http = rf"http\.(upstream_rq_(\d+|time)|{envoy_flows.PATTERN})"
    grpc = rf"grpc\.({_GRPC_METHODS}\.\d+|upstream_rq_time|{envoy_flows.PATTERN})"
    copied = rf"http{MIRROR}\.(upstream_rq_(\d+|time)|{envoy_flows.PATTERN})"
    return rf"^cluster\.{cluster}({http}|{grpc}|{copied})$"


def untold(_cluster: ClusterName, _suffix: str) -> Flow | None:
    """For readings of answers alone."""
    return None


def readings(stats: Stats, key: EndpointKey, flow: Flows = untold) -> tuple[Reading, ...]:
    """One reading per live cluster of this endpoint, by revision and protocol. `source` is Envoy's
    incarnation, which time the cluster exists in it (an undo brings a removed revision back,
    counted from zero), the protocol."""
    return _readings(stats, key, "", flow)


def copies(stats: Stats, key: EndpointKey, flow: Flows = untold) -> tuple[Reading, ...]:
    """The same of copies of HTTP requests, by revision."""
    return _readings(stats, key, MIRROR, flow)


def _readings(stats: Stats, key: EndpointKey, suffix: str, flow: Flows) -> tuple[Reading, ...]:
    codes: dict[ClusterName, dict[int, int]] = {}
    for name, value in stats.values.items():
        results = _split(name, suffix)
        if results is None or (results[0].namespace, results[0].endpoint) != (
            key.namespace,
            key.name,
        ):
            continue
        cluster, rest = results
        if suffix and cluster.protocol != "http":
            continue
        code = (_HTTP_CODE if cluster.protocol == "http" else _GRPC_CODE).match(rest)
        counts = codes.setdefault(cluster, {})
        if code is not None:
            counts[int(code[1])] = counts.get(int(code[1]), 0) + int(value)
    ordered = sorted(codes.items(), key=lambda item: (item[0].revision, item[0].protocol))
    return tuple(
        Reading(
            _source(cluster, stats) + suffix,
            cluster.revision,
            replace(_counters(cluster, suffix, counts, stats), flow=flow(cluster, suffix)),
            cluster.protocol,
        )
        for cluster, counts in ordered
    )


def _counters(
    cluster: ClusterName, suffix: str, codes: Mapping[int, int], stats: Stats
) -> Counters:
    answers = [(cluster.protocol, code, count) for code, count in codes.items()]
    buckets = stats.histograms.get(f"cluster.{cluster}{suffix}.upstream_rq_time", ())
    if buckets and not math.isinf(buckets[-1][0]):
        # Envoy's list ends at the largest bound: nothing is slower, since routes time out before
        # it.
        buckets = (*buckets, (math.inf, buckets[-1][1]))
    return counters_of(answers, buckets)


def _source(cluster: ClusterName, stats: Stats) -> str:
    birth = stats.births.get(str(cluster), 1)
    return f"{stats.incarnation}{f'.{birth}' if birth > 1 else ''}/{cluster.protocol}"


def _split(name: str, suffix: str) -> tuple[ClusterName, str] | None:
    """`cluster.<name><suffix>.<rest>`; the name holds one dot of its own, between namespace and
    endpoint."""
    parts = name.split(".", 3)
    if len(parts) < 4 or parts[0] != "cluster" or not parts[2].endswith(suffix):
        return None
    cluster = parse_cluster(f"{parts[1]}.{parts[2].removesuffix(suffix)}")
    if not cluster:
        return None
    return (cluster, parts[3])

"""From a routing table to Envoy's configuration: pure, no files, no processes.

One resource file each for listeners, clusters, every endpoint's routes and every backend's
addresses. Addresses have a file of their own (EDS), because a cluster that is changed in place
loses its response code counters, while a change of addresses keeps them (measured, Envoy 1.40).
Each backend becomes three clusters: itself, `--meta` for what is not inference, `--mirror` for
copies, so that its own counters hold the final answers to live inference requests and nothing else.
The last two have their addresses inline, because each file costs Envoy one of the user's few
inotify instances (128 by default; without one it aborts). Those of `--meta` decide nothing; those
of `--mirror`, which a shadow is judged by, begin again when addresses change, and the meter sees
that as a restart.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidegate_local.processes.table import META, MIRROR, Backend, Listener, Table, WeightedRule

Json = dict[str, Any]

REVISION_HEADER = "x-tidegate-revision"
LDS = "lds.yaml"
CDS = "cds.yaml"
# Milliseconds. Whole evidence bounds must be among them: "slow" is a bound that is an existing
# bucket.
BUCKETS = (
    1,
    2,
    3,
    5,
    7.5,
    10,
    15,
    20,
    30,
    50,
    75,
    100,
    150,
    200,
    300,
    500,
    750,
    1000,
    2000,
    5000,
    10000,
    30000,
)
_TYPE = "type.googleapis.com/envoy"
_HTTP_INFERENCE = "/v2/models/[^/]+(/versions/[^/]+)?/(infer|generate|generate_stream)"
_GRPC_SERVICE = "/inference.GRPCInferenceService/"
_GRPC_INFERENCE = _GRPC_SERVICE + "Model(Infer|StreamInfer)"
_LIMIT = 4096


def rds_file(endpoint: str) -> str:
    """The file of an endpoint's routes."""
    return f"rds-{endpoint}.yaml"


def eds_file(cluster: str) -> str:
    """The file of a backend's addresses."""
    return f"eds-{cluster}.yaml"


def bootstrap(folder: Path, admin_port: int) -> Json:
    """What Envoy starts with. `stats_flush_on_admin`: each scrape merges the histograms, in time
    for the next."""
    return {
        "node": {
            "id": "unnamed",
            "cluster": "tidegate",
        },  # the id comes from the command line, per incarnation
        "admin": {"address": _socket("127.0.0.1", admin_port)},
        "stats_flush_on_admin": True,
        "stats_config": {
            "histogram_bucket_settings": [
                {
                    "match": {"safe_regex": {"regex": r"^cluster\..*upstream_rq_time$"}},
                    "buckets": list(BUCKETS),
                }
            ]
        },
        "dynamic_resources": {"lds_config": _file(folder, LDS), "cds_config": _file(folder, CDS)},
    }


def clusters(backends: tuple[Backend, ...], folder: Path) -> list[Json]:
    """CDS: three clusters for each backend."""
    return [
        _cluster(backend, suffix, folder)
        for backend in sorted(backends, key=lambda b: b.cluster)
        for suffix in ("", META, MIRROR)
    ]


def endpoints(backend: Backend) -> list[Json]:
    """EDS: a backend's addresses."""
    kind = f"{_TYPE}.config.endpoint.v3.ClusterLoadAssignment"
    return [{"@type": kind, **_assignment(backend, backend.cluster)}]


def routes(listener: Listener, labels: Mapping[str, str]) -> list[Json]:
    """RDS: an endpoint's rules. `labels`: cluster → value of the revision header. gRPC first: its
    paths are disjoint from HTTP's, whose last match is everything."""
    ordered = sorted(listener.rules, key=lambda rule: not rule.grpc)
    return [
        {
            "@type": f"{_TYPE}.config.route.v3.RouteConfiguration",
            "name": listener.endpoint,
            "virtual_hosts": [
                {
                    "name": listener.endpoint,
                    "domains": ["*"],
                    "routes": [route for rule in ordered for route in _routes(rule, labels)],
                }
            ],
        }
    ]


def listeners(table: Table, folder: Path) -> list[Json]:
    """LDS: one listener per endpoint."""
    return [
        _listener(item, folder) for item in sorted(table.listeners, key=lambda item: item.endpoint)
    ]


def document(version: int, resources: list[Json]) -> str:
    """A file's text. JSON is YAML, and needs no rules about quoting."""
    return json.dumps({"version_info": str(version), "resources": resources}, indent=1) + "\n"


def _socket(host: str, port: int) -> Json:
    return {"socket_address": {"address": host, "port_value": port}}


def _file(folder: Path, name: str) -> Json:
    return {"resource_api_version": "V3", "path_config_source": {"path": str(folder / name)}}


def _by_file(backend: Backend, folder: Path) -> Json:
    config = {
        "service_name": backend.cluster,
        "eds_config": _file(folder, eds_file(backend.cluster)),
    }
    return {"type": "EDS", "eds_cluster_config": config}


def _inline(backend: Backend, suffix: str) -> Json:
    return {"type": "STATIC", "load_assignment": _assignment(backend, backend.cluster + suffix)}


def _assignment(backend: Backend, name: str) -> Json:
    addresses = [{"endpoint": {"address": _socket(a.host, a.port)}} for a in backend.addresses]
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": addresses}] if addresses else []}


def _cluster(backend: Backend, suffix: str, folder: Path) -> Json:
    limits = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests"), _LIMIT)
    cluster: Json = {
        "@type": f"{_TYPE}.config.cluster.v3.Cluster",
        "name": backend.cluster + suffix,
        "connect_timeout": "1s",
        "circuit_breakers": {"thresholds": [{**limits, "max_retries": 64}]},
        **(_inline(backend, suffix) if suffix else _by_file(backend, folder)),
    }
    if backend.h2:
        options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
        cluster["typed_extension_protocol_options"] = {
            options: {
                "@type": f"type.googleapis.com/{options}",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        }
    return cluster


def _routes(rule: WeightedRule, labels: Mapping[str, str]) -> list[Json]:
    """Inference, then everything else of the protocol, with the same weights."""
    inference = _HTTP_INFERENCE
    everything = "/"
    if rule.grpc:
        inference = _GRPC_INFERENCE
        everything = _GRPC_SERVICE
    headers: list[Json] = [
        {"name": name, "string_match": {"exact": value}} for name, value in rule.headers
    ]
    headers += [
        {"name": name, "string_match": {"safe_regex": {"regex": pattern}}}
        for name, pattern in rule.patterns
    ]
    matched: Json = {}
    if headers:
        matched = {"headers": headers}
    action = _action(rule, labels, "")
    if rule.mirrors:
        action["request_mirror_policies"] = [
            _mirror(cluster, percent) for cluster, percent in rule.mirrors
        ]
    return [
        {"match": {"safe_regex": {"regex": inference}, **matched}, "route": action},
        {"match": {"prefix": everything, **matched}, "route": _action(rule, labels, META)},
    ]


def _action(rule: WeightedRule, labels: Mapping[str, str], suffix: str) -> Json:
    """Only what never reached a server is retried: a retry must not hide an error, nor repeat an
    inference."""
    weighted = [
        {
            "name": cluster + suffix,
            "weight": weight,
            "response_headers_to_add": [
                {
                    "header": {"key": REVISION_HEADER, "value": labels[cluster]},
                    "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                }
            ],
        }
        for cluster, weight in rule.clusters
    ]
    return {
        "timeout": f"{rule.timeout_s:g}s",
        "retry_policy": {
            "retry_on": "connect-failure,refused-stream,reset-before-request",
            "num_retries": 2,
        },
        "weighted_clusters": {"clusters": weighted},
    }


def _mirror(cluster: str, percent: int) -> Json:
    return {
        "cluster": cluster + MIRROR,
        "runtime_fraction": {"default_value": {"numerator": percent, "denominator": "HUNDRED"}},
    }


def _listener(listener: Listener, folder: Path) -> Json:
    """`enable_upstream_stats` makes grpc_stats count per upstream cluster: gRPC errors are HTTP
    200."""
    filters = f"{_TYPE}.extensions.filters"
    manager = {
        "@type": f"{filters}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": listener.endpoint,
        "codec_type": "AUTO",
        "rds": {
            "route_config_name": listener.endpoint,
            "config_source": _file(folder, rds_file(listener.endpoint)),
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.grpc_stats",
                "typed_config": {
                    "@type": f"{filters}.http.grpc_stats.v3.FilterConfig",
                    "stats_for_all_methods": True,
                    "enable_upstream_stats": True,
                },
            },
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{filters}.http.router.v3.Router"},
            },
        ],
    }
    chain = {
        "filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
        ]
    }
    return {
        "@type": f"{_TYPE}.config.listener.v3.Listener",
        "name": listener.endpoint,
        "address": _socket("127.0.0.1", listener.port),
        "filter_chains": [chain],
    }

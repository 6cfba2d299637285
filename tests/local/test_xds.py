"""Envoy's configuration as a function of the routing table."""

import json
from pathlib import Path

from tidegate_local.processes import xds
from tidegate_local.processes.table import (
    Address,
    Backend,
    ClusterName,
    Listener,
    Table,
    WeightedRule,
    parse_cluster,
    problems,
)

R1 = Backend("team.add-sub--r1--http", (Address("127.0.0.1", 9001),), False, "r1")
R2 = Backend("team.add-sub--r2--http", (), False, "r2")
R1G = Backend("team.add-sub--r1--grpc", (Address("127.0.0.1", 9002),), True, "r1")
CANARY = WeightedRule((), False, ((R1.cluster, 90), (R2.cluster, 10)), ((R2.cluster, 30),), 45)
BETA = WeightedRule((("x-user", "beta"),), False, ((R1.cluster, 0), (R2.cluster, 100)))
GRPC = WeightedRule((), True, ((R1G.cluster, 100),))
LISTENER = Listener("team.add-sub", 8600, (BETA, CANARY, GRPC))
TABLE = Table((R1, R2, R1G), (LISTENER,))
GOLDEN = Path(__file__).parent / "golden"


def everything() -> str:
    folder = Path("/plane/xds")
    labels = {b.cluster: b.label for b in TABLE.backends}
    parts = {
        xds.CDS: xds.document(1, xds.clusters(TABLE.backends, folder)),
        xds.eds_file(R1.cluster): xds.document(2, xds.endpoints(R1)),
        xds.eds_file(R2.cluster): xds.document(3, xds.endpoints(R2)),
        xds.rds_file(LISTENER.endpoint): xds.document(4, xds.routes(LISTENER, labels)),
        xds.LDS: xds.document(5, xds.listeners(TABLE, folder)),
        "bootstrap.json": json.dumps(xds.bootstrap(folder, 9901), indent=1),
    }
    return "\n".join(f"# {name}\n{text}" for name, text in parts.items())


def test_the_whole_configuration_is_as_reviewed() -> None:
    assert everything() == (GOLDEN / "xds.txt").read_text()


def test_each_backend_is_three_clusters_and_only_one_costs_a_watched_file() -> None:
    made = xds.clusters((R1,), Path("/x"))
    assert [c["name"] for c in made] == [R1.cluster, R1.cluster + "--meta", R1.cluster + "--mirror"]
    assert [c["type"] for c in made] == ["EDS", "STATIC", "STATIC"]


def test_grpc_is_matched_before_http_also_when_an_http_rule_has_headers() -> None:
    made = xds.routes(LISTENER, {b.cluster: b.label for b in TABLE.backends})[0]["virtual_hosts"][
        0
    ]["routes"]
    assert "GRPCInferenceService" in json.dumps(made[0]["match"])
    assert made[-1]["match"] == {"prefix": "/"}


def test_names_are_read_back() -> None:
    assert parse_cluster(R2.cluster) == ClusterName("team", "add-sub", 2, "http")
    assert str(parse_cluster(R1G.cluster)) == R1G.cluster
    for other in (R1.cluster + "--meta", R1.cluster + "--mirror", "team.add-sub", "x"):
        assert parse_cluster(other) is None


def test_what_envoy_would_misunderstand_is_refused_with_a_reason() -> None:
    stray = WeightedRule((), False, (("nobody", 100),))
    zero = WeightedRule((), False, ((R1.cluster, 0),))
    bad = Table((R1, R1), (Listener("a", 1, (stray,)), Listener("b", 1, (zero,))))
    assert problems(TABLE) == ()
    assert problems(bad) == (
        "a routes to nobody, which is no backend",
        "b: the weights (('team.add-sub--r1--http', 0),) must be 0 or more with a sum above 0",
        "cluster team.add-sub--r1--http is listed 2 times",
        "port 1 belongs to 2 endpoints",
    )

"""A real Envoy Gateway gives routes their status, a real Envoy takes its configuration from it,
Prometheus counts."""

from collections.abc import Iterator
from functools import partial

import httpx2
import pytest

from tests.built import dev_cluster
from tests.cluster.objects import deployment
from tests.cluster.routes import GATEWAY, has_weights, route, settled
from tidegate_local.devcluster import proxy
from tidegate_local.devcluster.cluster import DevCluster
from tidegate_local.devcluster.kube import Json, ready
from tidegate_local.home import free_port

pytestmark = pytest.mark.cluster
PARTS = ("gateway", "prometheus")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevCluster]:
    with dev_cluster(tmp_path_factory.mktemp("gateway"), PARTS) as cluster:
        yield cluster


def service(name: str) -> Json:
    port = {"name": "http", "port": 80, "targetPort": 8080}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"app": name}, "ports": [port]},
    }


def test_a_change_of_weights_reaches_the_data_plane(cluster: DevCluster) -> None:
    kube = cluster.kube
    port = free_port()
    for name in ("r1", "r2"):
        kube.apply(deployment("default", name, replicas=1))
        kube.apply(service(name))
    gateway = cluster.gateway.gateway("default", "gateway", port)
    assert ready(gateway, "Accepted")
    envoy = proxy.start(cluster.gateway, "default", "gateway")
    for weights in ({"r1": 90, "r2": 10}, {"r1": 50, "r2": 50}):
        kube.apply(route(weights))
        kube.wait(kube.path(GATEWAY, "HTTPRoute", "default", "fraud"), settled, 20.0)
        kube.until(partial(has_weights, envoy.admin, weights), f"Envoy splits as {weights}", 20.0)
    answer = httpx2.get(f"http://127.0.0.1:{port}/v2/health/ready", trust_env=False)
    assert answer.status_code == 503, "nobody answers at a fake pod's address"
    assert answer.headers["x-tidegate-revision"] in ("r1", "r2"), (
        "who it was is told also of an error"
    )
    cluster.prometheus.scrape("envoy", envoy.admin, "/stats/prometheus")
    request = 'sum by (envoy_cluster_name) (envoy_cluster_upstream_rq{envoy_response_code="503"})'
    kube.until(
        lambda: len(cluster.prometheus.query(request)) == 1,
        "Prometheus has counted the answer",
        20.0,
    )
    (series,) = cluster.prometheus.query(request)
    assert series["metric"]["envoy_cluster_name"].startswith(
        "httproute/default/fraud/rule/0/backend/"
    )
    assert series["value"][1] == "1"


def test_a_route_to_nobody_is_told_so(cluster: DevCluster) -> None:
    kube = cluster.kube
    lost = route({"nobody": 1}, name="lost")
    cluster.gateway.gateway("default", "gateway", free_port())
    kube.apply(lost)
    result = kube.wait(kube.path(GATEWAY, "HTTPRoute", "default", "lost"), refused, 20.0)
    (parent,) = result["status"]["parents"]
    (refs,) = (c for c in parent["conditions"] if c["type"] == "ResolvedRefs")
    assert (refs["status"], refs["reason"]) == ("False", "BackendNotFound")


def refused(result: Json) -> bool:
    parents = result.get("status", {}).get("parents", [])
    return any(
        c["type"] == "ResolvedRefs" and c["status"] == "False"
        for p in parents
        for c in p["conditions"]
    )

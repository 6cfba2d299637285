"""Which counters an endpoint's evidence comes from, told by the objects that serve it."""

from typing import Any

from tests.deploy_worker.meters.fake_prometheus import FakePrometheus
from tidegate.core.evidence import Scrape
from tidegate.core.intent import EndpointKey, Mode, Protocol, Runtime
from tidegate.core.ports import Capabilities, NoData, Snapshot, State, Unavailable
from tidegate.deploy_worker.meter import (
    ClusterMeter,
    NoMeter,
    lost_requests,
    meter_of,
    uncounted_copies,
    untold_of,
)
from tidegate.deploy_worker.meters.doctor import Line, Sign
from tidegate.deploy_worker.meters.flows import STREAMS
from tidegate.deploy_worker.meters.prometheus import Reach
from tidegate.deploy_worker.meters.series import Prometheus
from tidegate.deploy_worker.settings import WorkerSettings

KEY = EndpointKey("team-a", "fraud")
OURS = {"app.kubernetes.io/managed-by": "tidegate", "tidegate.dev/endpoint": "fraud"}
WRITTEN = [{"manager": "tidegate", "operation": "Apply", "time": "2026-01-01T00:00:00Z"}]
BEGAN = 1767225600.0  # the same in epoch seconds


def meta(name: str, **labels: str) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": KEY.namespace,
        "uid": name,
        "labels": OURS | labels,
        "managedFields": WRITTEN,
    }


def route() -> dict[str, Any]:
    refs = [
        {"name": f"fraud-r{n}-predictor", "port": 80, "weight": w} for n, w in ((1, 75), (2, 25))
    ]
    rules = [
        {"matches": [{"path": {"value": path}}], "backendRefs": refs}
        for path in ("/inference.GRPCInferenceService/", "/")
    ]
    return {"kind": "HTTPRoute", "metadata": meta("fraud"), "spec": {"rules": rules}}


def knative(protocol: str = "v2") -> tuple[dict[str, Any], ...]:
    traffic = [{"revisionName": "fraud-predictor-00001", "percent": 100}]
    isvc = {
        "kind": "InferenceService",
        "metadata": meta("fraud"),
        "spec": {
            "predictor": {
                "labels": {"tidegate.dev/revision": "r7"},
                "model": {"protocolVersion": protocol},
            }
        },
        "status": {"components": {"predictor": {"traffic": traffic}}},
    }
    revision = {
        "kind": "Revision",
        "metadata": meta("fraud-predictor-00001", **{"tidegate.dev/revision": "r7"}),
    }
    return isvc, revision


class Bench:
    """A Prometheus made by hand, and the meter over what the cluster shows."""

    def __init__(self, *objects: dict[str, Any], profile: str = "envoy-gateway") -> None:
        self.seen: Snapshot | Unavailable = Snapshot(KEY, objects)
        self.prometheus = FakePrometheus(BEGAN + 100)
        client = Prometheus(
            "http://prometheus", lambda: self.prometheus.now, transport=self.prometheus
        )
        self.meter = ClusterMeter(client, profile, Reach(interval=10.0), lambda _key: self.seen)

    def count(self, labels: dict[str, str], rate: int) -> None:
        """A counter that rises by `rate` between scrapes, ten seconds apart, since before the route
        was written."""
        for number in range(-5, 11):
            self.prometheus.store(
                labels | {"instance": "a", "job": "j"}, BEGAN + 10 * number, rate * (number + 5)
            )

    def scrape(self) -> Scrape:
        scrape = self.meter.scrape(KEY)
        assert isinstance(scrape, Scrape), scrape
        return scrape


def test_an_endpoint_with_a_route_is_counted_by_its_gateway() -> None:
    bench = Bench(route())
    for slot, rate in ((0, 3), (1, 1)):
        cluster = f"httproute/team-a/fraud/rule/1/backend/{slot}"
        name = {
            "__name__": "envoy_cluster_upstream_rq",
            "envoy_cluster_name": cluster,
            "envoy_response_code": "200",
        }
        bench.count(name, rate)
    answers = {r.revision: r.counters.answers for r in bench.scrape().readings}
    assert set(answers) == {1, 2}
    assert answers[1] == 3 * answers[2] > 0


def test_an_endpoint_without_a_route_is_counted_by_knative() -> None:
    bench = Bench(*knative())
    labels = {
        "__name__": "revision_request_count",
        "namespace": "team-a",
        "revision_name": "fraud-predictor-00001",
        "response_code": "200",
    }
    bench.count(labels, 5)
    assert {r.revision for r in bench.scrape().readings} == {7}


def test_an_adopted_endpoint_s_own_route_has_another_name_and_is_still_its_gateway_s() -> None:
    """KServe's own route has the endpoint's name and none of our labels."""
    theirs = {
        "kind": "HTTPRoute",
        "metadata": {"name": "fraud", "namespace": "team-a"},
        "spec": {"rules": []},
    }
    ours = route()
    ours["metadata"]["name"] = "fraud-tidegate"
    bench = Bench(theirs, ours)
    cluster = "httproute/team-a/fraud-tidegate/rule/1/backend/0"
    bench.count(
        {
            "__name__": "envoy_cluster_upstream_rq",
            "envoy_cluster_name": cluster,
            "envoy_response_code": "200",
        },
        3,
    )
    assert Line(Sign.SERIES, "r1 http: answers") in bench.meter.doctor(KEY)


def test_of_an_adopted_endpoint_that_speaks_grpc_the_doctor_says_what_is_not_counted() -> None:
    ours = route()
    ours["metadata"]["name"] = "fraud-tidegate"
    bench = Bench(ours)
    cluster = "httproute/team-a/fraud-tidegate/rule/0/backend/0"
    bench.count(
        {
            "__name__": "envoy_cluster_upstream_rq",
            "envoy_cluster_name": cluster,
            "envoy_response_code": "200",
        },
        3,
    )
    lines = bench.meter.doctor(KEY)
    (line,) = (line for line in lines if line.sign is Sign.NO_GRPC_STATUS)
    assert line.message.startswith("no metric source for gRPC")
    assert "no grpc-status is counted" in line.message


def test_an_adopted_knative_revision_is_counted_as_r0_beside_ours() -> None:
    isvc, ours = knative()
    isvc["status"]["components"]["predictor"]["traffic"] = [
        {"revisionName": "fraud-predictor-00001", "percent": 75},
        {"revisionName": "fraud-predictor-00002", "percent": 25},
    ]
    ours["metadata"]["name"] = "fraud-predictor-00002"
    label = {"serving.kserve.io/inferenceservice": "fraud"}
    theirs = {"kind": "Revision", "metadata": {"name": "fraud-predictor-00001", "labels": label}}
    bench = Bench(isvc, theirs, ours)
    for name in ("fraud-predictor-00001", "fraud-predictor-00002"):
        labels = {"namespace": "team-a", "revision_name": name, "response_code": "200"}
        bench.count({"__name__": "revision_request_count", **labels}, 5)
    assert {reading.revision for reading in bench.scrape().readings} == {0, 7}


def test_knative_counters_tell_nothing_of_grpc() -> None:
    scrape = Bench(*knative("grpc-v2")).meter.scrape(KEY)
    assert isinstance(scrape, NoData)
    assert "gRPC" in scrape.detail


def test_what_is_not_there_yet_is_no_data_with_a_reason() -> None:
    bench = Bench()
    scrape = bench.meter.scrape(KEY)
    assert isinstance(scrape, NoData)
    assert "no InferenceService yet" in scrape.detail
    bench.seen = Unavailable("connection refused")
    assert bench.meter.scrape(KEY) == NoData("the cluster does not answer: connection refused")


def test_without_a_metric_source_the_answer_says_what_to_set() -> None:
    meter, explain = meter_of(WorkerSettings(), lambda _key: Snapshot(KEY, ()))
    assert isinstance(meter, NoMeter)
    assert meter.scrape(KEY) == NoData(
        "no metric source is configured: gates cannot decide; set TIDEGATE_PROMETHEUS_URL"
    )
    assert explain(KEY, 1) == ()


def test_with_one_the_cluster_is_measured() -> None:
    meter, _ = meter_of(
        WorkerSettings(prometheus_url="http://prometheus:9090"), lambda _key: Snapshot(KEY, ())
    )
    assert isinstance(meter, ClusterMeter)


def test_a_mirrored_route_is_counted_by_copies_too() -> None:
    mirrored = route()
    backend = {"name": "fraud-r2-predictor", "port": 80}
    filters = [{"type": "RequestMirror", "requestMirror": {"backendRef": backend, "percent": 20}}]
    mirrored["spec"]["rules"] = [rule | {"filters": filters} for rule in mirrored["spec"]["rules"]]
    bench = Bench(mirrored)
    for ends, code, rate in (
        ("backend/0", "200", 5),
        ("backend/1", "200", 1),
        ("", "200", 2),
        ("", "500", 3),
    ):
        for number in (0, 1):  # gRPC's rule, HTTP's
            if ends:
                where = f"{number}/{ends}"
            else:
                where = f"{number}-mirror-0"
            name = f"httproute/team-a/fraud/rule/{where}"
            labels = {
                "__name__": "envoy_cluster_upstream_rq",
                "envoy_cluster_name": name,
                "envoy_response_code": code,
            }
            if number or not ends:  # a route without gRPC requests
                bench.count(labels, rate)
    seen = bench.scrape()
    (copies,) = seen.copies
    assert copies.revision == 2
    assert 2 * copies.counters.errors == 3 * (copies.counters.answers - copies.counters.errors) > 0
    live = {(r.revision, r.spoken): r.counters.answers for r in seen.readings}
    assert live[1, "http"] == 5 * live[2, "http"] > 0


def test_where_copies_are_not_counted_the_reason_is_known_before_a_shadow_starts() -> None:
    prometheus = "http://prometheus:9090"
    assert uncounted_copies(WorkerSettings(prometheus_url=prometheus)) == ""
    istio = WorkerSettings(prometheus_url=prometheus, gateway_metrics="istio")
    assert (
        uncounted_copies(istio)
        == "Istio's gateway does not report the answers to mirrored requests"
    )
    assert uncounted_copies(WorkerSettings()).startswith("no metric source is configured")


def test_what_a_proxy_does_not_tell_of_lost_requests_is_a_fact_of_the_doctor() -> None:
    prometheus = "http://prometheus:9090"
    istio = untold_of(WorkerSettings(prometheus_url=prometheus, gateway_metrics="istio"))
    (fact,) = lost_requests(Capabilities(), istio)
    assert fact.state is State.MISSING
    assert "standard: Istio counts a request when it ends" in fact.detail
    assert "knative: Knative's queue-proxy counts a request whose client left" in fact.detail
    assert "time-out" in fact.way_out
    envoy = untold_of(WorkerSettings(prometheus_url=prometheus))
    (fact,) = lost_requests(Capabilities(knative=False), envoy)
    assert fact.detail.startswith("standard: of gRPC streams (ModelStreamInfer)")
    assert envoy(Mode.STANDARD, Runtime(protocol=Protocol.V2)) == ()
    assert envoy(Mode.STANDARD, Runtime(protocol=Protocol.GRPC_V2)) == (STREAMS,)
    assert lost_requests(Capabilities(), untold_of(WorkerSettings())) == ()

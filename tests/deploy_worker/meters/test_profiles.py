"""How each data plane's series are understood."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.deploy_worker.meters.fake_prometheus import FakePrometheus
from tests.deploy_worker.meters.world import CUT, INTERVAL, KEY, START, cluster
from tidegate.core.drivers.rendering import Platform
from tidegate.core.drivers.route import render
from tidegate.core.evidence import Counters, Scrape
from tidegate.core.intent import EndpointKey, HeaderMatch, Intent, Mode
from tidegate.core.lost import Flow
from tidegate.core.ports import NoData
from tidegate.core.traffic import Rule, Share, Traffic
from tidegate.deploy_worker.meters.doctor import check
from tidegate.deploy_worker.meters.flows import STREAMS
from tidegate.deploy_worker.meters.profiles import (
    ENVOY_GATEWAY,
    ISTIO,
    KNATIVE,
    PROFILES,
    Asked,
    Kind,
    Profile,
)
from tidegate.deploy_worker.meters.prometheus import PrometheusMeter, Reach, no_names
from tidegate.deploy_worker.meters.series import Prometheus
from tidegate.deploy_worker.meters.slots import Slots, slots_of_route

INTENT = Intent(KEY, 4, Mode.STANDARD, stable=3)
NAMED = Slots((), frozenset({1, 2}), 0.0)
Labels = dict[str, str]


def knative_names(key: EndpointKey, name: str) -> int | None:
    return {f"{key.name}-predictor-00003": 1, f"{key.name}-predictor-00004": 2}.get(name)


def scenario(
    profile: Profile,
    scrapes: list[list[tuple[Labels, float]]],
    skew: float = 0.0,
    grpc: bool = False,
) -> PrometheusMeter:
    """One scrape per list; the second target of a scrape is read `skew` later."""
    prometheus = FakePrometheus(START)
    for number, samples in enumerate(scrapes):
        for labels, value in samples:
            late = 0.0
            if labels.get("pod", "").endswith("-2"):
                late = skew
            prometheus.store(labels, START + number * INTERVAL + late, value)
    prometheus.now = START + (len(scrapes) - 1) * INTERVAL + 5
    api = Prometheus("http://prometheus", lambda: prometheus.now, transport=prometheus)
    return PrometheusMeter(
        api,
        profile,
        lambda _key: NAMED,
        Reach(INTERVAL),
        revision_of=knative_names,
        speaks_grpc=lambda _key: grpc,
    )


def counts(meter: PrometheusMeter) -> dict[int, Counters]:
    seen = meter.scrape(KEY)
    assert isinstance(seen, Scrape), seen
    return {reading.revision: reading.counters for reading in seen.readings}


def istio(
    revision: int, code: str, protocol: str = "http", status: str = "", **more: str
) -> Labels:
    return {
        "__name__": "istio_requests_total",
        "reporter": "source",
        "destination_service_namespace": "team",
        "destination_service_name": f"fraud-r{revision}-predictor",
        "response_code": code,
        "request_protocol": protocol,
        "grpc_response_status": status,
        "pod": "gw-1",
        "instance": "10.0.0.1:15020",
    } | more


def test_istio_counts_http_by_code_and_grpc_by_status() -> None:
    bucket = {"__name__": "istio_request_duration_milliseconds_bucket"}
    lines: list[tuple[Labels, float, float]] = [
        (istio(1, "200"), 1000, 1090),
        (istio(2, "200"), 10, 15),
        (istio(2, "404"), 0, 1),
        (istio(2, "0"), 0, 30),  # the client left: lost
        (istio(2, "200", "grpc", "0"), 3, 7),
        (istio(2, "200", "grpc", "13"), 3, 5),
        (istio(2, "503", "grpc", ""), 0, 1),
        (istio(2, "500", reporter="destination"), 0, 100),  # copies and mirrors
        (istio(2, "500", destination_service_namespace="other"), 0, 100),
        (istio(2, "500", destination_service_name="fraud-b-r2-predictor"), 0, 100),
        (istio(2, "200", le="50") | bucket, 10, 14),
        (istio(2, "200", le="+Inf") | bucket, 10, 15),
        (istio(2, "404", le="50") | bucket, 0, 1),
        (istio(2, "404", le="+Inf") | bucket, 0, 1),
    ]
    seen = counts(scenario(ISTIO, [[(s, a) for s, a, _ in lines], [(s, b) for s, _, b in lines]]))
    # Flows are of the process's life
    assert seen[1] == Counters(90, 0, flow=Flow(1090, 1090, 0, settled=True))
    lost = Flow(59, 29, 0, settled=True)
    causes = (("grpc INTERNAL", 2), ("grpc UNAVAILABLE", 1), ("http 404", 1))
    assert seen[2] == Counters(
        13, 3, ((50.0, 5), (float("inf"), 6)), causes, rejections=1, flow=lost
    )


def old_knative(revision: int, n: float) -> list[tuple[Labels, float]]:
    own = {"namespace": "team", "pod": f"fraud-{revision}", "instance": f"10.0.0.{revision}:9091"}
    name = {"revision_name": f"fraud-predictor-0000{revision + 2}", "namespace_name": "team"}
    counter = {
        "__name__": "revision_request_count",
        "response_code": "500",
        "response_code_class": "5xx",
    }
    bucket = {"__name__": "revision_request_latencies_bucket", "le": "100"}
    # The same requests, seen further in
    app = {
        "__name__": "revision_app_request_count",
        "response_code": "500",
    }
    return [(part | own | name, n) for part in (counter, bucket, app)]


def new_knative(revision: int, n: float) -> list[tuple[Labels, float]]:
    own = {"namespace": "team", "pod": f"fraud-{revision}", "instance": f"10.0.0.{revision}:9091"}
    code = {"http_response_status_code": "500"}
    histogram = "kn_serving_invocation_duration_seconds"
    return [
        (
            own
            | {
                "__name__": "target_info",
                "kn_revision_name": f"fraud-predictor-0000{revision + 2}",
            },
            1,
        ),
        (own | code | {"__name__": f"{histogram}_count"}, n),
        (own | code | {"__name__": f"{histogram}_bucket", "le": "0.1"}, n),
    ]


@pytest.mark.parametrize("pod", [old_knative, new_knative])
def test_queue_proxies_of_old_and_new_knative(
    pod: Callable[[int, float], list[tuple[Labels, float]]],
) -> None:
    scrapes = [[*pod(1, a), *pod(2, b)] for a, b in ((100, 7), (110, 8), (120, 8), (130, 9))]
    meter = scenario(KNATIVE, scrapes, skew=1.5)
    assert counts(meter) == {
        1: Counters(30, 30, ((100.0, 30),), (("http 500", 30),)),
        2: Counters(2, 2, ((100.0, 2),), (("http 500", 2),)),
    }


def test_pods_read_just_before_and_just_after_the_cut_share_their_intervals() -> None:
    """Else the first interval would hold more of one revision, and a shared outage would look like
    its own."""
    prometheus = FakePrometheus(CUT)
    api = Prometheus("http://prometheus", lambda: prometheus.now, transport=prometheus)
    meter = PrometheusMeter(
        api, KNATIVE, lambda _key: NAMED, Reach(INTERVAL), revision_of=knative_names
    )
    seen = []
    for number in range(8):
        for revision, phase in ((1, 0.1), (2, -0.8)):
            for labels, value in old_knative(revision, 10 * number):
                prometheus.store(labels, CUT + number * INTERVAL + phase, value)
        prometheus.now = CUT + number * INTERVAL + 3
        seen.append(meter.scrape(KEY))
    scrapes = [scrape for scrape in seen if isinstance(scrape, Scrape)]
    assert [round(scrape.at - CUT, 1) for scrape in scrapes] == [
        29.2,
        44.2,
        59.2,
        74.2,
        89.2,
        104.2,
    ]
    answers = [tuple(reading.counters.answers for reading in scrape.readings) for scrape in scrapes]
    assert answers == [(n, n) for n in (10, 20, 30, 40, 50, 60)]


def test_revisions_that_are_read_too_far_apart_are_not_compared() -> None:
    scrapes = [[*old_knative(1, n), *old_knative(2, n)] for n in (10, 20, 30, 40)]
    seen = scenario(KNATIVE, scrapes, skew=4).scrape(KEY)
    assert isinstance(seen, NoData)
    assert seen.detail.startswith(
        "the revisions are read 11.0 s apart, so their intervals differ: scrape every 2 s"
    )


def test_a_queue_proxy_cannot_judge_grpc() -> None:
    seen = scenario(KNATIVE, [], grpc=True).scrape(KEY)
    assert isinstance(seen, NoData)
    assert (
        seen.detail
        == "team/fraud speaks gRPC, whose errors knative metrics hide: use istio instead"
    )


def test_one_side_without_series_is_said() -> None:
    seen = scenario(ISTIO, [[(istio(1, "200"), 1)], [(istio(1, "200"), 5)]]).scrape(KEY)
    assert isinstance(seen, NoData)
    assert seen.detail.startswith("r2 of team/fraud has a share of the traffic but no series")


def test_every_backend_of_a_rendered_route_is_found_by_its_indices() -> None:
    """The meter knows the driver's order of rules; this fails when the driver changes it."""
    rules = (
        Rule((HeaderMatch("x-beta", "1"),), (Share(3, 0), Share(8, 100))),
        Rule((), (Share(3, 90), Share(8, 10))),
    )
    route = render(INTENT, Traffic(rules), (5, 3, 8), Platform("store"))
    request = Asked(KEY, Slots((5, 3, 8), frozenset({3, 8}), 0.0), no_names)
    for index, rule in enumerate(route["spec"]["rules"]):
        for slot, backend in enumerate(rule["backendRefs"]):
            name = f"httproute/team/fraud/rule/{index}/backend/{slot}"
            labels = {"__name__": "envoy_cluster_upstream_rq_total", "envoy_cluster_name": name}
            meaning = ENVOY_GATEWAY.meaning(labels, request)
            assert meaning is not None
            assert meaning.kind is Kind.FLOW
            assert backend["name"] == f"fraud-r{meaning.revision}-predictor"
            assert (meaning.spoken == "grpc") == (backend["port"] == 9000)


def test_the_slots_of_a_route_begin_with_its_last_write() -> None:
    traffic = Traffic((Rule((), (Share(3, 100), Share(8, 0))),))
    route = render(INTENT, traffic, (3, 8), Platform("store"))
    fields = [
        {"manager": "tidegate", "time": "2026-03-01T10:00:00Z"},
        {"manager": "tidegate", "time": "2026-03-01T10:07:30Z"},
        {"manager": "envoy-gateway", "subresource": "status", "time": "2026-03-01T11:00:00Z"},
    ]
    assert "managedFields" in str(slots_of_route(KEY, route))
    route["metadata"]["managedFields"] = fields
    assert slots_of_route(KEY, route) == Slots((3, 8), frozenset({3}), 1772359650.0)
    route["spec"]["rules"][0]["backendRefs"].insert(0, {"name": "stranger", "port": 80})
    slots = slots_of_route(KEY, route)
    assert isinstance(slots, str)
    assert "stranger" in slots


@pytest.mark.parametrize("odd", ['a"b', "a\\b", "a.*", "a}[1h]"])
def test_no_name_can_leave_its_place_in_the_query(odd: str) -> None:
    prometheus = FakePrometheus(START)
    for profile in PROFILES.values():
        for name in ("fraud", odd):
            prometheus.store(
                {
                    "__name__": profile.families[0].metric,
                    "namespace": name,
                    "envoy_cluster_name": f"httproute/{name}/fraud/rule/1/backend/0",
                    "reporter": "source",
                    "destination_service_namespace": name,
                    "destination_service_name": "fraud-r1-predictor",
                },
                START,
                1,
            )
        api = Prometheus("http://prometheus", lambda: START, transport=prometheus)
        seen = api.samples(profile.selector(replace(KEY, namespace=odd), {"job": ""}), 60)
        assert not hasattr(seen, "detail")
        assert {str(sorted(s.labels.items())).count("fraud'") for s in seen.series} <= {0, 1}
        assert all(
            odd in s.labels.values() or odd in s.labels["envoy_cluster_name"] for s in seen.series
        )


def messages(meter: PrometheusMeter | None) -> tuple[str, ...]:
    return tuple(line.message for line in check(meter, KEY))


def test_the_doctor_without_a_source_and_with_half_a_source() -> None:
    assert messages(None) == ("no metric source: gates cannot decide",)
    assert messages(scenario(ISTIO, []))[0].startswith(
        "no metric source: gates cannot decide: Prometheus has no istio"
    )
    half = scenario(ISTIO, [[(istio(1, "200"), 5), (istio(2, "200", "grpc", "0"), 5)]])
    assert messages(half) == (
        "r1 http: answers",
        "r2 grpc: answers",
        "no latency buckets: metrics of latency stay undecided",
        "gw-1/10.0.0.1:15020 tells no start time or uptime: after a restart it counts only from "
        "the next cut",
        "Istio counts a request when it ends, so that one which waits is not seen",
        STREAMS,
    )


def denying(denied: int, limited: int, *, requests: int) -> list[tuple[Labels, float]]:
    """What a filter stopped before r2, of which requests were sent besides; 2 of them got a 403 of
    its own."""
    own = {"envoy_cluster_name": cluster(1, 1), "pod": "gw-1", "instance": "10.0.0.1:19001"}
    counters = {
        "upstream_rq_total": requests,
        "upstream_rq_completed": requests + denied + limited,
        "upstream_rq_active": 0,
        "ext_authz_denied": denied,
        "ratelimit_over_limit": limited,
    }
    codes = {"200": requests - 2, "403": denied + 2, "429": limited}
    return [
        *(({"__name__": f"envoy_cluster_{name}"} | own, n) for name, n in counters.items()),
        *(
            ({"__name__": "envoy_cluster_upstream_rq", "envoy_response_code": code} | own, n)
            for code, n in codes.items()
        ),
    ]


def test_what_envoy_gateways_filters_stop_is_neither_answered_nor_lost() -> None:
    scrapes = [denying(0, 0, requests=2), denying(8, 5, requests=22)]
    prometheus = FakePrometheus(START)
    for number, samples in enumerate(scrapes):
        for labels, value in samples:
            prometheus.store(labels, START + number * INTERVAL, value)
    prometheus.now = START + INTERVAL + 5
    api = Prometheus("http://prometheus", lambda: prometheus.now, transport=prometheus)
    split = Slots((1, 2), frozenset({2}), START - 400)
    seen = counts(PrometheusMeter(api, ENVOY_GATEWAY, lambda _key: split, Reach(INTERVAL)))
    assert (seen[2].answers, seen[2].rejections, seen[2].saturated) == (20, 0, 0)
    assert seen[2].flow == Flow(22, 22, 0, settled=True)

"""People's own metrics from a metric source: what is read, and each way in which nothing is. The
first half runs against a real Prometheus, too."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy_worker.own.sources import Page, RealServer, SmallServer
from tests.http_server import Reply
from tidegate.core.evalues import Arm
from tidegate.core.intent import EndpointKey
from tidegate.core.own.due import OwnRequest
from tidegate.core.own.readings import OwnReading, rise
from tidegate.core.own.spec import Own, ReadyMade
from tidegate.deploy_worker.meters.prometheus import Reach
from tidegate.deploy_worker.meters.series import Prometheus
from tidegate.deploy_worker.own.prometheus import PrometheusOwn

KEY = EndpointKey("team", "fraud")
PODS = {1: ("fraud-r1-a",), 2: ("fraud-r2-a", "fraud-r2-b")}
SHARE = Own("checkout", 'ok_total{pod=~"$pods"}', 'orders_total{pod=~"$pods"}')
MEAN = Own("depth", mean='queue_depth{pod=~"$pods"}')


@dataclass
class World:
    """A source, its page, and who reads it."""

    server: SmallServer | RealServer
    budget: float = 2.0

    @property
    def page(self) -> Page:
        return self.server.page

    def count(self, pod: str, ok: int, orders: int, namespace: str = "team") -> None:
        self.page.set("ok_total", ok, namespace, pod=pod, instance=pod)
        self.page.set("orders_total", orders, namespace, pod=pod, instance=pod)

    def read(self, *metrics: Own, pods: dict[int, tuple[str, ...]] = PODS) -> list[OwnReading]:
        """What is read once the page was scraped."""
        self.server.scraped()
        source = PrometheusOwn(
            Prometheus(self.server.url, time.time), Reach(interval=1.0), self.budget
        )
        requests = [OwnRequest(own, (1, 2), 100.0, 4.0) for own in metrics]
        return list(source.read(KEY, pods, requests))


@pytest.fixture(params=["small", pytest.param("real", marks=pytest.mark.cluster)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    server: SmallServer | RealServer
    if request.param == "small":
        server = SmallServer(Page())
    else:
        server = RealServer(Page(), tmp_path)
    yield World(server)
    server.close()


@pytest.fixture
def small() -> Iterator[World]:
    server = SmallServer(Page())
    yield World(server)
    server.close()


def test_counters_of_each_revision_are_added_up_and_nobody_elses(world: World) -> None:
    world.count("fraud-r1-a", 900, 1000)
    world.count("fraud-r2-a", 45, 50)
    world.count("fraud-r2-b", 5, 5)
    world.count("fraud-r2-a", 7_000, 9_000, namespace="other")
    world.count("fraud-r22-a", 7_000, 9_000)
    [first] = world.read(SHARE)
    assert first.trouble == ""
    counts = sorted((each.revision, each.part, each.whole) for each in first.tallies)
    assert counts == [(1, 900, 1000), (2, 5, 5), (2, 45, 50)]
    world.count("fraud-r2-a", 50, 60)
    world.count("fraud-r2-b", 1, 1)  # it began again
    [second] = world.read(SHARE)
    assert second.oldest > first.newest
    change = rise(first, second, 2, within=True)
    assert change.arm == Arm(10, 5)
    assert "fraud-r2-b" in change.trouble
    assert "fell: it began again" in change.trouble


def test_a_mean_is_one_value_of_each_revision(world: World) -> None:
    world.page.set("queue_depth", 3.5, pod="fraud-r1-a")
    world.page.set("queue_depth", 7.25, pod="fraud-r2-a")
    [reading] = world.read(MEAN)
    assert (reading.trouble, dict(reading.values)) == ("", {1: 3.5, 2: 7.25})
    assert reading.seconds == 4.0


def test_each_way_in_which_there_is_no_value_is_told(world: World) -> None:
    [nothing] = world.read(MEAN)
    assert nothing.trouble == "r2: no series"
    world.page.set("queue_depth", float("nan"), pod="fraud-r2-a")
    [nan] = world.read(MEAN)
    assert nan.trouble == "r2: the value is NaN"
    world.page.set("queue_depth", 1.0, pod="fraud-r2-a")
    world.page.set("queue_depth", 1.0, pod="fraud-r2-b")
    [two] = world.read(MEAN)
    assert two.trouble == "r2: 2 series, and one value is needed: write sum() or avg()"
    assert not two.refused


def test_counters_that_nobody_shows_are_told(world: World) -> None:
    [nothing] = world.read(SHARE)
    assert nothing.trouble == "no series of r1: total selects nothing"
    for pod in ("fraud-r1-a", "fraud-r2-a"):
        world.page.set("orders_total", 5, pod=pod)
    [bad] = world.read(SHARE)
    assert bad.trouble == "no series: good selects nothing"
    world.page.set("ok_total", 5, pod="fraud-r1-a")
    [one_side] = world.read(SHARE)  # the candidate has never succeeded: that is an answer
    assert one_side.trouble == ""
    parts = [(each.revision, each.part, each.whole) for each in one_side.tallies]
    assert sorted(parts) == [(1, 5, 5), (2, 0, 5)]


def test_a_query_that_prometheus_refuses_is_told_as_wrong(world: World) -> None:
    wrong = Own("p90", mean='histogram_quantile(x{pod=~"$pods"}, 0.9)')
    world.page.set("x", 1, pod="fraud-r1-a")
    [reading] = world.read(wrong)
    assert reading.trouble.startswith("r1: Prometheus refuses the query: ")
    assert reading.refused


def test_the_ready_made_metrics_are_read_by_tritons_names(small: World) -> None:
    for pod in ("fraud-r1-a", "fraud-r2-a"):
        small.page.set("nv_inference_request_success", 90, pod=pod)
        small.page.set("nv_inference_request_failure", 10, pod=pod)
        small.page.set("nv_inference_queue_duration_us", 450_000, pod=pod)
    queue, failures = small.read(
        Own("triton_queue_time", ready=ReadyMade.QUEUE_TIME),
        Own("triton_failures", ready=ReadyMade.FAILURES),
    )
    assert [(each.part, each.whole) for each in queue.tallies] == [(450_000, 90)] * 2
    assert [(each.part, each.whole) for each in failures.tallies] == [(90, 100)] * 2
    [gpu] = small.read(Own("gpu_seconds_per_request", ready=ReadyMade.GPU_SECONDS))
    assert isinstance(small.server, SmallServer)
    assert "nv_gpu_utilization" in small.server.queries[-1]
    assert gpu.trouble


def test_one_process_that_two_jobs_scrape_is_not_counted_twice(small: World) -> None:
    for job in ("a", "b"):
        for pod in ("fraud-r1-a", "fraud-r2-a"):
            small.page.set("orders_total", 5, pod=pod, job=job)
            small.page.set("ok_total", 5, pod=pod, job=job)
    [reading] = small.read(SHARE)
    assert "job 'a' and 'b'" in reading.trouble


def test_a_counter_that_is_no_number_is_no_count(small: World) -> None:
    for pod in ("fraud-r1-a", "fraud-r2-a"):
        small.count(pod, 5, 5)
    small.page.set("orders_total", float("nan"), pod="fraud-r2-a", instance="fraud-r2-a")
    [reading] = small.read(SHARE)
    assert "is no count" in reading.trouble


def test_a_revision_without_pods_is_asked_nothing(small: World) -> None:
    [reading] = small.read(SHARE, pods={1: ("fraud-r1-a",), 2: ()})
    assert reading.trouble == "r2 has no pod"
    assert isinstance(small.server, SmallServer)
    assert small.server.queries == []


@pytest.mark.parametrize(
    "mean", ['x{namespace="other",pod=~"$pods"}', "x offset 1h", 'x{pod=~"$pods"}[5m:]']
)
def test_what_got_past_the_plan_is_refused_where_it_is_read(small: World, mean: str) -> None:
    [reading] = small.read(Own("theirs", mean=mean))
    assert reading.refused
    assert isinstance(small.server, SmallServer)
    assert small.server.queries == []


def late() -> Reply | None:
    time.sleep(0.6)
    return None


def test_a_slow_source_delays_a_pass_by_its_budget_and_no_more(small: World) -> None:
    assert isinstance(small.server, SmallServer)
    small.server.before = late
    small.budget = 0.3
    began = time.monotonic()
    readings = small.read(SHARE, MEAN, Own("more", mean='x{pod=~"$pods"}'))
    assert time.monotonic() - began < 1.5
    assert "does not answer within 0.3 s" in readings[0].trouble
    assert all("not asked: the 0.3 s" in each.trouble for each in readings[1:])
    assert not any(each.refused for each in readings)


@pytest.mark.parametrize(
    ("reply", "trouble"),
    [
        (Reply("x" * 1_200_000), "the answer has more than 1,000,000 bytes"),
        (Reply("<html>"), "Prometheus answers 200, not as Prometheus does"),
        (Reply("[]"), "Prometheus answers 200, not as Prometheus does"),
        (Reply({"status": "success", "data": {}}), "the answer is not as Prometheus' is"),
        (
            Reply({"status": "success", "data": {"resultType": "matrix", "result": []}}),
            "the answer is a matrix",
        ),
        (
            Reply({"status": "error", "error": "query timed out in expression evaluation"}, 503),
            "Prometheus refuses the query: query timed out",
        ),
    ],
)
def test_any_other_answer_is_trouble(small: World, reply: Reply, trouble: str) -> None:
    assert isinstance(small.server, SmallServer)
    small.server.before = lambda: reply
    [reading] = small.read(MEAN)
    assert trouble in reading.trouble

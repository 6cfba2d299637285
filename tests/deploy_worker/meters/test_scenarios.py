"""What the evidence holds after each trouble of gateways and Prometheus: what was sent, or less,
never more."""

import random

import pytest

from tests.deploy_worker.meters.fake_prometheus import FakePrometheus
from tests.deploy_worker.meters.world import CUT, INTERVAL, KEY, START, Gateways, Replica, cluster
from tidegate.core.evalues import Arm
from tidegate.core.evidence import Counters, Scrape
from tidegate.core.ports import NoData
from tidegate.deploy_worker.meters.counting import SETTLE, TAKEN
from tidegate.deploy_worker.meters.slots import Slots

DAY = 86_400


def test_a_plain_canary_counts_what_was_sent() -> None:
    world = Gateways()
    world.replicas[0].answer(0, 200, 50_000)  # long ago
    world.replicas[0].answer(0, 503, 400)
    world.begin()
    for _ in range(5):
        world.send(1, 200, 90)
        world.send(2, 200, 8)
        world.send(2, 500, 2)
        world.send(2, 429, 3)
        world.pass_interval()
    assert world.counted == world.sent == {1: Arm(450, 0), 2: Arm(65, 10)}
    # One of them is the empty one after the base line
    assert world.evidence.split.seconds == 6 * INTERVAL


def test_a_second_look_at_the_same_samples_is_the_same_scrape() -> None:
    world = Gateways()
    world.begin()
    world.send(2, 500, 7)
    world.wait()
    first = world.meter().scrape(KEY)
    world.prometheus.now += 5
    assert isinstance(first, Scrape)
    assert world.meter().scrape(KEY) == first
    assert world.prometheus.queries == 8


def test_a_gateway_replica_that_restarts_counts_from_zero() -> None:
    world = Gateways()
    world.begin()
    world.send(2, 200, 40)
    world.pass_interval()
    world.replicas[0].restart(world.now + 2)
    # What it answered between the last scrape and its end is lost; here: nothing
    world.sent[2] = Arm(40)
    world.send(2, 200, 90)  # more than before, so that no counter seems to fall
    world.send(2, 500, 1)
    world.send(1, 200, 30)
    world.pass_interval()
    assert world.counted == world.sent == {1: Arm(30), 2: Arm(131, 1)}


def test_a_restart_that_no_uptime_tells_is_left_out_until_the_next_cut() -> None:
    world = Gateways(Replica("gw-a", START - DAY, tells_uptime=False))
    world.replicas[0].answer(0, 200, 1000)
    world.begin()
    world.replicas[0].restart(world.now + 2)
    world.replicas[0].answer(0, 200, 5)
    world.pass_interval()
    assert "lost counters" in world.said
    while world.now < CUT + 20:
        world.pass_interval()
    world.sent = {1: Arm(), 2: Arm()}
    world.send(1, 200, 10)
    world.pass_interval()
    assert world.counted == {1: Arm(10), 2: Arm()}


def test_a_new_replica_counts_from_its_start_and_its_end_loses_nothing_that_was_scraped() -> None:
    world = Gateways(Replica("gw-a", START - DAY))
    world.begin()
    world.replicas.append(Replica("gw-b", world.now + 1, phase=4.0))
    for _ in range(3):
        world.send(1, 200, 50)
        world.send(2, 500, 5, to=1)
        world.pass_interval()
    world.pass_interval()
    assert world.counted == world.sent == {1: Arm(150), 2: Arm(15, 15)}
    del world.replicas[1]
    for _ in range(6):
        world.send(1, 200, 10)
        world.pass_interval()
    world.pass_interval()
    assert world.counted == world.sent == {1: Arm(210), 2: Arm(15, 15)}


def test_an_old_replica_that_prometheus_had_not_shown_brings_no_old_counts() -> None:
    world = Gateways(Replica("gw-a", START - DAY))
    world.begin()
    late = Replica("gw-b", START - DAY)
    late.answer(1, 500, 9000)
    for _ in range(8):  # longer than the meter looks back after the cut
        world.pass_interval()
    world.replicas.append(late)
    for _ in range(3):
        world.send(1, 200, 5)
        world.pass_interval()
    assert world.counted == {1: Arm(15), 2: Arm()}


@pytest.mark.parametrize("missing", [1, 2])
def test_missing_scrapes_make_a_longer_interval(missing: int) -> None:
    world = Gateways()
    world.begin()
    for _ in range(missing):
        world.send(1, 200, 20)
        world.send(2, 500, 4)
        world.pass_interval(scraped=False)
    assert world.counted == {1: Arm(), 2: Arm()}
    world.pass_interval()
    assert world.counted == world.sent
    assert world.evidence.split.seconds == (missing + 2) * INTERVAL


def test_too_many_missing_scrapes_are_said() -> None:
    world = Gateways()
    world.begin()
    for _ in range(4):
        world.pass_interval(scraped=False)
    assert "the newest sample of team/fraud is" in world.said


def test_one_replica_misses_two_scrapes() -> None:
    world = Gateways(Replica("gw-a", START - DAY), Replica("gw-b", START - DAY, phase=3.0))
    world.begin()
    away = world.replicas.pop()
    for _ in range(2):
        world.send(2, 500, 3)
        away.answer(1, 200, 2)
        world.pass_interval()
    world.replicas.append(away)
    world.pass_interval()
    world.pass_interval()
    assert world.counted == {1: Arm(), 2: Arm(10, 6)}


def test_prometheus_restarts_and_keeps_its_data() -> None:
    world = Gateways()
    world.begin()
    world.prometheus.down = True
    world.send(2, 500, 3)
    world.pass_interval(scraped=False)
    assert "does not answer" in world.said
    world.prometheus.down = False
    world.pass_interval()
    assert world.counted == world.sent


def test_prometheus_loses_its_data() -> None:
    world = Gateways()
    world.replicas[0].answer(1, 500, 4000)
    world.begin()
    world.send(2, 500, 3)
    world.pass_interval()
    assert world.counted == world.sent
    for _ in range(8):  # the cut is out of sight for what comes after it
        world.pass_interval()
    world.prometheus.forget()
    world.send(2, 500, 50)
    world.pass_interval()
    assert "was not scraped at" in world.said
    assert world.counted == {1: Arm(), 2: Arm(3, 3)}
    while world.now < CUT + 20:
        world.pass_interval()
    world.send(2, 500, 2)
    world.pass_interval()
    assert world.counted == {1: Arm(), 2: Arm(5, 5)}


def test_a_change_of_slots_gives_nobody_the_others_counts() -> None:
    world = Gateways(slots=Slots((0, 1, 2), frozenset({1, 2}), START - 400))
    world.replicas[0].slots = 3
    for slot, n in ((0, 700), (1, 60_000), (2, 500)):
        world.replicas[0].answer(slot, 500, n)
    world.begin()
    world.send(2, 200, 10)
    world.pass_interval()
    # r0 leaves: r1 is now backend/0 and r2 backend/1; Envoy may keep what it had counted under
    # these names
    world.slots, world.replicas[0].slots = Slots((1, 2), frozenset({1, 2}), world.now - 1), 2
    del world.replicas[0].counts[1, 2, 500], world.replicas[0].counts[1, 2, 200]
    world.pass_interval()  # the first scrape after the change
    world.send(1, 200, 30)
    world.send(2, 500, 4)
    world.pass_interval()
    assert world.counted == world.sent == {1: Arm(30), 2: Arm(14, 4)}


def test_no_scrape_since_the_route_changed() -> None:
    world = Gateways()
    world.begin()
    world.slots = Slots((1, 2), frozenset({1, 2}), world.now - 2)
    world.observe()
    assert world.said == "envoy-gateway was not scraped since the route of team/fraud changed"


def test_a_value_that_is_no_count_just_after_the_cut_does_not_let_history_in() -> None:
    world = Gateways()
    world.replicas[0].answer(1, 500, 9000)
    world.wait()
    for key, samples in world.prometheus._samples.items():
        if ("envoy_response_code", "500") in key:
            samples[0] = (samples[0][0], "NaN")
    world.begin()
    world.send(2, 500, 6)
    world.pass_interval()
    assert world.counted == world.sent


@pytest.mark.parametrize("odd", ["NaN", "+Inf", "-1"])
def test_a_value_that_is_no_count_is_not_counted(odd: str) -> None:
    world = Gateways()
    world.send(2, 500, 6)
    world.begin()
    world.send(2, 500, 6)
    world.wait()
    name = {"envoy_cluster_name": cluster(1, 1), "envoy_response_code": "500", "pod": "gw-a"}
    labels = {
        "__name__": "envoy_cluster_upstream_rq",
        "instance": "gw-a:19001",
        "job": "envoy",
    } | name
    samples = world.prometheus._samples[tuple(sorted(labels.items()))]
    samples[-1] = (samples[-1][0], odd)
    world.observe()
    assert world.counted == {1: Arm(), 2: Arm()}
    world.pass_interval()
    assert world.counted == world.sent


def test_counts_of_other_routes_mirrors_and_retries_are_not_ours() -> None:
    world = Gateways()
    world.begin()
    own = {"pod": "gw-a", "instance": "gw-a:19001", "job": "envoy", "envoy_response_code": "500"}
    others = [
        ("envoy_cluster_upstream_rq", cluster(1, 1, "fraud-2")),
        ("envoy_cluster_upstream_rq", "httproute/other/fraud/rule/1/backend/1"),
        ("envoy_cluster_upstream_rq", "httproute/team/fraud/rule/1-mirror-0/backend/0"),
        ("envoy_cluster_upstream_rq", 'odd"}\\\n{é'),
        ("envoy_cluster_retry_upstream_rq", cluster(1, 1)),
        ("envoy_cluster_external_upstream_rq", cluster(1, 1)),
        ("envoy_cluster_upstream_rq", cluster(1, 7)),
    ]
    for step in range(2):
        for metric, name in others:
            labels = {"__name__": metric, "envoy_cluster_name": name} | own
            world.prometheus.store(labels, world.now + INTERVAL / 2, 100 * step)
        world.pass_interval()
    assert world.counted == {1: Arm(), 2: Arm()}


def test_a_gateway_that_two_jobs_scrape_would_count_twice() -> None:
    world = Gateways()
    world.begin()
    world.replicas[0].expose(world.prometheus, world.now - 3, job="again")
    world.observe()
    assert "job 'again' and 'envoy'" in world.said


@pytest.mark.parametrize(
    "seed", [0, 1, 2, *(pytest.param(n, marks=pytest.mark.long) for n in range(3, 60))]
)
def test_whatever_happens_no_count_is_invented(seed: int) -> None:
    """Two workers take turns; replicas restart, come and go; Prometheus misses scrapes; the weights
    change."""
    rng = random.Random(seed)
    world = Gateways(
        Replica("gw-0", START - DAY), Replica("gw-1", START - DAY, phase=rng.uniform(-6, 6))
    )
    for replica in world.replicas:
        for slot in (0, 1):
            replica.answer(slot, 500, rng.randrange(5000))
    world.begin()
    meters = [world.meter(), world.meter()]
    for number in range(120):
        for _ in range(rng.randrange(4)):
            to = rng.randrange(len(world.replicas))
            world.send(rng.choice((1, 2)), rng.choice((200, 500)), rng.randrange(50), to=to)
        match rng.randrange(14):
            case 0:
                rng.choice(world.replicas).restart(world.now + 1)
            case 1:
                world.replicas.append(
                    Replica(f"gw-{number + 2}", world.now + 1, phase=rng.uniform(-6, 6))
                )
            case 2 if len(world.replicas) > 1:
                world.replicas.pop(rng.randrange(len(world.replicas)))
            case 3:
                world.slots = Slots((1, 2), frozenset({1, 2}), float(int(world.now)))
            case 4 if seed % 3 == 0:
                world.prometheus.forget()
        world.wait(scraped=rng.random() > 0.15)
        for _ in range(rng.randrange(3)):
            world.observe(rng.choice(meters))
        for revision, arm in world.counted.items():
            assert arm.n <= world.sent[revision].n
            assert arm.bad <= world.sent[revision].bad
    if seed % 3:  # a Prometheus that forgets every few minutes leaves little
        assert world.counted[2].n > world.sent[2].n / 4


def test_nothing_of_this_route_is_said() -> None:
    world = Gateways()
    world.prometheus = FakePrometheus(START)
    seen = world.meter().scrape(KEY)
    assert isinstance(seen, NoData)
    assert "no envoy-gateway series of team/fraud" in seen.detail


def test_after_a_change_of_weights_only_histograms_settle() -> None:
    """Errors count from the first scrape after the gateway took the route on, latency later."""
    world = Gateways(interval=1.0)
    world.begin()
    changed = world.now
    world.slots = Slots((1, 2), frozenset({1, 2}), changed)
    waited: dict[str, float] = {}
    while "latency" not in waited:
        world.send(2, 500, 10)
        world.wait()
        seen = world.meter().scrape(KEY)
        counters = Counters(0, 0)
        if isinstance(seen, Scrape):
            counters = next(r.counters for r in seen.readings if r.revision == 2)
        if counters.errors:
            waited.setdefault("errors", world.now - changed)
        if counters.buckets and counters.buckets[-1][1]:
            waited["latency"] = world.now - changed
    assert waited["errors"] <= TAKEN + 2
    assert SETTLE < waited["latency"] <= SETTLE + 2

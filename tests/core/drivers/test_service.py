"""Standard mode without the Gateway API: the note first, then a Service that leads to one
revision."""

from dataclasses import replace
from typing import Any

from tests.core.values import KEY
from tests.simulation.lab import Lab, gateway_manifest
from tidegate.core import strategy
from tidegate.core.drivers import driver_for, note
from tidegate.core.drivers.base import Memory, Writes, fence
from tidegate.core.drivers.rendering import Gateway, Platform
from tidegate.core.drivers.service import render
from tidegate.core.intent import (
    Adopted,
    CandidateTraffic,
    Intent,
    Mode,
    Model,
    Revision,
    Runtime,
    Scaling,
)
from tidegate.core.observation import Observation
from tidegate.core.ports import Apply, Done, Snapshot
from tidegate.core.reachable import reachable_intents
from tidegate.core.rollout import Rollout
from tidegate.core.traffic import describe
from tidegate_local.played.api import CONFIG_MAP, HTTP_ROUTE, ISVC, SERVICE

PLATFORM = Platform("store", None, drain=0.0, steady=0.0)
WITH_GATEWAY = replace(
    PLATFORM, gateway=Gateway("main", "gateways", service="gateway.gateways.svc")
)
FIRST = Intent(KEY, 1, Mode.STANDARD, 1, scaling=Scaling(1, 4), mark="drawn")
REVISIONS = {
    number: Revision(
        number, Model("m", str(number), f"s3://m/{number}", f"sha256-{number}"), Runtime(), "d"
    )
    for number in (1, 2)
}


def next_writes(lab: Lab, intent: Intent, platform: Platform = PLATFORM) -> Writes:
    """What would be written now."""
    driver = driver_for(Mode.STANDARD, platform)
    snapshot = lab.cluster.observe(KEY)
    seen = driver.read(KEY, REVISIONS, snapshot)
    stop = fence(intent, seen, platform.store)
    if stop is not None:
        return Writes(waiting=(stop.message,))
    return driver.writes(intent, REVISIONS, snapshot, seen, Memory(), lab.clock())


def carry_out(lab: Lab, intent: Intent, reconciles: int = 6, platform: Platform = PLATFORM) -> None:
    """Reconciles of the worker, each after the controllers."""
    for _ in range(reconciles):
        for write in next_writes(lab, intent, platform).writes:
            assert lab.cluster.write(write) == Done()
        lab.settle(10)


def kinds(writes: Writes) -> list[str]:
    return [
        write.manifest["kind"] if isinstance(write, Apply) else write.kind
        for write in writes.writes
    ]


def test_the_note_is_written_alone_and_read_back_before_anything_else_of_a_generation() -> None:
    lab = Lab(gateway=False)
    assert kinds(next_writes(lab, FIRST)) == ["ConfigMap"]
    lab.cluster.write(next_writes(lab, FIRST).writes[0])
    assert sorted(kinds(next_writes(lab, FIRST))) == ["InferenceService", "Service"]
    carry_out(lab, FIRST)
    following = replace(
        FIRST, generation=2, candidate=2, candidate_traffic=CandidateTraffic(replicas_percent=100)
    )
    assert kinds(next_writes(lab, following)) == ["ConfigMap"]
    assert note.read(KEY, lab.cluster.observe(KEY)) == note.Noted("store", 1, "drawn")


def test_the_service_leads_http_and_grpc_to_the_pods_of_one_revision_and_is_read_back() -> None:
    lab = Lab(gateway=False)
    carry_out(lab, FIRST)
    spec = lab.get(SERVICE, "fraud")["spec"]
    assert (spec["type"], spec["selector"]) == (
        "ClusterIP",
        {"serving.kserve.io/inferenceservice": "fraud-r1"},
    )
    assert [(p["name"], p["port"], p["targetPort"]) for p in spec["ports"]] == [
        ("http", 80, 8080),
        ("h2c", 9000, 9000),
    ]
    seen = driver_for(Mode.STANDARD, PLATFORM).read(KEY, REVISIONS, lab.cluster.observe(KEY))
    assert (describe(seen.traffic), seen.settled, seen.stamp.generation, seen.stamp.store) == (
        "r1 100 %",
        True,
        1,
        "store",
    )
    assert seen.address == "http://fraud.team.svc.cluster.local"
    assert lab.led_to("fraud") == {"r1": 100.0}
    assert lab.names(HTTP_ROUTE) == []


def test_a_promotion_waits_for_the_newcomer_at_its_size_and_then_changes_the_selector() -> None:
    lab = Lab(gateway=False)
    carry_out(lab, FIRST)
    promoted = replace(FIRST, generation=2, stable=2, standby=(1,))
    carry_out(lab, promoted, reconciles=1)
    assert next_writes(lab, promoted).waiting == ("r2 has 0 of 1 replicas before it takes all",)
    assert lab.led_to("fraud") == {"r1": 100.0}
    carry_out(lab, promoted)
    assert lab.led_to("fraud") == {"r2": 100.0}
    assert sorted(lab.names(ISVC)) == ["fraud-r1", "fraud-r2"], "the old one is kept"
    carry_out(lab, replace(promoted, generation=3, stable=1, standby=(2,)))
    assert lab.led_to("fraud") == {"r1": 100.0}


def test_a_share_that_slipped_through_leads_to_stable_whole() -> None:
    lab = Lab(gateway=False)
    carry_out(lab, FIRST)
    carry_out(
        lab,
        replace(FIRST, generation=2, candidate=2, candidate_traffic=CandidateTraffic(percent=50)),
    )
    assert lab.led_to("fraud") == {"r1": 100.0}


def test_a_deletion_takes_service_and_note_away_and_the_note_last() -> None:
    lab = Lab(gateway=False)
    carry_out(lab, FIRST)
    gone = replace(FIRST, generation=2, stable=None)
    assert kinds(next_writes(lab, gone)) == ["Service"]
    carry_out(lab, gone, reconciles=2)
    assert (lab.names(ISVC), lab.names(CONFIG_MAP)) == ([], ["fraud-tidegate"])
    carry_out(lab, gone)
    assert lab.cluster.observe(KEY).objects == ()


def test_names_of_somebody_else_are_never_taken() -> None:
    for kind, name in ((SERVICE, "fraud"), (CONFIG_MAP, "fraud-tidegate")):
        lab = Lab(gateway=False)
        foreign: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": kind.kind,
            "metadata": {"name": name, "namespace": "team"},
        }
        lab.apply(foreign)
        writes = next_writes(lab, FIRST)
        assert writes.writes == ()
        assert f"{kind.kind} team/{name} is in the way and not ours" in writes.waiting[0]


def test_an_endpoint_with_a_route_keeps_it_when_the_gateway_is_taken_out_of_the_settings() -> None:
    lab = Lab()
    carry_out(lab, FIRST, platform=WITH_GATEWAY)
    writes = next_writes(lab, replace(FIRST, generation=2))
    assert writes.writes == ()
    assert "come through HTTPRoute fraud, and no gateway is set" in writes.waiting[0]
    other = next_writes(
        lab, replace(FIRST, generation=2, stable=None), replace(PLATFORM, store="another")
    )
    assert "belong to another store" in other.waiting[0], "the route's stamp still counts"
    carry_out(lab, replace(FIRST, generation=2, stable=None))
    assert lab.cluster.observe(KEY).objects == (), "it can be deleted"


def test_an_endpoint_made_without_a_gateway_stays_so_when_one_is_set() -> None:
    lab = Lab(gateway=False)
    carry_out(lab, FIRST)
    lab.apply(gateway_manifest())
    writes = next_writes(lab, replace(FIRST, generation=2), WITH_GATEWAY)
    assert writes.writes == ()
    assert "made without a gateway" in writes.waiting[0]
    assert lab.led_to("fraud") == {"r1": 100.0}
    carry_out(lab, replace(FIRST, generation=2, stable=None), platform=WITH_GATEWAY)
    assert lab.cluster.observe(KEY).objects == ()


def test_an_adopted_endpoint_needs_a_gateway() -> None:
    first = replace(REVISIONS[1], number=0, adopted=Adopted("uid", {}))
    writes = driver_for(Mode.STANDARD, PLATFORM).writes(
        replace(FIRST, stable=0), {0: first}, Snapshot(KEY, ()), Observation(), Memory(), 0.0
    )
    assert (writes.writes, "needs a gateway" in writes.waiting[0]) == ((), True)


def test_preflight_hears_of_the_note_and_of_each_selector() -> None:
    rollout = Rollout("ro", strategy.blue_green(), 1, 2, "ann")
    planned_objects = driver_for(Mode.STANDARD, PLATFORM).reachable(
        reachable_intents(rollout, FIRST), REVISIONS, Snapshot(KEY, ())
    )
    manifests = [planned.manifest for planned in planned_objects]
    assert [m for m in manifests if m["kind"] == "Service"] == [render(KEY, 1), render(KEY, 2)]
    assert {m["kind"] for m in manifests} == {"ConfigMap", "Service", "InferenceService"}

"""What is said before anything moves: every object on the reachable intent, with its step and its
rule. That nothing else is ever written is held over random lives by
tests/core/test_invariants.py."""

import pytest

from tests.core.values import KEY
from tidegate.core import strategy
from tidegate.core.drivers import driver_for, planned
from tidegate.core.drivers.rendering import INITIAL_SCALE, Gateway, Platform
from tidegate.core.intent import (
    CandidateTraffic,
    HeaderMatch,
    Intent,
    Mode,
    Model,
    Revision,
    Runtime,
    Scaling,
)
from tidegate.core.ports import Snapshot
from tidegate.core.reachable import ABORT, PROMOTION, RELEASE, START, UNDO, first, reachable_intents
from tidegate.core.rollout import Rollout

EMPTY = Snapshot(KEY, ())
REVISIONS = {
    number: Revision(
        number, Model("m", str(number), f"s3://m/{number}", f"sha256-{number}"), Runtime(), "d"
    )
    for number in (1, 2)
}


def reached(mode, plan, snapshot=EMPTY, override=None, **intent):
    """Everything on the reachable intent of r2 against r1."""
    at = Intent(KEY, 4, mode, 1, **{"scaling": Scaling(1, 4), **intent})
    intents = reachable_intents(Rollout("ro", plan, 1, 2, "ann"), at, override)
    driver = driver_for(mode, Platform("store", Gateway("main", "gateways")))
    return driver.reachable(intents, REVISIONS, snapshot)


def splits(result):
    """step -> percents of r2 in routes that are first reached there."""
    values: dict[str, list[int]] = {}
    for item in result:
        if item.manifest["kind"] == "HTTPRoute":
            refs = item.manifest["spec"]["rules"][-1]["backendRefs"]
            weight = next((ref["weight"] for ref in refs if ref["name"] == "fraud-r2-predictor"), 0)
            values.setdefault(item.step, []).append(weight)
    return values


def test_each_step_of_a_canary_brings_one_new_route_and_its_replicas():
    result = reached(Mode.STANDARD, strategy.canary((10, 50)))
    steps = {"step 1 of 2: 10 %": [10], "step 2 of 2: 50 %": [50]}
    assert splits(result) == {
        START: [0],
        **steps,
        PROMOTION: [100, 0],
        RELEASE: [100],
        UNDO: [100],
        ABORT: [0],
    }
    services = [
        (item.step, item.manifest["metadata"]["name"])
        for item in result
        if item.manifest["kind"] != "HTTPRoute"
    ]
    assert services == [(START, "fraud-r1"), (START, "fraud-r2")], (
        "one replica is enough for every step"
    )


def test_the_size_of_stable_decides_how_many_replicas_are_asked_about():
    isvc = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "fraud-r1", "namespace": "team", "labels": _labels("r1")},
        "spec": {"predictor": {}},
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "fraud-r1-predictor", "namespace": "team"},
        "spec": {"replicas": 4},
    }
    result = reached(Mode.STANDARD, strategy.canary((10, 50)), Snapshot(KEY, (isvc, deployment)))
    floors = [
        (item.step, item.manifest["spec"]["predictor"]["minReplicas"])
        for item in result
        if item.manifest["metadata"]["name"] == "fraud-r2"
    ]
    assert floors == [(START, 1), ("step 2 of 2: 50 %", 3), (PROMOTION, 4)]


def test_a_header_test_reaches_the_match_and_a_shadow_its_copies():
    result = reached(Mode.STANDARD, strategy.ab(match=(HeaderMatch("x-group", "b"),)))
    matched = [
        item
        for item in result
        if item.manifest["kind"] == "HTTPRoute" and len(item.manifest["spec"]["rules"]) == 4
    ]
    assert [item.rule for item in matched] == [
        "the split of this step",
        "r2 gets nothing without a ready pod",
    ]
    copies = [
        item.step
        for item in reached(Mode.STANDARD, strategy.shadow(50))
        if any("filters" in rule for rule in item.manifest["spec"].get("rules", ()))
    ]
    assert copies == ["step 1 of 1: 50 % mirrored"]


def test_in_knative_mode_every_head_is_reached_with_its_percents():
    result = reached(Mode.KNATIVE, strategy.canary((10, 50)))
    heads = {}
    for item in result:
        if item.manifest["kind"] == "InferenceService":
            predictor = item.manifest["spec"]["predictor"]
            head = predictor["labels"]["tidegate.dev/revision"]
            heads.setdefault((head, predictor.get("canaryTrafficPercent")), item.step)
    assert heads == {
        ("r1", None): START,
        ("r1", 0): START,
        ("r1", 100): START,
        ("r2", 0): START,
        ("r2", 10): "step 1 of 2: 10 %",
        ("r2", 50): "step 2 of 2: 50 %",
        ("r2", None): PROMOTION,
        ("r2", 100): PROMOTION,
    }
    assert [entry.step for entry in result if entry.manifest["kind"] == "ConfigMap"] == [START], (
        "a generation is a counter"
    )
    assert not any(INITIAL_SCALE in str(entry.manifest) for entry in result), (
        "one pod is Knative's own first size"
    )


@pytest.mark.parametrize("mode", list(Mode))
def test_a_percent_by_hand_is_a_way_of_its_own(mode):
    steps = {item.step for item in reached(mode, strategy.manual(), override=25)}
    assert "override: 25 %" in steps


def test_a_first_deployment_plans_its_service_and_its_entry():
    driver = driver_for(
        Mode.STANDARD, Platform("store", Gateway("main", "gateways", service="gw.infra.svc"))
    )
    planned_objects = driver.reachable(first(Intent(KEY, 1, Mode.STANDARD, 1)), REVISIONS, EMPTY)
    assert [planned_object.manifest["kind"] for planned_object in planned_objects] == [
        "HTTPRoute",
        "Service",
        "InferenceService",
    ]
    assert {planned_object.step for planned_object in planned_objects} == {"first deployment"}


def test_objects_that_differ_in_their_generation_alone_are_one():
    manifest = {
        "kind": "ConfigMap",
        "metadata": {"name": "x"},
        "data": {"store": "s", "generation": "1"},
    }
    later = {**manifest, "data": {"store": "s", "generation": "2"}}
    other = {**manifest, "data": {"store": "t", "generation": "1"}}
    planned_objects = [
        planned.Planned(item, step, "")
        for step, item in zip("abc", (manifest, later, other), strict=True)
    ]
    assert [planned_object.step for planned_object in planned.distinct(planned_objects)] == [
        "a",
        "c",
    ]


def test_a_blue_green_reaches_its_full_size_before_any_traffic():
    result = reached(Mode.STANDARD, strategy.blue_green(), scaling=Scaling(4, 4))
    assert result[0].step == START
    assert all(item.index in (None, 0) for item in result)
    assert CandidateTraffic(replicas_percent=100) in [
        reachable_intent.intent.candidate_traffic for reachable_intent in _blue_green()
    ]


def _blue_green():
    return reachable_intents(
        Rollout("ro", strategy.blue_green(), 1, 2, "ann"), Intent(KEY, 4, Mode.STANDARD, 1)
    )


def _labels(revision):
    return {
        "app.kubernetes.io/managed-by": "tidegate",
        "tidegate.dev/endpoint": "fraud",
        "tidegate.dev/revision": revision,
    }

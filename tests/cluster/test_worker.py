"""The worker as a process on the real control plane, under exactly the shipped roles: rollouts in
both modes."""

# ruff: noqa: F811  (the fixtures are named here for those who import them)
from dataclasses import replace

import pytest

from tests.cluster.desk import Desk, desk, key  # noqa: F401
from tidegate.core.intent import CandidateTraffic, EndpointKey, Mode
from tidegate.core.rollout import ActionKind, Outcome
from tidegate.store import intents

pytestmark = [pytest.mark.cluster, pytest.mark.real]
MODES = list(Mode)


@pytest.mark.parametrize("mode", MODES)
def test_a_person_promotes(desk: Desk, key: EndpointKey, mode: Mode) -> None:
    desk.create(key, mode)
    assert desk.shares(key) == {1: 100}
    rollout = desk.start(key)
    service = f"fraud-r2-predictor.{key.namespace}.svc.cluster.local"
    alone = {
        Mode.STANDARD: f"http://{service}",
        Mode.KNATIVE: f"http://latest-fraud-predictor.{key.namespace}.",
    }
    assert str(desk.address(key, 2)).startswith(alone[mode]), desk.status(key)
    desk.action(rollout, ActionKind.APPROVE)
    desk.until(lambda: desk.shares(key) == {2: 100}, instead=lambda: desk.status(key))
    desk.until(lambda: desk.outcome(rollout) is Outcome.PROMOTED)
    if mode is Mode.STANDARD:
        left = {"fraud-r2"}
    else:
        left = {"fraud"}
    desk.until(lambda: desk.services(key) == left, instead=lambda: desk.status(key))


@pytest.mark.parametrize("mode", MODES)
def test_an_abort_rolls_back_and_the_endpoint_can_be_deleted(
    desk: Desk, key: EndpointKey, mode: Mode
) -> None:
    desk.create(key, mode)
    rollout = desk.start(key)
    desk.action(rollout, ActionKind.ABORT)
    desk.until(lambda: desk.shares(key) == {1: 100}, instead=lambda: desk.status(key))
    desk.until(lambda: desk.outcome(rollout) is Outcome.ABORTED)
    desk.until(lambda: desk.phase(key) == "ready", instead=lambda: desk.status(key))
    with desk.store.begin() as tx:
        stored = intents.current_intent(tx, key)
        assert stored is not None
        gone = replace(
            stored.intent,
            stable=None,
            candidate=None,
            candidate_traffic=CandidateTraffic(),
            standby=(),
            author="ann",
        )
        intents.append_intent(tx, gone, stored.intent.generation)
    desk.until(lambda: not desk.services(key), instead=lambda: desk.status(key))
    desk.until(lambda: desk.phase(key) == "gone", instead=lambda: desk.status(key))

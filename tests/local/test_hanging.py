"""A candidate that hangs, at a real Envoy with clients that give up: it is aborted, and soon."""

import asyncio

import pytest

from tests.local.hanging import Plan, play
from tests.local.misbehaving import Behaviour
from tidegate.core.evidence import Verdict
from tidegate_local.processes.envoy import Envoy

pytestmark = pytest.mark.real


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_candidate_that_hangs_on_a_quarter_fails(envoy: Envoy, protocol: str) -> None:
    outcome = asyncio.run(play(envoy, Plan(50, 100.0, protocol=protocol)))
    assert outcome.verdict is Verdict.FAIL, outcome


def test_a_candidate_that_answers_is_not_failed_because_clients_ask(envoy: Envoy) -> None:
    plan = Plan(50, 100.0, bad=0.0, patience=30.0, most_seconds=3.0)
    outcome = asyncio.run(play(envoy, plan))
    assert outcome.verdict is not Verdict.FAIL, outcome
    assert "0 of" in outcome.message


def test_a_candidate_that_hangs_on_everything_fails_without_an_answer(envoy: Envoy) -> None:
    outcome = asyncio.run(play(envoy, Plan(50, 100.0, bad=1.0)))
    assert outcome.verdict is Verdict.FAIL, outcome


def test_a_server_that_resets_connections_fails_by_the_proxys_own_answers(envoy: Envoy) -> None:
    plan = Plan(50, 100.0, bad=0.25, behaviour=Behaviour.RESET)
    outcome = asyncio.run(play(envoy, plan))
    assert outcome.verdict is Verdict.FAIL, outcome
    assert outcome.in_flight == 0

"""The strategies are served with the defaults that a request gets, and with examples that are
requests."""

from typing import Any

import pytest

from tests.deployment_service.conftest import Api
from tidegate.core.strategies import CHOICES, COMMON, Choice, Option
from tidegate.core.strategy import Kind
from tidegate.deployment_service.plans import strategy_of
from tidegate.schemas.requests.analysis import LatencyIn
from tidegate.schemas.requests.rollouts import StartRollout

every_choice = pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice.kind.value)


def started(kind: Kind, **fields: Any) -> StartRollout:
    """A request that starts a rollout of this kind, and says no more than it must."""
    return StartRollout.model_validate({"strategy": kind.value, "model_version_id": "2", **fields})


def test_every_strategy_that_a_request_may_name_is_listed() -> None:
    named = [kind for kind in Kind if kind is not Kind.UNDO]
    assert [choice.kind for choice in CHOICES] == named
    assert all(started(kind) for kind in named)


@every_choice
def test_the_plan_of_a_strategy_is_what_a_plain_request_gets(choice: Choice) -> None:
    required = {}
    if choice.kind is Kind.SHADOW:
        required = {"side_effects": "none"}
    assert strategy_of(started(choice.kind, **required)) == choice.plan


@every_choice
def test_the_example_of_a_strategy_is_a_request_that_starts_it(choice: Choice) -> None:
    assert strategy_of(StartRollout.model_validate(dict(choice.example))).kind is choice.kind


@every_choice
def test_a_default_that_is_shown_changes_nothing_when_it_is_sent(choice: Choice) -> None:
    required = {}
    if choice.kind is Kind.SHADOW:
        required = {"side_effects": "none"}
    sent = {option.name: option.default for option in choice.options if option.default is not None}
    assert strategy_of(started(choice.kind, **{**required, **sent})) == choice.plan


@pytest.mark.parametrize("option", COMMON, ids=lambda option: option.name)
def test_a_common_field_exists_and_its_default_is_the_plan_s(option: Option) -> None:
    *parents, leaf = option.name.split(".")
    if parents[-1:] == ["latency"]:  # not judged by default: the field is that of the metric
        assert leaf in LatencyIn.model_fields
        return
    sent: dict[str, Any] = {}
    inner = sent
    for parent in parents:
        inner[parent] = {}
        inner = inner[parent]
    inner[leaf] = option.default
    plain = strategy_of(started(Kind.CANARY))
    assert strategy_of(started(Kind.CANARY, **sent)) == plain


@pytest.mark.real
def test_they_are_served_with_plans_fields_and_examples(api: Api) -> None:
    answer = api.ok("GET", "/api/v1/strategies")
    canary, *others = answer["strategies"]
    assert [step["percent"] for step in canary["steps"]] == [1, 5, 10, 25, 50]
    assert [step["until"] for step in canary["steps"]][-2:] == ["no-fail", "pass"]
    bake = next(option for option in canary["options"] if option["name"] == "bake_seconds")
    assert (bake["default"], bake["unit"]) == (60.0, "seconds")
    assert [other["kind"] for other in others] == ["ab", "blue-green", "shadow", "manual"]
    assert {option["name"]: option["default"] for option in answer["options"]}[
        "analysis.alpha"
    ] == 0.01
    assert others[-2]["ending"] == "keep-stable"

"""What the flags become: the body that starts a rollout, and which flag a refusal means."""

from typing import Any

import pytest

from tidegate.deployment_service.plans import strategy_of
from tidegate.schemas.requests.endpoints import NewEndpoint
from tidegate.schemas.requests.rollouts import StartRollout
from tidegate.steps import rollout_request
from tidegate.steps.arguments import parse
from tidegate.steps.errors import UsageError


def body(*flags: str, command: str = "start") -> dict[str, Any]:
    """Of a start of version 2."""
    return rollout_request.rollout(
        parse([command, "--endpoint=fraud", "--model-version=2", *flags])
    )


def shape(*flags: str) -> list[tuple[object, str]]:
    """Each step's traffic and what ends it; the service takes the whole body."""
    made = body(*flags)
    strategy_of(StartRollout.model_validate(made))
    steps = made["strategy"]["steps"]
    return [
        (step.get("percent") or step.get("match") or step.get("mirror_percent") or 0, step["until"])
        for step in steps
    ]


def test_a_canary() -> None:
    assert shape("--percents=[1, 25]") == [(1, "no-fail"), (25, "pass")]
    assert shape("--percents=[1, 25]", "--smoke=true", "--approval=True") == [
        (0, "approval"),
        (1, "no-fail"),
        (25, "pass"),
        (25, "approval"),
    ]


def test_an_ab_ends_by_a_person_or_by_evidence() -> None:
    assert shape("--strategy=ab", "--percent=40") == [(40, "approval")]
    assert shape("--strategy=ab", "--ends-by=evidence") == [(50, "pass")]
    assert shape("--strategy=ab", "--ends-by=evidence", "--approval=true") == [
        (50, "pass"),
        (50, "approval"),
    ]
    assert shape("--strategy=ab", "--approval=true") == [(50, "approval")]
    assert shape("--strategy=ab", "--header=x-beta: yes") == [
        ([{"name": "x-beta", "value": "yes"}], "approval")
    ]
    users = [{"name": "x-tidegate-bucket", "value": "0-19", "range": True}]
    assert shape("--strategy=ab", "--unit=user", "--percent=20", "--ends-by=evidence") == [
        (users, "pass")
    ]


def test_blue_green_and_shadow() -> None:
    assert shape("--strategy=blue-green") == [(0, "approval")]
    assert [
        step["replicas_percent"]
        for step in body("--strategy=blue-green", "--smoke=true")["strategy"]["steps"]
    ] == [
        100,
        100,
    ]
    assert shape("--strategy=shadow", "--side-effects=none") == [(100, "no-fail")]
    assert body("--strategy=shadow", "--side-effects=none")["strategy"]["ending"] == "keep-stable"


def test_the_rest_of_the_flags() -> None:
    made = body(
        "--fail-margin=0.01", "--min-requests=50.0", "--latency-threshold-ms=100", "--alpha=0.05",
        "--decision-timeout-seconds=60",
        "--on-heartbeat-timeout=abort", "--heartbeat-timeout-seconds=120",
        "--run-id=run-1", "--reason=new weights", "--gpu=0",
        "--accept-breaking=true",
    )  # fmt: skip
    StartRollout.model_validate(made)
    assert made["analysis"]["metrics"]["latency"] == {
        "fail_margin": 0.01,
        "pass_margin": 0.01,
        "min_requests": 50,
        "latency_threshold_ms": 100.0,
    }
    assert (made["analysis"]["alpha"], made["deadlines"]["decision_timeout_seconds"]) == (
        0.05,
        60.0,
    )
    assert made["guard"] == {"on_heartbeat_timeout": "abort", "heartbeat_timeout_seconds": 120.0}
    assert made["reason"] == "new weights; pipeline run run-1"
    assert made["run_id"] == "run-1"
    assert "run_id" not in body()
    assert "runtime_config" not in made
    assert made["accept_breaking"]
    assert "accept_breaking" not in body("--accept-breaking=False")
    assert "latency" not in body("--latency-threshold-ms=0")["analysis"]["metrics"]


def test_a_first_deployment() -> None:
    flags = [
        "--endpoint=fraud",
        "--model-version=1",
        "--model-id=add_sub",
        "--min-replicas=2.0",
        "--max-replicas=4",
    ]
    made = rollout_request.endpoint(parse(["deploy", *flags, "--gpu=1", "--mode="]), "fraud")
    assert NewEndpoint.model_validate(made).autoscaling.minReplicas == 2
    assert made["runtime_config"] == {"gpu": 1}


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--model-version="], "--model-version"),
        (["--strategy=tango"], "--strategy 'tango'"),
        (["--on-heartbeat-timeout=panic"], "--on-heartbeat-timeout 'panic'"),
        (["--on-heartbeat-timeout=abort"], "--run-id"),
        (["--strategy=ab", "--ends-by=dice"], "--ends-by 'dice'"),
        (["--strategy=shadow", "--side-effects=none", "--approval=true"], "--approval"),
    ],
)
def test_what_no_service_needs_to_be_asked_about(flags: list[str], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        body(*flags)


@pytest.mark.parametrize(
    ("pointer", "flag"),
    [
        ("/strategy/steps", "percents"),
        ("/strategy/steps/0/percent", "percents"),
        ("/strategy/steps/0/match", "header"),
        ("/strategy/steps/2/bake_seconds", "bake-seconds"),
        ("/analysis/metrics/errors/fail_margin", "fail-margin"),
        ("/model_version_id", "model-version"),
        ("/guard/heartbeat_timeout_seconds", "heartbeat-timeout-seconds"),
        ("/autoscaling/minReplicas", "min-replicas"),
        ("namespace", "namespace"),
        ("/to", "to"),
    ],
)
def test_a_refusal_names_the_flag(pointer: str, flag: str) -> None:
    assert rollout_request.flag(pointer) == flag

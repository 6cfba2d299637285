"""The templates: which parameters a person sees, and the tasks in a row.

A row and no branches: a task that has nothing to do (no approval asked, no smoke test, the rollout
already past) says so and ends. It costs a pod; a branch would, too, because a task can follow it
only with a task in each arm. Nothing here undoes anything: the rollout controller drives, and a
pipeline that dies leaves a guarded rollout.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pipelines.components import ALWAYS, COMMANDS, SMOKE, task
from tidegate.core import strategy

Given = Mapping[str, Any]
TARGET = ("endpoint", "model_version", "namespace", "model_id", "runtime_version")
METRICS = (
    "min_requests",
    "fail_margin",
    "pass_margin",
    "latency_threshold_ms",
    "on_fail",
    "alpha",
    "noise_window_seconds",
)
PACE = ("max_exposed_requests", "time_box_seconds", "on_time_box")
# Tasks of the row; a plan with fewer passes over the rest
MOST_STEPS = len(strategy.CANARY_PERCENTS)
GONE = ("on_heartbeat_timeout", "heartbeat_timeout_seconds")
LAST = ("accept_breaking", "supersede", "reason", "service_url", "submission_id")


class Results(NamedTuple):
    """What a run hands on."""

    phase: str
    routed_percent: int
    verdict: str
    rollout_url: str


class Row:
    """Tasks, each after the one before."""

    def __init__(self, values: Given, image: str) -> None:
        self._given = values
        self._image = image
        self._last = None

    def then(self, name: str, label: str, **more: Any) -> Any:
        """Append a task; what it takes and the template has is passed on."""
        passed = {
            key: self._given[key] for key in (*COMMANDS[name].flags, *ALWAYS) if key in self._given
        }
        self._last = task(name, label, self._image, self._last, **{**passed, **more})
        return self._last


@dataclass(frozen=True, slots=True)
class Template:
    """One entry of the catalog. parameters in the order of the page. defaults: where this
    template's differ; None: required here."""

    name: str
    version: str
    title: str
    description: str
    strategy: str
    tags: Sequence[str]
    parameters: Sequence[str]
    body: Callable[[Row, Given], Any]
    defaults: Mapping[str, Any] = field(default_factory=dict)


def _begin(row: Row, strategy: str) -> str:
    """Preflight, start, smoke test. The rollout's id."""
    row.then("preflight", "Preflight", strategy=strategy)
    rollout: str = row.then("start", "Start or attach", strategy=strategy).outputs["rollout_id"]
    row.then("smoke", "Smoke test", rollout_id=rollout)
    return rollout


def _canary(row: Row, values: Given) -> Any:
    rollout = _begin(row, "canary")
    for step in range(1, MOST_STEPS + 1):
        row.then("reach", f"Traffic step {step} of {MOST_STEPS}", rollout_id=rollout, step=step)
    row.then("approval", "Approval", rollout_id=rollout)
    return row.then("finish", "Promotion", rollout_id=rollout, at="end")


def _ab(row: Row, values: Given) -> Any:
    rollout = _begin(row, "ab")
    row.then("reach", "Side by side", rollout_id=rollout, step=1)
    row.then("approval", "Approval", rollout_id=rollout)
    return row.then("finish", "Decision", rollout_id=rollout, at="end")


def _stage(row: Row, values: Given) -> Any:
    return row.then("finish", "Staged", rollout_id=_begin(row, "blue-green"), at="waiting")


def _promote(row: Row, values: Given) -> Any:
    row.then("preflight", "Preflight", strategy="promote")
    smoke_test = row.then("smoke-candidate", "Smoke test", strategy="promote")
    return row.then("promote", "Promotion", rollout_id=smoke_test.outputs["rollout_id"])


def _shadow(row: Row, values: Given) -> Any:
    rollout = _begin(row, "shadow")
    row.then("reach", "Copies of requests", rollout_id=rollout, step=1)
    return row.then("finish", "Stable kept", rollout_id=rollout, at="end")


def _undo(row: Row, values: Given) -> Any:
    row.then("preflight", "Preflight", strategy="undo")
    return row.then("undo", "Undo")


def _deploy(row: Row, values: Given) -> Any:
    row.then("preflight", "Preflight", strategy="deploy")
    deployed = row.then("deploy", "Deployment")
    row.then("smoke-endpoint", "Smoke test", strategy="deploy")
    return deployed


TEMPLATES: tuple[Template, ...] = (
    Template(
        "rollout-canary",
        "1.0.0",
        "Canary",
        "More and more of the traffic to a new model version, as long as the evidence says that it "
        "is safe; then it is "
        "promoted. It goes back by itself when it is not.",
        "canary",
        ("rollout", "canary"),
        (
            *TARGET,
            "percents",
            "bake_seconds",
            *METRICS,
            *PACE,
            "approval",
            *SMOKE,
            "ready_seconds",
            "data_seconds",
            "decision_timeout_seconds",
            "undo_seconds",
            *GONE,
            *LAST,
        ),
        _canary,
    ),
    Template(
        "rollout-ab",
        "1.0.0",
        "A/B",
        "Two model versions side by side, by percent or by header, until a person or the evidence "
        "decides, or the "
        "deadline ends it.",
        "ab",
        ("rollout", "ab"),
        (
            *TARGET,
            "percent",
            "header",
            "ends_by",
            "experiment_margin",
            "bake_seconds",
            *METRICS,
            "approval",
            *SMOKE,
            "ready_seconds",
            "data_seconds",
            "decision_timeout_seconds",
            "undo_seconds",
            *GONE,
            *LAST,
        ),
        _ab,
        {"data_seconds": 86_400.0},
    ),
    Template(
        "rollout-blue-green-stage",
        "1.0.0",
        "Blue/green: stage",
        "A new model version at full size beside the one that serves, without traffic. "
        "rollout-blue-green-promote "
        "promotes it.",
        "blue-green",
        ("rollout", "blue-green"),
        (
            *TARGET,
            *SMOKE,
            "ready_seconds",
            "decision_timeout_seconds",
            "undo_seconds",
            *GONE,
            *LAST,
        ),
        _stage,
    ),
    Template(
        "rollout-blue-green-promote",
        "1.0.0",
        "Blue/green: promote",
        "All traffic to the candidate that was staged; the old version is on standby for an undo. "
        "Starting it is a "
        "person's word: there is no further approval.",
        "blue-green",
        ("rollout", "blue-green"),
        ("endpoint", "namespace", *SMOKE, "reason", "service_url", "submission_id"),
        _promote,
    ),
    Template(
        "rollout-shadow",
        "1.0.0",
        "Shadow",
        "Copies of requests to a new model version, whose answers nobody gets; stable stays. "
        "Standard mode only, "
        "and only where answering a copy changes nothing. Nothing is promoted, so nothing is "
        "approved.",
        "shadow",
        ("rollout", "shadow"),
        (
            "endpoint",
            "model_version",
            "side_effects",
            "namespace",
            "model_id",
            "runtime_version",
            "mirror_percent",
            "bake_seconds",
            *METRICS,
            *SMOKE,
            "ready_seconds",
            "data_seconds",
            "decision_timeout_seconds",
            *GONE,
            *LAST,
        ),
        _shadow,
        {"bake_seconds": strategy.SHADOW_BAKE},
    ),
    Template(
        "rollout-undo",
        "1.0.0",
        "Undo",
        "Back to an older revision, at once; a rollout that runs ends. Needs no approval.",
        "undo",
        ("undo",),
        ("endpoint", "to_revision", "namespace", "reason", "service_url", "submission_id"),
        _undo,
    ),
    Template(
        "endpoint-deploy",
        "1.0.0",
        "First deployment",
        "An endpoint with its first model version. Nothing serves there yet, so nothing is moved "
        "by degrees.",
        "deploy",
        ("endpoint",),
        (
            "endpoint",
            "model_version",
            "model_id",
            "namespace",
            "mode",
            "runtime",
            "runtime_version",
            "protocol",
            "gpu",
            "min_replicas",
            "max_replicas",
            "keda",
            *SMOKE,
            "ready_seconds",
            "reason",
            "service_url",
            "submission_id",
        ),
        _deploy,
        {"ready_seconds": 1800.0, "model_id": None},
    ),
)

"""What a person can set, once for every template: type, default, bounds and the sentence beside the
field.

What is not required has a default: an optional parameter without one is `null` in some places and a
crash in others. "" (and 0 where a sentence says so) means absent. Bounds are within those of the
REST API; the template-service and the CLI check them before anything is submitted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.core import strategy
from tidegate.core.guard import HEARTBEAT_TIMEOUT_S, OnHeartbeatTimeout
from tidegate.core.strategy import Deadlines

WEEK = 604_800
Value = str | int | float | bool | list[Any] | dict[str, Any]
ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
ERRORS = strategy.DEFAULT_METRICS[0]
DEADLINES = Deadlines()
OPTIONAL_ID = r"^([A-Za-z0-9][A-Za-z0-9._-]{0,127})?$"
LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One field. default None: required, then `kind` says its type. bounds: minimum, maximum,
    choices, pattern, max_length, min_items, max_items, item_minimum, item_maximum, rising."""

    description: str
    default: Value | None = None
    kind: type = str
    bounds: Mapping[str, Any] = field(default_factory=dict)

    @property
    def type(self) -> type:
        """Of its values."""
        if self.default is None:
            return self.kind
        return type(self.default)


def _text(
    description: str, pattern: str | None = None, default: str | None = "", length: int = 2000
) -> Parameter:
    bounds: dict[str, Any] = {"max_length": length} if pattern is None else {"pattern": pattern}
    return Parameter(description, default, bounds=bounds)


def _number(description: str, default: float, minimum: float, maximum: float) -> Parameter:
    return Parameter(description, default, bounds={"minimum": minimum, "maximum": maximum})


def _one_of(description: str, *choices: str) -> Parameter:
    return Parameter(description, choices[0], bounds={"choices": list(choices)})


PARAMETERS: dict[str, Parameter] = {
    "endpoint": _text("The endpoint: NAME, or NAMESPACE/NAME.", rf"^({LABEL}/)?{LABEL}$", None),
    "model_version": _text(
        "The model version to try; registered with `tidegate model add`.", ID, None
    ),
    "namespace": _text(
        "Tenant of the endpoint; empty: as in its name, else the token's only one.",
        rf"^({LABEL})?$",
    ),
    "model_id": _text("Model; empty: the one that serves.", OPTIONAL_ID),
    "runtime": _text(
        "Serving runtime; empty: as it is, or the default.",
        r"^([a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?)?$",
    ),
    "runtime_version": _text("Tag of the runtime's image; empty: the runtime's own.", OPTIONAL_ID),
    "gpu": _number("GPUs of each replica.", 0, 0, 64),
    "protocol": _one_of("Inference protocol.", "v2", "grpc-v2"),
    "mode": _one_of("Deployment mode; empty: the installation's.", "", "standard", "knative"),
    "min_replicas": _number("Replicas at least.", 1, 0, 1000),
    "max_replicas": _number("Replicas at most.", 1, 1, 1000),
    "keda": Parameter("Scale by the model's queue (KEDA).", False),
    "percents": Parameter(
        "Percents of the traffic, rising; after the last one the candidate is promoted.",
        list(strategy.CANARY_PERCENTS),
        bounds={
            "min_items": 1,
            "max_items": len(strategy.CANARY_PERCENTS),
            "item_minimum": 1,
            "item_maximum": 99,
            "rising": True,
        },
    ),
    "percent": _number("Percent of the candidate.", strategy.AB_PERCENT, 1, 99),
    "header": _text(
        "`x-group: beta`: only these requests, instead of a percent (standard mode; not "
        "randomised).",
        length=4400,
    ),
    "ends_by": _one_of(
        "Who ends it: a person, or the evidence of your own experiment, whose counts are sent to "
        "the rollout; its "
        "deadline in any case.",
        "approval",
        "evidence",
    ),
    "experiment_margin": _number(
        "By evidence: how much less often it may succeed and still pass (0.01: a point); 0: it has "
        "to succeed more "
        "often.",
        ERRORS.pass_margin,
        -0.49,
        0.49,
    ),
    "mirror_percent": _number(
        "Percent of requests that are copied to the candidate.", strategy.SHADOW_MIRROR, 1, 100
    ),
    "side_effects": Parameter(
        "Type none: answering a copy of a request changes nothing anywhere.",
        bounds={"choices": ["none"]},
    ),
    "bake_seconds": _number("How long each step lasts at least.", strategy.STEP_BAKE, 0, WEEK),
    "min_requests": _number(
        "Requests that the candidate answers in each step at least.",
        ERRORS.min_requests,
        1,
        10_000_000,
    ),
    "fail_margin": _number(
        "How much worse its share of errors, or of refused requests, may be before it is rolled "
        "back (0.01: a point).",
        ERRORS.fail_margin,
        0,
        0.99,
    ),
    "pass_margin": _number(
        "How much worse its share of errors may be, 0..1, and still pass.",
        ERRORS.pass_margin,
        0.0001,
        0.99,
    ),
    "latency_threshold_ms": _number(
        "Slower answers are slow: a bound of the histogram; 0: every bucket is compared.",
        0.0,
        0,
        3_600_000,
    ),
    "alpha": _number(
        "Chance that a candidate that is no worse is rolled back.", strategy.ALPHA, 0.000001, 0.5
    ),
    "noise_window_seconds": _number(
        "Seconds of a window of time, none of which decides alone.",
        strategy.canary().noise_window,
        1,
        3600,
    ),
    "ready_seconds": _number(
        "The candidate is ready by then, or it ends.", DEADLINES.ready, 1, WEEK
    ),
    "data_seconds": _number(
        "Every metric has its verdict by then, or it pauses.", DEADLINES.data, 1, WEEK
    ),
    "decision_timeout_seconds": _number(
        "A person has answered by then, or it ends.", DEADLINES.decision, 1, WEEK
    ),
    "undo_seconds": _number(
        "How long the old revision is on standby after the promotion.", DEADLINES.undo, 0, WEEK
    ),
    "on_heartbeat_timeout": _one_of(
        "When the heartbeats of this pipeline stop: the rollout goes on, stops rising, or goes "
        "back.",
        *(kind.value for kind in OnHeartbeatTimeout),
    ),
    "heartbeat_timeout_seconds": _number(
        "Seconds without a heartbeat that count as gone; pods may queue.",
        HEARTBEAT_TIMEOUT_S,
        60,
        WEEK,
    ),
    "approval": Parameter("Before the promotion a person has to approve.", False),
    "smoke": Parameter(
        "What is new has to answer `golden`: before any traffic or its promotion; an endpoint once "
        "it is ready.",
        False,
    ),
    "golden": Parameter(
        'What the smoke test asks and expects: {"model", "inputs", "outputs"}, as V2 writes them.',
        {},
    ),
    "tolerance": _number("Of numbers in the golden answer, relative and absolute.", 0.00001, 0, 1),
    "accept_breaking": Parameter(
        "Go on although the candidate breaks the model contract of what serves: you answer for its "
        "clients.",
        False,
    ),
    "supersede": Parameter("Abort a rollout that runs already, then start.", False),
    "to_revision": _number(
        "Revision to go back to; 0: the one that served before.", 0, 0, 2_000_000_000
    ),
    "reason": _text("Why; kept in the history."),
    "service_url": _text(
        "Tidegate's API; empty: as the ConfigMap `tidegate` of the namespace says."
    ),
}

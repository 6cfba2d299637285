"""What a person can set, once for every template: type, default, bounds and the sentence beside the
field.

What is not required has a default: an optional parameter without one is `null` in some places and a
crash in others. "" (and 0 where a sentence says so) means absent. Bounds are those of the REST API
(core/bounds.py), or narrower where a sentence here says why; the template-service and the CLI check
them before anything is submitted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.core import bounds, strategy
from tidegate.core.bounds import Bounds
from tidegate.core.guard import HEARTBEAT_TIMEOUT_S, OnHeartbeatTimeout
from tidegate.core.strategy import Deadlines
from tidegate.core.time_box import OnTimeBox

Value = str | int | float | bool | list[Any] | dict[str, Any]
ERRORS = strategy.DEFAULT_METRICS[0]
DEADLINES = Deadlines()
LABEL = bounds.LABEL.strip("^$")
ENDPOINT = rf"^({LABEL}/)?{LABEL}$"
_NAME = bounds.HEADER_NAME.strip("^$")
_VALUE = bounds.HEADER_VALUE.strip("^$")
HEADER = rf"^( *{_NAME} *[:=] *{_VALUE} *)?$"
# 100 is the promotion, which follows by itself
SHARE = Bounds(ge=1, le=99)
SHARE_OF_STEPS = {"item_minimum": SHARE.ge, "item_maximum": SHARE.le}
# A task waits for two weeks at most
DATA_DEADLINE = bounds.DEADLINE
# A heartbeat is sent between the pods of two tasks, too, and pods queue
LEAST_HEARTBEAT_TIMEOUT = 60
# How the words of Bounds are called in the catalog
_WORDS = {
    "ge": "minimum",
    "gt": "exclusive_minimum",
    "le": "maximum",
    "lt": "exclusive_maximum",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One field. default None: required, then `kind` says its type. limits: minimum, maximum (and
    exclusive_ before both), choices, pattern, max_length, min_items, max_items, item_minimum,
    item_maximum, rising."""

    description: str
    default: Value | None = None
    kind: type = str
    limits: Mapping[str, Any] = field(default_factory=dict)

    @property
    def type(self) -> type:
        """Of its values."""
        if self.default is None:
            return self.kind
        return type(self.default)


def _text(description: str, pattern: str, default: str | None = "") -> Parameter:
    return Parameter(description, default, limits={"pattern": pattern})


def _optional(pattern: str) -> str:
    """The same, or empty."""
    return f"^({pattern.strip('^$')})?$"


def _number(
    description: str, default: float, within: Bounds, least: float | None = None
) -> Parameter:
    """within: the API's bounds. least: a minimum of the template's own, or 0 for "absent"."""
    limits = {
        word: getattr(within, name)
        for name, word in _WORDS.items()
        if getattr(within, name) is not None
    }
    if least is not None:
        limits.pop("exclusive_minimum", None)
        limits["minimum"] = least
    return Parameter(description, default, limits=limits)


def _one_of(description: str, *choices: str) -> Parameter:
    return Parameter(description, choices[0], limits={"choices": list(choices)})


PARAMETERS: dict[str, Parameter] = {
    "endpoint": _text("The endpoint: NAME, or NAMESPACE/NAME.", ENDPOINT, None),
    "model_version": _text(
        "The model version to try; registered with `tidegate model add`.", bounds.ID, None
    ),
    "namespace": _text(
        "Tenant of the endpoint; empty: as in its name, else the token's only one.",
        _optional(bounds.LABEL),
    ),
    "model_id": _text("Model; empty: the one that serves.", _optional(bounds.ID)),
    "runtime": _text(
        "Serving runtime; empty: as it is, or the default.",
        _optional(bounds.RUNTIME_NAME),
    ),
    "runtime_version": _text(
        "Tag of the runtime's image; empty: the runtime's own.", _optional(bounds.IMAGE_TAG)
    ),
    "gpu": _number("GPUs of each replica.", 0, bounds.GPUS),
    "protocol": _one_of("Inference protocol.", "v2", "grpc-v2"),
    "mode": _one_of("Deployment mode; empty: the installation's.", "", "standard", "knative"),
    "min_replicas": _number("Replicas at least; 0 in knative mode only.", 1, bounds.REPLICAS),
    "max_replicas": _number("Replicas at most.", 1, bounds.REPLICAS, 1),
    "keda": Parameter("Scale by the model's queue (KEDA).", False),
    "percents": Parameter(
        "Percents of the traffic, rising; after the last one the candidate is promoted. []: made "
        "from the measured traffic, without stops for a smoke test or an approval.",
        list(strategy.CANARY_PERCENTS),
        limits={
            "min_items": 0,
            "max_items": len(strategy.CANARY_PERCENTS),
            **SHARE_OF_STEPS,
            "rising": True,
        },
    ),
    "percent": _number("Percent of the candidate.", strategy.AB_PERCENT, SHARE),
    "header": _text(
        "`x-group: beta`: only these requests, instead of a percent (standard mode; not "
        "randomised).",
        HEADER,
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
        bounds.EXPERIMENT_MARGIN,
    ),
    "mirror_percent": _number(
        "Percent of requests that are copied to the candidate.",
        strategy.SHADOW_MIRROR,
        bounds.PERCENT,
        1,
    ),
    "side_effects": Parameter(
        "Type none: answering a copy of a request changes nothing anywhere.",
        limits={"choices": ["none"]},
    ),
    "bake_seconds": _number(
        "How long each step lasts at least.", strategy.STEP_BAKE, bounds.SECONDS
    ),
    "min_requests": _number(
        "Requests that the candidate answers in each step at least.",
        ERRORS.min_requests,
        bounds.MIN_REQUESTS,
    ),
    "fail_margin": _number(
        "How much worse its share of errors, or of refused requests, may be before it is rolled "
        "back (0.01: a point).",
        ERRORS.fail_margin,
        bounds.FAIL_MARGIN,
    ),
    "pass_margin": _number(
        "How much worse its share of errors may be (0.01: a point), and still pass.",
        ERRORS.pass_margin,
        bounds.PASS_MARGIN,
    ),
    "latency_threshold_ms": _number(
        "Slower answers are slow: a bound of the histogram; 0: every bucket is compared.",
        0.0,
        bounds.LATENCY_MS,
        0,
    ),
    "on_fail": Parameter(
        "What a fail does, by metric: `restarts=notify, latency=pause`; of a metric that is not "
        "named: abort (429: pause).",
        "",
        limits={"max_length": 400},
    ),
    "alpha": _number(
        "Chance that a candidate that is no worse is rolled back.", strategy.ALPHA, bounds.ALPHA
    ),
    "noise_window_seconds": _number(
        "Seconds of a window of time, none of which decides alone.",
        strategy.canary().noise_window,
        bounds.NOISE_WINDOW,
    ),
    "max_exposed_requests": _number(
        "Most requests of the candidate before a verdict, then it pauses without a share; 0: no "
        "limit where percents are named.",
        0,
        bounds.MAX_EXPOSED,
        0,
    ),
    "time_box_seconds": _number(
        "Seconds that a step may wait for enough requests; 0: no time box.",
        0.0,
        bounds.DEADLINE,
        0,
    ),
    "on_time_box": _one_of(
        "At the end of a time box: pause, abort, or accept the bound that can be stated, up to the "
        "tenant's maximum.",
        *(kind.value for kind in OnTimeBox),
    ),
    "ready_seconds": _number(
        "The candidate is ready by then, or it ends.", DEADLINES.ready, bounds.DEADLINE
    ),
    "data_seconds": _number(
        "Every metric has its verdict by then, or it pauses.", DEADLINES.data, DATA_DEADLINE
    ),
    "decision_timeout_seconds": _number(
        "A person has answered by then, or it ends.", DEADLINES.decision, bounds.DEADLINE
    ),
    "undo_seconds": _number(
        "How long the old revision is on standby after the promotion.",
        DEADLINES.undo,
        bounds.SECONDS,
    ),
    "on_heartbeat_timeout": _one_of(
        "When the heartbeats of this pipeline stop: the rollout goes on, stops rising, or goes "
        "back.",
        *(kind.value for kind in OnHeartbeatTimeout),
    ),
    "heartbeat_timeout_seconds": _number(
        "Seconds without a heartbeat that count as gone; pods may queue.",
        HEARTBEAT_TIMEOUT_S,
        bounds.HEARTBEAT_TIMEOUT,
        LEAST_HEARTBEAT_TIMEOUT,
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
    "tolerance": _number(
        "Of numbers in the golden answer, relative and absolute.", 0.00001, Bounds(ge=0, le=1)
    ),
    "accept_breaking": Parameter(
        "Go on although the candidate breaks the model contract of what serves: you answer for its "
        "clients.",
        False,
    ),
    "supersede": Parameter("Abort a rollout that runs already, then start.", False),
    "to_revision": _number(
        "Revision to go back to; 0: the one that served before.", 0, bounds.REVISION
    ),
    "reason": Parameter(
        "Why; kept in the history.", "", limits={"max_length": bounds.REASON_LENGTH}
    ),
    "submission_id": _text(
        "Set by Tidegate where it submits the run, which is found by it; leave it empty.",
        _optional(bounds.SUBMISSION_ID),
    ),
    "service_url": Parameter(
        "Tidegate's API, where a run insists on it: the one that the ConfigMap `tidegate` of the "
        "namespace names, or the first task refuses; empty: that one.",
        "",
        limits={"max_length": 2000},
    ),
}

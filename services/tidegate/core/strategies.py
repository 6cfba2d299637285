"""The strategies as people choose them: what each does, its default plan, and the fields that
change it.

The defaults are those of `strategy`; here they only get the names of the fields that the API takes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.core import strategy
from tidegate.core.incidents import Limits
from tidegate.core.ladder import MAX_EXPOSED
from tidegate.core.strategy import Deadlines, Kind, Strategy
from tidegate.core.windows import NOISE_WINDOW

Value = str | int | float | bool | list[int] | None
_ERRORS = strategy.DEFAULT_METRICS[0]
_REJECTIONS = strategy.DEFAULT_METRICS[1]
_DEADLINES = Deadlines()
_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Option:
    """One field of the request that starts a rollout. name: with dots where it lies deeper.
    default: None where nothing is chosen. unit: '' for plain numbers and words."""

    name: str
    description: str
    default: Value = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One strategy. plan: with every default. options: fields of its own. example: a request that
    starts it."""

    kind: Kind
    title: str
    description: str
    plan: Strategy
    options: tuple[Option, ...] = ()
    example: Mapping[str, Any] = field(default_factory=dict, hash=False)


def _bake(default: float) -> Option:
    return Option("bake_seconds", "How long each step lasts at least.", default, "seconds")


CHOICES: tuple[Choice, ...] = (
    Choice(
        Kind.CANARY,
        "Canary",
        "More and more of the traffic to the candidate, as long as the evidence says that it is "
        "safe; then the "
        "candidate is promoted. It is rolled back by itself when it fails.",
        strategy.canary(),
        (
            Option(
                "steps",
                "Percents of the traffic, rising, below 100; after the last one the candidate is "
                "promoted. Left out: made from the measured requests and errors, and "
                f"{', '.join(map(str, strategy.CANARY_PERCENTS))} where none were measured.",
                None,
                "percent",
            ),
            _bake(strategy.STEP_BAKE),
        ),
        {"strategy": "canary", "model_version_id": "2", "steps": [1, 5, 25, 50]},
    ),
    Choice(
        Kind.AB,
        "A/B",
        "Two revisions side by side, by percent or by header, until a person or your own "
        "experiment decides, or the "
        "deadline ends it.",
        strategy.ab(),
        (
            Option(
                "percent",
                "Percent of the traffic for the candidate.",
                strategy.AB_PERCENT,
                "percent",
            ),
            Option(
                "match", "Requests with these headers go to the candidate, instead of a percent."
            ),
            Option(
                "until",
                "What ends it: `approval`, or `pass` of an experiment.",
                strategy.ab().steps[0].until.value,
            ),
            _bake(strategy.STEP_BAKE),
        ),
        {"strategy": "ab", "model_version_id": "2", "percent": 50},
    ),
    Choice(
        Kind.BLUE_GREEN,
        "Blue/green",
        "The candidate at full size beside stable, without traffic, until a person promotes it.",
        strategy.blue_green(),
        (_bake(strategy.blue_green().steps[0].bake),),
        {"strategy": "blue-green", "model_version_id": "2"},
    ),
    Choice(
        Kind.SHADOW,
        "Shadow",
        "Copies of requests to the candidate, whose answers nobody gets; then the candidate goes. "
        "Standard mode only, "
        "and only where answering a copy changes nothing outside.",
        strategy.shadow(),
        (
            Option(
                "mirror_percent",
                "Percent of requests that are copied.",
                strategy.SHADOW_MIRROR,
                "percent",
            ),
            Option(
                "side_effects",
                "Must be `none`: answering a copy of a request changes nothing anywhere.",
            ),
            _bake(strategy.SHADOW_BAKE),
        ),
        {"strategy": "shadow", "model_version_id": "2", "side_effects": "none"},
    ),
    Choice(
        Kind.MANUAL,
        "Manual",
        "A person sets each percent and promotes; Tidegate guards the candidate, and rolls back "
        "when it fails.",
        strategy.manual(),
        (),
        {"strategy": "manual", "model_version_id": "2"},
    ),
)

COMMON: tuple[Option, ...] = (
    Option(
        "analysis.metrics.errors.fail_margin",
        "How much larger the candidate's share of errors may be before it fails (0.01: a point).",
        _ERRORS.fail_margin,
        "share",
    ),
    Option(
        "analysis.metrics.errors.pass_margin",
        "How much larger the candidate's share of errors may be, and still pass.",
        _ERRORS.pass_margin,
        "share",
    ),
    Option(
        "analysis.metrics.errors.objective",
        "A fixed share of errors instead of stable's: fails above it, passes below it.",
        _ERRORS.objective,
        "share",
    ),
    Option(
        "analysis.metrics.errors.min_requests",
        "Least requests of the candidate in each step before a verdict.",
        _ERRORS.min_requests,
        "requests",
    ),
    Option(
        "analysis.metrics.rejections.fail_margin",
        "How much larger the candidate's share of refused requests may be before it fails.",
        _REJECTIONS.fail_margin,
        "share",
    ),
    Option(
        "analysis.metrics.latency.latency_threshold_ms",
        "Slower answers are slow; without it every bucket of the histogram is compared.",
        None,
        "ms",
    ),
    Option(
        "analysis.metrics.latency.on_fail",
        "What slower answers do: `pause`, `abort` or `notify`; a gross slowdown always aborts.",
        strategy.DEFAULT_METRICS[3].consequence.value,
    ),
    Option(
        "analysis.metrics.restarts.allowed",
        "Restarts of the candidate's containers in the rollout, beyond stable's.",
        _LIMITS.restarts,
        "restarts",
    ),
    Option(
        "analysis.metrics.oom_kills.allowed",
        "Kills for memory of the candidate's containers in the rollout, beyond stable's.",
        _LIMITS.oom_kills,
        "kills",
    ),
    Option(
        "analysis.metrics.no_ready_pods.allowed_seconds",
        "How long, in one step, the candidate may have a share of the traffic and no ready pod.",
        _LIMITS.no_ready_pods,
        "seconds",
    ),
    Option(
        "analysis.alpha",
        "Chance that a candidate that is no worse is rolled back.",
        strategy.ALPHA,
        "probability",
    ),
    Option(
        "analysis.noise_window_seconds",
        "Length of the windows of time none of which decides alone.",
        NOISE_WINDOW,
        "seconds",
    ),
    Option(
        "max_exposed_requests",
        "Requests that the candidate may answer before a verdict; then it pauses without a share. "
        f"Left out: no limit where steps are written out, else {MAX_EXPOSED:,}, or what a pass "
        "needs.",
        None,
        "requests",
    ),
    Option(
        "time_box_seconds",
        "How long a step may wait for enough requests; then the bound that can be stated is.",
        None,
        "seconds",
    ),
    Option(
        "on_time_box",
        "What the end of a time box does: `pause`, `abort`, or `accept` the stated bound up to the "
        "tenant's maximum; left out: `pause`.",
    ),
    Option(
        "preset",
        "`low-traffic`: blue-green with warm-up inferences and an approval.",
    ),
    Option(
        "deadlines.ready_seconds",
        "The candidate is ready by then, or it ends.",
        _DEADLINES.ready,
        "seconds",
    ),
    Option(
        "deadlines.data_seconds",
        "There is a verdict by then, or it pauses.",
        _DEADLINES.data,
        "seconds",
    ),
    Option(
        "deadlines.decision_timeout_seconds",
        "A pause has ended by then, or it ends.",
        _DEADLINES.decision,
        "seconds",
    ),
    Option(
        "deadlines.undo_seconds",
        "How long the old revision is on standby after the promotion.",
        _DEADLINES.undo,
        "seconds",
    ),
)

"""Bodies about rollouts."""

from typing import Annotated, Literal, get_args

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
)

from tidegate.core import bounds
from tidegate.core.errors import Unfit, shown
from tidegate.core.guard import HEARTBEAT_TIMEOUT_S, OnHeartbeatTimeout
from tidegate.core.strategy import (
    STEP_BAKE,
    Deadlines,
    Ending,
    Kind,
    Until,
)
from tidegate.schemas.requests.analysis import AnalysisIn
from tidegate.schemas.requests.endpoints import RuntimeConfig, RuntimeName
from tidegate.schemas.requests.fields import (
    AcceptBreaking,
    Body,
    CandidateModel,
    CandidateRevision,
    CandidateVersion,
    HeaderName,
    HeaderText,
    Number,
    Percent,
    Reason,
    RunId,
    Seconds,
)
from tidegate.schemas.requests.pace import PaceIn

_DEADLINES = Deadlines()


class HeaderIn(Body):
    """An exact header match."""

    name: Annotated[HeaderName, Field(description="Name of the header", examples=["x-canary"])]
    value: Annotated[
        HeaderText, Field(description="Its whole value, compared by bytes", examples=["always"])
    ]


class StepIn(Body):
    """One step of a plan that is written out."""

    percent: Annotated[
        Percent, Field(description="Percent of the requests without a match", examples=[25])
    ] = 0
    match: Annotated[
        Annotated[tuple[HeaderIn, ...], Field(max_length=8)],
        Field(description="Headers that lead to the candidate; empty: none"),
    ] = ()
    mirror_percent: Annotated[
        Percent,
        Field(description="Percent of requests that are copied to the candidate", examples=[0]),
    ] = 0
    replicas_percent: Annotated[
        Percent,
        Field(
            description="Least replicas, in percent of stable's; 0: as many as its share needs",
            examples=[0],
        ),
    ] = 0
    until: Annotated[Until, Field(description="What ends the step", examples=["no-fail"])] = (
        Until.NO_FAIL
    )
    bake_seconds: Annotated[
        Seconds, Field(description="Seconds that the step takes at least", examples=[60.0])
    ] = STEP_BAKE


class StrategyIn(Body):
    """A plan written out step by step."""

    kind: Annotated[
        Literal[Kind.CANARY, Kind.AB, Kind.BLUE_GREEN, Kind.SHADOW],
        Field(description="Strategy", examples=["canary"]),
    ]
    steps: Annotated[
        Annotated[tuple[StepIn, ...], Field(min_length=1, max_length=bounds.MOST_STEPS)],
        Field(description="The steps, in order"),
    ]
    ending: Annotated[
        Ending, Field(description="What follows the last step", examples=["promote"])
    ] = Ending.PROMOTE


Named = Literal[Kind.CANARY, Kind.AB, Kind.BLUE_GREEN, Kind.SHADOW, Kind.MANUAL]


def _strategy(value: object) -> object:
    """One complaint about a name or kind of value, not one for each side of the union."""
    if isinstance(value, dict | StrategyIn) or value in get_args(Named):
        return value
    names = ", ".join(get_args(Named))
    raise Unfit(
        f"{shown(value)} is no strategy", f"send one of {names}, or an object with kind and steps"
    )


class DeadlinesIn(Body):
    """Every wait has an end; seconds of observed time. data_seconds: 3600; 604800 where
    analysis.metrics.experiment is asked."""

    ready_seconds: Annotated[
        Annotated[float, Field(gt=bounds.DEADLINE.gt, le=bounds.DEADLINE.le)],
        Field(description="Seconds that the candidate may take to get ready", examples=[600.0]),
    ] = _DEADLINES.ready
    data_seconds: Annotated[
        Annotated[float, Field(gt=bounds.DATA_DEADLINE.gt, le=bounds.DATA_DEADLINE.le)] | None,
        Field(
            description="Seconds that a step may wait for enough requests before it pauses; "
            "default 3600, with an experiment 604800",
            examples=[3600.0],
        ),
    ] = None
    decision_timeout_seconds: Annotated[
        Annotated[float, Field(gt=bounds.DEADLINE.gt, le=bounds.DEADLINE.le)],
        Field(
            description="Seconds that a pause, or a wait for a person, may last before the rollout "
            "ends",
            examples=[86400.0],
        ),
    ] = _DEADLINES.decision
    undo_seconds: Annotated[
        Seconds,
        Field(
            description="Seconds that old stable stays on standby after a promotion",
            examples=[1800.0],
        ),
    ] = _DEADLINES.undo


class GuardIn(Body):
    """For a rollout that a pipeline drives: what happens when there is no heartbeat for
    `heartbeat_timeout_seconds` (see `heartbeat`)."""

    on_heartbeat_timeout: Annotated[
        OnHeartbeatTimeout,
        Field(description="What happens when its heartbeats stop for too long", examples=["pause"]),
    ] = OnHeartbeatTimeout.CONTINUE
    heartbeat_timeout_seconds: Annotated[
        Annotated[float, Field(ge=bounds.HEARTBEAT_TIMEOUT.ge, le=bounds.HEARTBEAT_TIMEOUT.le)],
        Field(description="Seconds without a heartbeat that are too long", examples=[60.0]),
    ] = HEARTBEAT_TIMEOUT_S


class StartRollout(PaceIn):
    """A rollout of a candidate: a model version (a new revision) or a revision that exists."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "strategy": "canary",
                    "model_version_id": "2",
                    "steps": [1, 5, 25, 50],
                    "bake_seconds": 60,
                }
            ]
        }
    )

    strategy: Annotated[
        Annotated[Named | StrategyIn, BeforeValidator(_strategy)],
        Field(
            description="Name of a strategy, or a plan written out step by step",
            examples=["canary"],
        ),
    ] = Kind.CANARY
    model_id: CandidateModel = None
    model_version_id: CandidateVersion = None
    revision: CandidateRevision = None
    runtime: Annotated[
        RuntimeName | None,
        Field(
            description="ServingRuntime of the candidate; default: stable's",
            examples=["kserve-tritonserver"],
        ),
    ] = None
    runtime_config: Annotated[
        RuntimeConfig | None,
        Field(description="How the runtime runs the candidate; default: stable's"),
    ] = None
    steps: Annotated[
        Annotated[tuple[Percent, ...], Field(min_length=1, max_length=bounds.MOST_STEPS)] | None,
        Field(
            description="Of a canary: percents, each above the one before; left out: made from the "
            "measured requests and errors, and 1, 5, 10, 25, 50 where none were measured",
            examples=[[1, 5, 25, 50]],
        ),
    ] = None
    percent: Annotated[
        Percent | None, Field(description="Of an A/B: percent of the candidate", examples=[50])
    ] = None
    match: Annotated[
        Annotated[tuple[HeaderIn, ...], Field(min_length=1, max_length=8)] | None,
        Field(description="Of an A/B: headers that lead to the candidate; not beside percent"),
    ] = None
    until: Literal[Until.PASS, Until.APPROVAL] | None = Field(
        default=None,
        description="Of an A/B: what ends it; pass where analysis.metrics.experiment is asked, "
        "else a person",
        examples=["approval"],
    )
    mirror_percent: Annotated[
        Percent | None,
        Field(description="Of a shadow: percent of requests that are copied", examples=[100]),
    ] = None
    side_effects: Annotated[
        Literal["none"] | None,
        Field(
            description="Says that running the model twice changes nothing outside; needed for "
            "copies",
            examples=["none"],
        ),
    ] = None
    bake_seconds: Annotated[
        Seconds | None, Field(description="Seconds that each step takes at least", examples=[60.0])
    ] = None
    analysis: Annotated[AnalysisIn, Field(description="How the candidate is judged")] = AnalysisIn()
    deadlines: Annotated[DeadlinesIn, Field(description="When each wait ends")] = DeadlinesIn()
    guard: Annotated[
        GuardIn | None, Field(description="The pipeline that drives the rollout; left out: none")
    ] = None
    accept_breaking: AcceptBreaking = False
    run_id: Annotated[
        RunId | None,
        Field(
            description="Run of the pipeline that sends this; kept with what it makes",
            examples=["2f6e1c1a-4f0e"],
        ),
    ] = None
    reason: Reason = ""


class Undo(Body):
    """Back to an older revision; without `to` the last one that served well, or the end of the
    running rollout."""

    to: Annotated[
        Number | None,
        Field(
            description="Revision to go back to; default: the end of the running rollout, else the "
            "last one that served well. Required while a rollback runs, and for ten minutes after "
            "one",
            examples=[1],
        ),
    ] = None
    run_id: Annotated[
        RunId | None,
        Field(
            description="Run of the pipeline that sends this; kept with what it makes",
            examples=["2f6e1c1a-4f0e"],
        ),
    ] = None
    reason: Reason = ""


class Ask(Body):
    """Why a person asks."""

    run_id: Annotated[
        RunId | None,
        Field(
            description="Run of the pipeline that sends this; kept with what it makes",
            examples=["2f6e1c1a-4f0e"],
        ),
    ] = None
    reason: Reason = ""


class Answer(Ask):
    """A person's answer to the step that waits for one. It names its step, so that it never answers
    another one that nobody looked at."""

    step: Annotated[
        Annotated[StrictInt, Field(ge=1, le=bounds.MOST_STEPS)] | None,
        Field(
            description="Number of the step that is answered, from 1; required where one waits for "
            "an answer",
            examples=[2],
        ),
    ] = None


class Again(Ask):
    """A new attempt."""

    accept_breaking: AcceptBreaking = False


class HeartbeatIn(Body):
    """A heartbeat of a pipeline. `release`: its part is done, no more heartbeats are expected."""

    release: Annotated[
        StrictBool,
        Field(
            description="Whether the pipeline has done its part, so that no more signs of life are "
            "expected",
            examples=[False],
        ),
    ] = False


class EvidenceIn(Body):
    """Counts of the caller's own experiment for one revision and interval (epoch seconds)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "revision": 2,
                    "successes": 41,
                    "units": 500,
                    "interval_start": 1767225600,
                    "interval_end": 1767229200,
                }
            ]
        }
    )

    revision: Annotated[
        Number, Field(description="Number of the revision that was counted", examples=[2])
    ]
    successes: Annotated[
        Annotated[StrictInt, Field(ge=0, le=10**15)],
        Field(description="Units that succeeded", examples=[41]),
    ]
    units: Annotated[
        Annotated[StrictInt, Field(ge=1, le=10**15)],
        Field(description="Units that were tried", examples=[500]),
    ]
    interval_start: Annotated[
        Annotated[float, Field(ge=0, le=1e11)],
        Field(description="Beginning of the interval, epoch seconds", examples=[1767225600.0]),
    ]
    interval_end: Annotated[
        Annotated[float, Field(ge=0, le=1e11)],
        Field(description="End of the interval, epoch seconds", examples=[1767229200.0]),
    ]

"""Bodies about rollouts."""

from typing import Annotated, Literal, get_args

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
)

from tidegate.core.errors import Unfit, shown
from tidegate.core.guard import GAP_S, WhenGone
from tidegate.core.incidents import Limits
from tidegate.core.strategy import (
    ALPHA,
    DEFAULT_QUESTIONS,
    STEP_BAKE,
    Deadlines,
    Ending,
    Kind,
    Until,
)
from tidegate.schemas.requests.endpoints import RuntimeConfig, RuntimeName
from tidegate.schemas.requests.fields import (
    WEEK,
    AcceptBreaking,
    Body,
    HeaderName,
    HeaderText,
    Id,
    Number,
    Percent,
    Reason,
    RunId,
    Seconds,
)

_ERRORS, _DEADLINES = DEFAULT_QUESTIONS[0], Deadlines()


class HeaderIn(Body):
    """An exact header match."""

    name: HeaderName
    value: HeaderText


class StepIn(Body):
    """One step of a plan that is written out."""

    percent: Percent = 0
    match: Annotated[tuple[HeaderIn, ...], Field(max_length=8)] = ()
    mirror_percent: Percent = 0
    size: Percent = 0
    until: Until = Until.NO_FAIL
    bake_seconds: Seconds = STEP_BAKE


class StrategyIn(Body):
    """A plan written out step by step."""

    kind: Literal[Kind.CANARY, Kind.AB, Kind.BLUE_GREEN, Kind.SHADOW]
    steps: Annotated[tuple[StepIn, ...], Field(min_length=1, max_length=50)]
    ending: Ending = Ending.PROMOTE


Named = Literal[Kind.CANARY, Kind.AB, Kind.BLUE_GREEN, Kind.SHADOW, Kind.MANUAL]


def _strategy(value: object) -> object:
    """One complaint about a name or kind of value, not one for each side of the union."""
    if isinstance(value, dict | StrategyIn) or value in get_args(Named):
        return value
    names = ", ".join(get_args(Named))
    raise Unfit(f"{shown(value)} is no strategy", f"send one of {names}, or an object with kind and steps")


class QuestionIn(Body):
    """A question about the candidate. Margins and the objective are shares of requests, 0..1."""

    m_fail: Annotated[float, Field(ge=0, lt=1)] = _ERRORS.m_fail
    m_pass: Annotated[float, Field(gt=0, lt=1)] = _ERRORS.m_pass
    objective: Annotated[float, Field(gt=0, lt=1)] | None = None
    floor: Annotated[StrictInt, Field(ge=1, le=10_000_000)] = _ERRORS.floor


class LatencyIn(QuestionIn):
    """Slow: above `bound_ms`, which is a bound of an existing histogram bucket."""

    bound_ms: Annotated[float, Field(gt=0, le=3_600_000)]


class RestartsIn(Body):
    """How often the candidate's containers may restart in the rollout, beyond what stable's did at the same time."""

    allowed: Annotated[StrictInt, Field(ge=0, le=10_000)] = Limits().restarts


class OomKillsIn(Body):
    """How many of the candidate's containers may be killed for memory in the rollout, beyond stable's at that time."""

    allowed: Annotated[StrictInt, Field(ge=0, le=10_000)] = Limits().oom_kills


class EndpointLessIn(Body):
    """How long, in one step, the candidate may have a share of the traffic and no ready pod while stable has one."""

    allowed_seconds: Annotated[float, Field(ge=0, le=WEEK)] = Limits().endpoint_less


class ExperimentIn(Body):
    """Your own experiment with an A/B: whether the candidate succeeds as often as stable. Margins are shares of units:
    `fail` is less often than stable by more than `m_fail`, `pass` is not less often by `m_pass` or more; 0 asks for a
    candidate that succeeds more often, -0.01 for one that does by more than a point."""

    m_fail: Annotated[float, Field(ge=0, lt=0.5)] = _ERRORS.m_fail
    m_pass: Annotated[float, Field(gt=-0.5, lt=0.5)] = _ERRORS.m_pass
    floor: Annotated[StrictInt, Field(ge=1, le=10_000_000)] = _ERRORS.floor


class QuestionsIn(Body):
    """What must be answered; all but latency and experiment always are."""

    errors: QuestionIn = QuestionIn()
    latency: LatencyIn | None = None
    restarts: RestartsIn = RestartsIn()
    oom_kills: OomKillsIn = OomKillsIn()
    endpoint_less: EndpointLessIn = EndpointLessIn()
    experiment: ExperimentIn | None = None


class DeadlinesIn(Body):
    """Every wait has an end; seconds of observed time. data_seconds: 3600; 604800 where questions.experiment is
    asked."""

    ready_seconds: Annotated[float, Field(gt=0, le=WEEK)] = _DEADLINES.ready
    data_seconds: Annotated[float, Field(gt=0, le=4 * WEEK)] | None = None
    pause_seconds: Annotated[float, Field(gt=0, le=WEEK)] = _DEADLINES.pause
    undo_seconds: Seconds = _DEADLINES.undo


class GuardIn(Body):
    """For a rollout that a pipeline drives: what happens when it is silent for `gap_seconds` (see `beat`)."""

    when_gone: WhenGone = WhenGone.CONTINUE
    gap_seconds: Annotated[float, Field(ge=1, le=WEEK)] = GAP_S


class StartRollout(Body):
    """A trial of a candidate: a model version (a new revision) or a revision that exists."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"strategy": "canary", "model_version_id": "2", "steps": [1, 5, 25, 50], "bake_seconds": 60}]
        }
    )

    strategy: Annotated[Named | StrategyIn, BeforeValidator(_strategy)] = Kind.CANARY
    model_id: Id | None = None
    model_version_id: Id | None = None
    revision: Number | None = None
    runtime: RuntimeName | None = None
    runtime_config: RuntimeConfig | None = None
    steps: Annotated[tuple[Percent, ...], Field(min_length=1, max_length=50)] | None = None
    percent: Percent | None = None
    match: Annotated[tuple[HeaderIn, ...], Field(min_length=1, max_length=8)] | None = None
    until: Literal[Until.PASS, Until.PERSON] | None = Field(
        default=None, description="Of an A/B: what ends it; pass where questions.experiment is asked, else a person"
    )
    mirror_percent: Percent | None = None
    side_effects: Literal["none"] | None = None
    bake_seconds: Seconds | None = None
    questions: QuestionsIn = QuestionsIn()
    alpha: Annotated[float, Field(gt=0, le=0.5)] = ALPHA
    deadlines: DeadlinesIn = DeadlinesIn()
    guard: GuardIn | None = None
    accept_breaking: AcceptBreaking = False
    run_id: RunId | None = None
    reason: Reason = ""


class Undo(Body):
    """Back to an older revision; without `to` the previous stable, or the end of the running rollout."""

    to: Number | None = None
    run_id: RunId | None = None
    reason: Reason = ""


class Ask(Body):
    """Why a person asks."""

    run_id: RunId | None = None
    reason: Reason = ""


class Again(Ask):
    """A new attempt."""

    accept_breaking: AcceptBreaking = False


class BeatIn(Body):
    """A pipeline's sign of life. `release`: its part is done, no more beats are expected."""

    release: StrictBool = False


class EvidenceIn(Body):
    """Counts of the caller's own experiment for one revision and interval (epoch seconds)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"revision": 2, "successes": 41, "units": 500, "interval_start": 1767225600, "interval_end": 1767229200}
            ]
        }
    )

    revision: Number
    successes: Annotated[StrictInt, Field(ge=0, le=10**15)]
    units: Annotated[StrictInt, Field(ge=1, le=10**15)]
    interval_start: Annotated[float, Field(ge=0, le=1e11)]
    interval_end: Annotated[float, Field(ge=0, le=1e11)]

"""What callers send. Unknown keys are refused by name; every bound is stated, so that the OpenAPI document is the
rule book's outer edge and `core.rules` the inner one."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
    model_validator,
)

from tidegate.core.guard import GAP_S, WhenGone
from tidegate.core.incidents import Limits
from tidegate.core.intent import Mode, Protocol
from tidegate.core.quantity import canonical
from tidegate.core.strategy import Ending, Kind, Until
from tidegate.web.problems import shown

WEEK = 604_800


def _percent(value: object) -> object:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100:
        raise ValueError(f"{shown(value)} is not a whole number between 0 and 100: send such a number, without quotes")
    return value


def _mode(value: object) -> object:
    """KServe's names of both generations, and ours."""
    aliases = {"rawdeployment": "standard", "serverless": "knative"}
    if isinstance(value, str):
        return aliases.get(value.lower(), value.lower())
    return value


def _some(value: str) -> str:
    """A quantity above nothing, as Kubernetes writes it."""
    if (found := canonical(value)) == "0":
        raise ValueError(f"{shown(value)} is nothing: send more, or leave it out")
    return found


def _protocol(value: object) -> object:
    if value not in tuple(Protocol):
        raise ValueError(f"{shown(value)} is not a protocol that Triton speaks: send 'v2' or 'grpc-v2'")
    return value


Percent = Annotated[int, BeforeValidator(_percent), Field(ge=0, le=100)]
ModeIn = Annotated[Mode, BeforeValidator(_mode), Field(description="standard (RawDeployment) or knative (Serverless)")]
ProtocolIn = Annotated[Protocol, BeforeValidator(_protocol)]
Id = Annotated[StrictStr, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
Reason = Annotated[StrictStr, Field(max_length=2000, description="Why; kept in the history.")]
Number = Annotated[StrictInt, Field(ge=0, le=2_000_000_000)]  # 0: what was adopted
Seconds = Annotated[float, Field(ge=0, le=WEEK, allow_inf_nan=False)]
Replicas = Annotated[StrictInt, Field(ge=0, le=1000)]
HeaderName = Annotated[StrictStr, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+\-.^_|~]{1,256}$")]
ImageTag = Annotated[StrictStr, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")]
_LABEL_KEY = r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
LabelKey = Annotated[StrictStr, StringConstraints(pattern=_LABEL_KEY)]
LabelValue = Annotated[StrictStr, StringConstraints(pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$")]
ObjectName = Annotated[StrictStr, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")]
Quantity = Annotated[
    StrictStr,
    StringConstraints(pattern=r"^([1-9][0-9]{0,8}(m|k|M|G|T|Ki|Mi|Gi|Ti)?|[0-9]{1,4}\.[0-9]{1,3})$"),
    AfterValidator(_some),
    Field(description="A Kubernetes quantity such as 500m, 0.5, 2 or 4Gi."),
]
HeaderText = Annotated[StrictStr, StringConstraints(pattern=r"^[\x21-\x7e]([\x20-\x7e]{0,4094}[\x21-\x7e])?$")]


class Body(BaseModel):
    """Base of everything that callers send."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NewModel(Body):
    """A model that versions will belong to."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"model_id": "add_sub"}]})

    model_id: Id
    description: Annotated[StrictStr, Field(max_length=2000)] = ""


class NewVersion(Body):
    """A version: `uri` names a Triton model repository root."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"version_id": "1", "uri": "s3://models/add_sub/1/"}]},
    )

    version_id: Id
    uri: Annotated[StrictStr, Field(min_length=1, max_length=2000)]


class Autoscaling(Body):
    """Replica bounds of each revision. In a PATCH, what is left out stays."""

    minReplicas: Replicas | None = None  # noqa: N815  (the payload's name)
    maxReplicas: Replicas | None = None  # noqa: N815
    keda: StrictBool | None = None


class BatcherIn(Body):
    """KServe's batcher. Kept, never rendered for V2."""

    maxBatchSize: Annotated[StrictInt, Field(ge=1, le=100_000)]  # noqa: N815
    maxLatency: Annotated[StrictInt, Field(ge=0, le=3_600_000, description="milliseconds")]  # noqa: N815


class ResourcesIn(Body):
    """What each pod asks for, which is also its limit. What is left out is the runtime's own."""

    cpu: Quantity | None = None
    memory: Quantity | None = None


class TolerationIn(Body):
    """A node taint that the pods stand, as in Kubernetes."""

    key: LabelKey | None = None
    operator: Literal["Equal", "Exists"] = "Equal"
    value: LabelValue = ""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    tolerationSeconds: Annotated[StrictInt, Field(ge=0, le=WEEK)] | None = None  # noqa: N815

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Kubernetes' own rules, said before a pod is refused for them."""
        if self.operator == "Exists" and self.value:
            raise ValueError("a toleration with operator Exists has no value: leave it out, or send Equal")
        if self.operator == "Equal" and self.key is None:
            raise ValueError("a toleration without key stands every taint: send operator Exists, or a key")
        if self.tolerationSeconds is not None and self.effect != "NoExecute":
            raise ValueError("tolerationSeconds needs effect NoExecute: send it, or leave tolerationSeconds out")
        return self


class RuntimeConfig(Body):
    """How the runtime runs the model. `gpu`: true is one GPU, or a count. `sharedMemory`: of /dev/shm, for Triton's
    Python backends; '0' gives none of our own."""

    modelFormat: Annotated[StrictStr, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")] = "triton"  # noqa: N815
    protocolVersion: ProtocolIn = Protocol.V2  # noqa: N815
    runtimeVersion: ImageTag | None = None  # noqa: N815
    gpu: StrictBool | Annotated[StrictInt, Field(ge=0, le=64)] = False
    batcher: BatcherIn | None = None
    resources: ResourcesIn = ResourcesIn()
    sharedMemory: Quantity | Literal["0"] = "256Mi"  # noqa: N815
    serviceAccountName: ObjectName | None = None  # noqa: N815
    storageSecret: ObjectName | None = None  # noqa: N815
    nodeSelector: Annotated[dict[LabelKey, LabelValue], Field(max_length=16)] = {}  # noqa: N815
    tolerations: Annotated[tuple[TolerationIn, ...], Field(max_length=16)] = ()


RuntimeName = Annotated[StrictStr, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$")]

DEMO: dict[str, Any] = {
    "name": "demo-triton",
    "model_id": "add_sub",
    "model_version_id": "1",
    "runtime": "kserve-triton",
    "autoscaling": {"minReplicas": 1, "maxReplicas": 4, "keda": True},
    "runtime_config": {
        "modelFormat": "triton",
        "protocolVersion": "v2",
        "runtimeVersion": "24.08-py3",
        "gpu": True,
        "batcher": {"maxBatchSize": 32, "maxLatency": 500},
    },
}


class NewEndpoint(Body):
    """An endpoint and its first revision."""

    model_config = ConfigDict(json_schema_extra={"examples": [DEMO]})

    name: Annotated[StrictStr, Field(description="A DNS label of at most 40 characters, not ending in -r<digits>.")]
    model_id: Id
    model_version_id: Id
    namespace: StrictStr | None = None
    mode: ModeIn | None = None
    runtime: RuntimeName = "kserve-tritonserver"
    autoscaling: Autoscaling = Autoscaling()
    runtime_config: RuntimeConfig = RuntimeConfig()
    reason: Reason = ""


class AdoptEndpoint(Body):
    """Take an InferenceService of your own under Tidegate as the endpoint's r0."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"model_id": "add_sub", "reason": "rollouts from now on"}]}
    )

    model_id: Annotated[Id | None, Field(description="The model whose versions come next; default: the name.")] = None
    reason: Reason = ""


class PatchEndpoint(Body):
    """A change. `canary_percent` 100 and null mean promote; with a version or revision it starts a manual rollout."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"canary_percent": 25, "reason": "looks good"}]})

    canary_percent: Percent | None = None
    model_id: Id | None = None
    model_version_id: Id | None = None
    revision: Number | None = None
    autoscaling: Autoscaling | None = None
    reason: Reason = ""


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
    bake_seconds: Seconds = 60.0


class StrategyIn(Body):
    """A plan written out step by step."""

    kind: Literal[Kind.CANARY, Kind.AB, Kind.BLUE_GREEN, Kind.SHADOW]
    steps: Annotated[tuple[StepIn, ...], Field(min_length=1, max_length=50)]
    ending: Ending = Ending.PROMOTE


class QuestionIn(Body):
    """A question about the candidate. Margins and the objective are shares of requests, 0..1."""

    m_fail: Annotated[float, Field(ge=0, lt=1)] = 0.0
    m_pass: Annotated[float, Field(gt=0, lt=1)] = 0.01
    objective: Annotated[float, Field(gt=0, lt=1)] | None = None
    floor: Annotated[StrictInt, Field(ge=1, le=10_000_000)] = 20


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

    m_fail: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    m_pass: Annotated[float, Field(gt=-0.5, lt=0.5)] = 0.01
    floor: Annotated[StrictInt, Field(ge=1, le=10_000_000)] = 20


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

    ready_seconds: Annotated[float, Field(gt=0, le=WEEK)] = 600.0
    data_seconds: Annotated[float, Field(gt=0, le=4 * WEEK)] | None = None
    pause_seconds: Annotated[float, Field(gt=0, le=WEEK)] = 86400.0
    undo_seconds: Seconds = 1800.0


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

    strategy: Literal[Kind.CANARY, Kind.AB, Kind.BLUE_GREEN, Kind.SHADOW, Kind.MANUAL] | StrategyIn = Kind.CANARY
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
    alpha: Annotated[float, Field(gt=0, le=0.5)] = 0.01
    deadlines: DeadlinesIn = DeadlinesIn()
    guard: GuardIn | None = None
    reason: Reason = ""


class Undo(Body):
    """Back to an older revision; without `to` the previous stable, or the end of the running rollout."""

    to: Number | None = None
    reason: Reason = ""


class Ask(Body):
    """Why a person asks."""

    reason: Reason = ""


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

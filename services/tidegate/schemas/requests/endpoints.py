"""Bodies about models and endpoints."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
    model_validator,
)

from tidegate.core.errors import Unfit
from tidegate.core.intent import NVIDIA, Protocol
from tidegate.core.restriction import GROUPS, USUAL
from tidegate.schemas.requests.fields import (
    WEEK,
    AcceptBreaking,
    Body,
    GroupIn,
    Id,
    ImageTag,
    LabelKey,
    LabelValue,
    ModeIn,
    Number,
    ObjectName,
    Percent,
    ProtocolIn,
    Quantity,
    Reason,
    Replicas,
    ResourceName,
    RunId,
    SecretKey,
)


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

    minReplicas: Replicas | None = None
    maxReplicas: Replicas | None = None
    keda: StrictBool | None = None


class BatcherIn(Body):
    """KServe's batcher. Kept, never rendered for V2."""

    maxBatchSize: Annotated[StrictInt, Field(ge=1, le=100_000)]
    maxLatency: Annotated[StrictInt, Field(ge=0, le=3_600_000, description="milliseconds")]


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
    tolerationSeconds: Annotated[StrictInt, Field(ge=0, le=WEEK)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Kubernetes' own rules, said before a pod is refused for them."""
        if self.operator == "Exists" and self.value:
            raise Unfit("a toleration with operator Exists has no value", "leave it out, or send Equal")
        if self.operator == "Equal" and self.key is None:
            raise Unfit("a toleration without key stands every taint", "send operator Exists, or a key")
        if self.tolerationSeconds is not None and self.effect != "NoExecute":
            raise Unfit("tolerationSeconds needs effect NoExecute", "send it, or leave tolerationSeconds out")
        return self


class SecretIn(Body):
    """A Secret in the endpoint's namespace, and where in it the token lies. Tidegate never reads it."""

    name: ObjectName
    key: SecretKey = "token"


class SecurityIn(Body):
    """Groups of Triton's calls that need the header triton-access-token (gRPC:
    triton-grpc-protocol-triton-access-token). An empty list restricts nothing."""

    groups: Annotated[tuple[GroupIn, ...], Field(max_length=len(GROUPS))] = USUAL
    secret: SecretIn | None = None

    @model_validator(mode="after")
    def _has_its_token(self) -> Self:
        if self.groups and self.secret is None:
            raise Unfit(
                "protected groups need a token",
                "send secret {name, key} of a Secret in this namespace, or an empty list of groups",
            )
        return self


class RuntimeConfig(Body):
    """How the runtime runs the model. `gpu`: true is one GPU, or a count, of the resource
    `gpuType`. `sharedMemory`: of /dev/shm, for Triton's Python backends; '0' gives none of our own."""

    modelFormat: Annotated[StrictStr, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")] = "triton"
    protocolVersion: ProtocolIn = Protocol.V2
    runtimeVersion: ImageTag | None = None
    gpu: StrictBool | Annotated[StrictInt, Field(ge=0, le=64)] = False
    gpuType: ResourceName = NVIDIA
    batcher: BatcherIn | None = None
    resources: ResourcesIn = ResourcesIn()
    sharedMemory: Quantity | Literal["0"] = "256Mi"
    serviceAccountName: ObjectName | None = None
    storageSecret: ObjectName | None = None
    nodeSelector: dict[LabelKey, LabelValue] = Field(default={}, max_length=16)
    tolerations: Annotated[tuple[TolerationIn, ...], Field(max_length=16)] = ()
    security: SecurityIn | None = None


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
    run_id: RunId | None = None
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
    accept_breaking: AcceptBreaking = False
    reason: Reason = ""

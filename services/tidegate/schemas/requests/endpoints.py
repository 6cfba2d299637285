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

from tidegate.core import bounds
from tidegate.core.errors import Unfit
from tidegate.core.intent import NVIDIA, Protocol
from tidegate.core.triton.restriction import GROUPS, USUAL
from tidegate.schemas.requests.fields import (
    WEEK,
    AcceptBreaking,
    Body,
    CandidateModel,
    CandidateRevision,
    CandidateVersion,
    GroupIn,
    Id,
    ImageTag,
    LabelKey,
    LabelValue,
    ModeIn,
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

    model_id: Annotated[
        Id,
        Field(
            description="Id of the model: letters, digits, '.', '_' and '-'", examples=["add_sub"]
        ),
    ]
    description: Annotated[
        Annotated[StrictStr, Field(max_length=2000)],
        Field(description="What the model is, for people", examples=["adds and subtracts"]),
    ] = ""


class NewVersion(Body):
    """A version: `uri` names a Triton model repository root."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"version_id": "1", "uri": "s3://models/add_sub/1/"}]},
    )

    version_id: Annotated[
        Id, Field(description="Id of the version within the model", examples=["2"])
    ]
    uri: Annotated[
        Annotated[StrictStr, Field(min_length=1, max_length=2000)],
        Field(
            description="Address of a Triton model repository", examples=["s3://models/add_sub/2/"]
        ),
    ]


class Autoscaling(Body):
    """Replica bounds of each revision. In a PATCH, what is left out stays."""

    minReplicas: Annotated[
        Replicas | None,
        Field(description="Least replicas of each revision; 0 only in knative mode", examples=[1]),
    ] = None
    maxReplicas: Annotated[
        Replicas | None, Field(description="Most replicas of each revision", examples=[4])
    ] = None
    keda: Annotated[
        StrictBool | None, Field(description="Whether KEDA scales, not the HPA", examples=[False])
    ] = None


class BatcherIn(Body):
    """KServe's batcher. Kept, never rendered for V2."""

    maxBatchSize: Annotated[
        Annotated[StrictInt, Field(ge=1, le=100_000)],
        Field(description="Requests in a batch, at most", examples=[32]),
    ]
    maxLatency: Annotated[
        Annotated[StrictInt, Field(ge=0, le=3_600_000, description="milliseconds")],
        Field(description="Milliseconds that a request may wait for its batch", examples=[500]),
    ]


class ResourcesIn(Body):
    """What each pod asks for, which is also its limit. What is left out is the runtime's own."""

    cpu: Annotated[
        Quantity | None,
        Field(description="CPUs of each pod, as Kubernetes writes them", examples=["2"]),
    ] = None
    memory: Annotated[
        Quantity | None,
        Field(description="Memory of each pod, as Kubernetes writes it", examples=["4Gi"]),
    ] = None


class TolerationIn(Body):
    """A node taint that the pods stand, as in Kubernetes."""

    key: Annotated[
        LabelKey | None,
        Field(description="Key of the taint; left out: every taint", examples=["nvidia.com/gpu"]),
    ] = None
    operator: Annotated[
        Literal["Equal", "Exists"],
        Field(description="How key and value are compared", examples=["Exists"]),
    ] = "Equal"
    value: Annotated[
        LabelValue, Field(description="Value of the taint, with Equal", examples=[""])
    ] = ""
    effect: Annotated[
        Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None,
        Field(description="Effect of the taint; left out: all effects", examples=["NoSchedule"]),
    ] = None
    tolerationSeconds: Annotated[
        Annotated[StrictInt, Field(ge=0, le=WEEK)] | None,
        Field(description="Seconds until eviction, with NoExecute", examples=[300]),
    ] = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Kubernetes' own rules, said before a pod is refused for them."""
        if self.operator == "Exists" and self.value:
            raise Unfit(
                "a toleration with operator Exists has no value", "leave it out, or send Equal"
            )
        if self.operator == "Equal" and self.key is None:
            raise Unfit(
                "a toleration without key stands every taint", "send operator Exists, or a key"
            )
        if self.tolerationSeconds is not None and self.effect != "NoExecute":
            raise Unfit(
                "tolerationSeconds needs effect NoExecute",
                "send it, or leave tolerationSeconds out",
            )
        return self


class SecretIn(Body):
    """A Secret in the endpoint's namespace, and where in it the token lies. Tidegate never reads
    it."""

    name: Annotated[
        ObjectName,
        Field(description="Secret in the endpoint's namespace", examples=["triton-token"]),
    ]
    key: Annotated[SecretKey, Field(description="Key in that Secret", examples=["token"])] = "token"


class SecurityIn(Body):
    """Groups of Triton's calls that need the header triton-access-token (gRPC:
    triton-grpc-protocol-triton-access-token). An empty list restricts nothing."""

    groups: Annotated[
        Annotated[tuple[GroupIn, ...], Field(max_length=len(GROUPS))],
        Field(
            description="Groups of calls that need the token; an empty list opens all",
            examples=[["model-repository", "trace"]],
        ),
    ] = USUAL
    secret: Annotated[
        SecretIn | None, Field(description="Where the token lies; needed with groups")
    ] = None

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
    `gpuType`. `sharedMemory`: of /dev/shm, for Triton's Python backends; '0' gives none of our
    own."""

    modelFormat: Annotated[
        Annotated[StrictStr, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")],
        Field(description="KServe's model format", examples=["triton"]),
    ] = "triton"
    protocolVersion: Annotated[
        ProtocolIn, Field(description="Inference protocol, v2 or grpc-v2", examples=["v2"])
    ] = Protocol.V2
    runtimeVersion: Annotated[
        ImageTag | None,
        Field(
            description="Tag of the runtime's image; default: the runtime's own",
            examples=["25.08-py3"],
        ),
    ] = None
    gpu: Annotated[
        StrictBool | Annotated[StrictInt, Field(ge=bounds.GPUS.ge, le=bounds.GPUS.le)],
        Field(description="GPUs of each pod; true is one", examples=[1]),
    ] = False
    gpuType: ResourceName = NVIDIA
    batcher: Annotated[
        BatcherIn | None,
        Field(description="KServe's batcher; kept, and not rendered for the V2 protocol"),
    ] = None
    resources: Annotated[ResourcesIn, Field(description="CPU and memory of each pod")] = (
        ResourcesIn()
    )
    sharedMemory: Annotated[
        Quantity | Literal["0"],
        Field(
            description="Size of /dev/shm, as Kubernetes writes it; '0': what the container "
            "runtime gives",
            examples=["256Mi"],
        ),
    ] = "256Mi"
    serviceAccountName: Annotated[
        ObjectName | None,
        Field(description="ServiceAccount of the pods", examples=["models-reader"]),
    ] = None
    storageSecret: Annotated[
        ObjectName | None,
        Field(description="Secret with the object store's credentials", examples=["team-a-s3"]),
    ] = None
    nodeSelector: dict[LabelKey, LabelValue] = Field(
        default={},
        max_length=16,
        description="Labels that a node must carry",
        examples=[{"zone": "a"}],
    )
    tolerations: Annotated[
        Annotated[tuple[TolerationIn, ...], Field(max_length=16)],
        Field(description="Node taints that the pods tolerate"),
    ] = ()
    security: Annotated[
        SecurityIn | None, Field(description="Which of Triton's calls need a token")
    ] = None


RuntimeName = Annotated[StrictStr, StringConstraints(pattern=bounds.RUNTIME_NAME)]

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

    name: Annotated[
        StrictStr,
        Field(
            description="A DNS label of at most 40 characters, not ending in -r<digits>.",
            examples=["fraud"],
        ),
    ]
    model_id: Annotated[Id, Field(description="Model of the first revision", examples=["add_sub"])]
    model_version_id: Annotated[Id, Field(description="Version of that model", examples=["1"])]
    namespace: Annotated[
        StrictStr | None,
        Field(
            description="Namespace (the tenant); default: ?namespace=, or the caller's only one",
            examples=["team-a"],
        ),
    ] = None
    mode: Annotated[
        ModeIn | None,
        Field(
            description="KServe's deployment mode: standard (RawDeployment) or knative "
            "(Serverless); "
            "default: the installation's",
            examples=["standard"],
        ),
    ] = None
    runtime: Annotated[
        RuntimeName, Field(description="KServe's ServingRuntime", examples=["kserve-tritonserver"])
    ] = "kserve-tritonserver"
    autoscaling: Annotated[Autoscaling, Field(description="Replica bounds of each revision")] = (
        Autoscaling()
    )
    runtime_config: Annotated[
        RuntimeConfig, Field(description="How the runtime runs the model")
    ] = RuntimeConfig()
    run_id: Annotated[
        RunId | None,
        Field(
            description="Run of the pipeline that sends this; kept with what it makes",
            examples=["2f6e1c1a-4f0e"],
        ),
    ] = None
    reason: Reason = ""


class AdoptEndpoint(Body):
    """Take an InferenceService of your own under Tidegate as the endpoint's r0."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"model_id": "add_sub", "reason": "rollouts from now on"}]}
    )

    model_id: Annotated[
        Id | None,
        Field(
            description="The model whose versions come next; default: the name.",
            examples=["add_sub"],
        ),
    ] = None
    reason: Reason = ""


class PatchEndpoint(Body):
    """A change. `canary_percent` 100 and null mean promote; with a version or revision it starts a
    manual rollout."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"canary_percent": 25, "reason": "looks good"}]}
    )

    canary_percent: Annotated[
        Percent | None,
        Field(description="Percent of the candidate; 100 and null promote it", examples=[25]),
    ] = None
    model_id: CandidateModel = None
    model_version_id: CandidateVersion = None
    revision: CandidateRevision = None
    autoscaling: Annotated[
        Autoscaling | None, Field(description="Replica bounds; what is left out stays")
    ] = None
    accept_breaking: AcceptBreaking = False
    reason: Reason = ""

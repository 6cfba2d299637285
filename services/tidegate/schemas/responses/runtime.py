"""How a revision is run, under the names by which callers ask for it (see `requests.endpoints`)."""

from pydantic import BaseModel, Field


class BatcherOut(BaseModel):
    """KServe's batcher. Kept, never rendered for the V2 protocol."""

    maxBatchSize: int = Field(description="Requests in a batch, at most", examples=[32])
    maxLatency: int = Field(
        description="Milliseconds that a request may wait for its batch", examples=[500]
    )


class ResourcesOut(BaseModel):
    """What each pod requests, which is also its limit."""

    cpu: str | None = Field(
        default=None,
        description="CPUs, as Kubernetes writes them; null: the runtime's own",
        examples=["2"],
    )
    memory: str | None = Field(
        default=None,
        description="Memory, as Kubernetes writes it; null: the runtime's own",
        examples=["4Gi"],
    )


class TolerationOut(BaseModel):
    """A node taint that the pods tolerate."""

    key: str | None = Field(
        default=None, description="Key of the taint; null: every taint", examples=["nvidia.com/gpu"]
    )
    operator: str = Field(default="Equal", description="Equal or Exists", examples=["Exists"])
    value: str = Field(default="", description="Value of the taint, with Equal", examples=[""])
    effect: str | None = Field(
        default=None, description="Effect of the taint; null: all effects", examples=["NoSchedule"]
    )
    tolerationSeconds: int | None = Field(
        default=None,
        description="Seconds until eviction, with NoExecute; null: never",
        examples=[300],
    )


class SecretOut(BaseModel):
    """Where a token lies. Tidegate never reads it."""

    name: str = Field(description="Secret in the endpoint's namespace", examples=["triton-token"])
    key: str = Field(default="token", description="Key in that Secret", examples=["token"])


class SecurityOut(BaseModel):
    """Which of Triton's calls need a token."""

    groups: list[str] = Field(
        default=[],
        description="Protected groups of calls",
        examples=[["model-repository", "trace"]],
    )
    secret: SecretOut | None = Field(
        default=None, description="Where the token lies; null without groups"
    )


class RuntimeConfigOut(BaseModel):
    """How the runtime runs the model."""

    modelFormat: str = Field(description="KServe's model format", examples=["triton"])
    protocolVersion: str = Field(description="Inference protocol, v2 or grpc-v2", examples=["v2"])
    runtimeVersion: str | None = Field(
        default=None,
        description="Tag of the runtime's image; null: the runtime's own",
        examples=["25.08-py3"],
    )
    gpu: int = Field(description="GPUs of each pod", examples=[0])
    gpuType: str = Field(
        description="Resource that a GPU is requested as", examples=["nvidia.com/gpu"]
    )
    batcher: BatcherOut | None = Field(default=None, description="KServe's batcher; null: none")
    resources: ResourcesOut = Field(description="CPU and memory of each pod")
    sharedMemory: str = Field(
        description="Size of /dev/shm; '0': what the container runtime gives", examples=["256Mi"]
    )
    serviceAccountName: str | None = Field(
        default=None,
        description="ServiceAccount of the pods; null: the default one",
        examples=["models-reader"],
    )
    storageSecret: str | None = Field(
        default=None,
        description="Secret with the object store's credentials; null: none",
        examples=["team-a-s3"],
    )
    nodeSelector: dict[str, str] = Field(
        default={}, description="Labels that a node must carry", examples=[{"zone": "a"}]
    )
    tolerations: list[TolerationOut] = Field(
        default=[], description="Node taints that the pods tolerate"
    )
    security: SecurityOut | None = Field(
        default=None, description="Which of Triton's calls need a token; null: none"
    )


class SpecRuntime(BaseModel):
    """How the runtime should run the model, as it was sent; null: left out."""

    modelFormat: str | None = Field(
        default=None, description="KServe's model format", examples=["triton"]
    )
    protocolVersion: str | None = Field(
        default=None, description="Inference protocol, v2 or grpc-v2", examples=["v2"]
    )
    runtimeVersion: str | None = Field(
        default=None, description="Tag of the runtime's image", examples=["25.08-py3"]
    )
    gpu: bool | int | None = Field(
        default=None, description="GPUs of each pod; true is one", examples=[True]
    )
    gpuType: str | None = Field(
        default=None, description="Resource that a GPU is requested as", examples=["nvidia.com/gpu"]
    )
    batcher: BatcherOut | None = Field(default=None, description="KServe's batcher")
    resources: ResourcesOut | None = Field(default=None, description="CPU and memory of each pod")
    sharedMemory: str | None = Field(
        default=None, description="Size of /dev/shm", examples=["256Mi"]
    )
    serviceAccountName: str | None = Field(
        default=None, description="ServiceAccount of the pods", examples=["models-reader"]
    )
    storageSecret: str | None = Field(
        default=None,
        description="Secret with the object store's credentials",
        examples=["team-a-s3"],
    )
    nodeSelector: dict[str, str] | None = Field(
        default=None, description="Labels that a node must carry", examples=[{"zone": "a"}]
    )
    tolerations: list[TolerationOut] | None = Field(
        default=None, description="Node taints that the pods tolerate"
    )
    security: SecurityOut | None = Field(
        default=None, description="Which of Triton's calls need a token"
    )

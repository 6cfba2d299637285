"""The values that say what should serve: endpoint, revision, candidate traffic, intent.

All are frozen and hold no I/O. An intent is append-only in the store: every change of mind is a new
generation, so that "who changed what, since when, why" is a query and not a guess.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Mode(StrEnum):
    """How KServe runs the endpoint; also names the driver."""

    STANDARD = "standard"  # KServe's Standard, legacy RawDeployment
    KNATIVE = "knative"  # KServe's Knative, legacy Serverless


class Protocol(StrEnum):
    """Inference protocols Triton speaks."""

    V2 = "v2"
    GRPC_V2 = "grpc-v2"


@dataclass(frozen=True, slots=True, order=True)
class EndpointKey:
    """The durable name clients call."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Model:
    """One version of a model. `uri` names a Triton model *repository root* (KServe's storage
    initializer strips the prefix); `digest` is `sha256-<hex>` over its bytes. `mutable` marks a
    foreign URI whose bytes may change under us."""

    model_id: str
    version_id: str
    uri: str
    digest: str
    mutable: bool = False


@dataclass(frozen=True, slots=True)
class Batcher:
    """KServe's batcher as asked for. Kept and answered, never rendered for V2: it does nothing
    there."""

    max_batch_size: int
    max_latency: int  # milliseconds


@dataclass(frozen=True, slots=True)
class Toleration:
    """A node taint that the pods stand (Kubernetes core/v1). Empty key: every taint. seconds: how
    long, None for ever."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Pods:
    """How and where a revision's pods run. cpu, memory: a Kubernetes quantity, asked for and kept
    as the limit; None leaves the runtime's own. shared_memory: of /dev/shm, which Triton's Python
    backends talk through ('0': what the container runtime gives, usually 64Mi). storage_secret: a
    Secret in the tenant's namespace with the credentials of the object store."""

    cpu: str | None = None
    memory: str | None = None
    shared_memory: str = "256Mi"
    service_account: str | None = None
    storage_secret: str | None = None
    node_selector: tuple[tuple[str, str], ...] = ()
    tolerations: tuple[Toleration, ...] = ()


DEFAULT_PODS = Pods()
NVIDIA = "nvidia.com/gpu"


@dataclass(frozen=True, slots=True)
class Restriction:
    """Groups of Triton's calls that are answered to those alone who know a token
    (core/triton/restriction.py names them). The token is known by where it lies: `key` of a
    `secret` in the tenant's namespace."""

    groups: tuple[str, ...]
    secret: str
    key: str


@dataclass(frozen=True, slots=True)
class Runtime:
    """What runs the model. `gpu` is a count of `gpu_type`, a resource that nodes offer."""

    name: str = "kserve-tritonserver"
    model_format: str = "triton"
    protocol: Protocol = Protocol.V2
    version: str | None = None  # the image tag, KServe's runtimeVersion
    gpu: int = 0
    gpu_type: str = NVIDIA
    batcher: Batcher | None = None
    pods: Pods = DEFAULT_PODS
    security: Restriction | None = None


@dataclass(frozen=True, slots=True)
class Adopted:
    """An InferenceService that somebody else made and that an endpoint began with. uid: what it is
    known by. predictor: its `spec.predictor` when it was adopted."""

    uid: str
    predictor: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Revision:
    """An immutable, numbered model + runtime. Numbers never repeat, also after delete and
    re-create. adopted: of revision 0 alone, which no other way makes."""

    number: int
    model: Model
    runtime: Runtime
    digest: str
    adopted: Adopted | None = None

    @property
    def label(self) -> str:
        """How people and clients see it: `r3`."""
        return f"r{self.number}"


@dataclass(frozen=True, slots=True)
class HeaderMatch:
    """Requests that carry this header go to the candidate. value: the whole value, or with `range`
    the buckets of users (`buckets`), as `0-19`."""

    name: str
    value: str
    range: bool = False


@dataclass(frozen=True, slots=True)
class CandidateTraffic:
    """What the candidate gets.

    percent: of unmatched requests, 0..99 (100 is never stored: it is the promotion).
    match:   requests with all of these headers go to the candidate.
    mirror:  percent of requests copied to the candidate, answers discarded.
    replicas_percent: the least replicas, in percent of stable's; 0: the capacity rule; blue-green 100.
    """

    percent: int = 0
    match: tuple[HeaderMatch, ...] = ()
    mirror: int = 0
    replicas_percent: int = 0


@dataclass(frozen=True, slots=True)
class Scaling:
    """The endpoint's replica bounds, for each revision on its own."""

    min_replicas: int = 1
    max_replicas: int = 1
    keda: bool = False


NO_TRAFFIC = CandidateTraffic()


@dataclass(frozen=True, slots=True)
class Intent:
    """What should serve now. `stable` None means: gone. mark: drawn anew for each intent that is
    stored, so that two databases that went on from one backup are told apart by more than a
    number."""

    key: EndpointKey
    generation: int
    mode: Mode
    stable: int | None
    candidate: int | None = None
    candidate_traffic: CandidateTraffic = NO_TRAFFIC
    standby: tuple[int, ...] = ()
    scaling: Scaling = field(default_factory=Scaling)
    author: str = ""
    message: str = ""
    mark: str = ""

    @property
    def desired(self) -> tuple[int, ...]:
        """Every revision that must have pods, stable first."""
        named = (self.stable, self.candidate, *self.standby)
        return tuple(dict.fromkeys(number for number in named if number is not None))

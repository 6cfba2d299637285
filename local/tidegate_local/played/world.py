"""What the controllers of the local plane share: the store, the settings, and the two parts that do
real work.

The kubelet runs pods and the data plane routes requests. Both are protocols: the simulation's are
toys, the local plane's are Triton and Envoy processes. Neither is ever waited for: a controller
asks, and looks again later.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tidegate.core.ports import Conflict, Done, Refused
from tidegate_local.played.api import kind_of
from tidegate_local.played.objects import Object, Objects
from tidegate_local.played.routing import RoutingTable


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why an init container does not run, in the words of a kubelet."""

    container: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class PodState:
    """How a pod's model container is. reason, message: why it is not running
    (`CrashLoopBackOff`, …), "" while it starts. started_at: epoch seconds of the present container.
    exit_code, exit_reason: of the container before it; `OOMKilled` only where that is known. hosts:
    (container port, `host:port`). init: what keeps it from starting. sidecars: restarts of
    containers beside it, by name.
    """

    ready: bool
    restarts: int = 0
    reason: str = ""
    message: str = ""
    started_at: float | None = None
    exit_code: int = 1
    exit_reason: str = "Error"
    hosts: tuple[tuple[int, str], ...] = ()
    init: Waiting | None = None
    sidecars: tuple[tuple[str, int], ...] = ()


class Kubelet(Protocol):
    """Runs pods. All three return at once; start and stop are repeatable."""

    def start(self, pod: Object) -> None:
        """Begin to run a pod (by metadata.uid)."""

    def stop(self, pod: Object) -> None:
        """Stop a pod; it gets no new requests by now."""

    def status(self, pod: Object) -> PodState:
        """How the pod is now."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The data plane routes by this table."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """The data plane still routes by an older table. Ask again."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The data plane refused the table and keeps its old one."""

    detail: str


Answer = Acknowledged | NotYet | Rejected


class DataPlane(Protocol):
    """Routes requests."""

    def program(self, table: RoutingTable) -> Answer:
        """Make this the table. Called at every pass, also with the same table. Returns at once."""


@dataclass(frozen=True, slots=True)
class ServingRuntime:
    """A ClusterServingRuntime. formats: name -> may be chosen without naming the runtime."""

    image: str
    tag: str
    args: tuple[str, ...]
    protocols: tuple[str, ...]
    formats: Mapping[str, bool]


TRITON = ServingRuntime(
    image="nvcr.io/nvidia/tritonserver",
    tag="23.05-py3",
    args=(
        "tritonserver",
        "--model-store=/mnt/models",
        "--grpc-port=9000",
        "--http-port=8080",
        "--allow-grpc=true",
        "--allow-http=true",
    ),
    protocols=("v2", "grpc-v2"),
    formats={"tensorrt": True, "tensorflow": True, "onnx": True, "pytorch": False, "triton": True},
)


@dataclass(frozen=True, slots=True)
class Settings:
    """How KServe and Knative are installed. gateway: (namespace, name) that KServe's own routes
    use, None with `enableGatewayApi: false`. domain: of the hosts they make. window: seconds after
    which Knative's autoscaler takes what a revision does not need. grace: seconds between the last
    request's end being noticed and the last pod's end. progress_deadline: seconds until a start
    counts as failed."""

    default_mode: str = "Knative"
    gateway: tuple[str, str] | None = None
    domain: str = "example.com"
    runtimes: Mapping[str, ServingRuntime] = field(
        default_factory=lambda: {"kserve-tritonserver": TRITON}
    )
    window: float = 60.0
    grace: float = 30.0
    progress_deadline: float = 600.0


def no_load(deployment: Object) -> int:
    """Replicas that the present load needs, for a cluster without load."""
    return 0


@dataclass(slots=True)
class World:
    """Everything a controller may touch. load: replicas of a Deployment that its load needs.
    pod_quota: pods per namespace, None: no quota.
    events: complaints of controllers as `object: sentence`, oldest first, none twice in a row."""

    objects: Objects
    kubelet: Kubelet
    data_plane: DataPlane
    settings: Settings = field(default_factory=Settings)
    load: Callable[[Object], int] = no_load
    pod_quota: int | None = None
    events: list[str] = field(default_factory=list)

    @property
    def now(self) -> float:
        """Epoch seconds."""
        return self.objects.clock()

    def event(self, about: Object, sentence: str) -> None:
        """Write down what went wrong with an object."""
        line = f"{about['kind']} {about['metadata']['namespace']}/{about['metadata']['name']}: {sentence}"
        if line not in self.events[-20:]:
            self.events.append(line)

    def write(self, about: Object, manifest: Mapping[str, Any]) -> bool:
        """Write a child of `about`; False, with an event, when it was refused. What still belongs
        to an owner that is gone is in the way until the garbage collector took it."""
        if self._of_another(manifest):
            self.event(
                about,
                f'{manifest["kind"]} "{manifest["metadata"]["name"]}" is controlled by another owner',
            )
            return False
        result: Done | Conflict | Refused = self.objects.write(manifest)
        if isinstance(result, Done):
            return True
        self.event(about, f"fails to reconcile: {result.detail}")
        return False

    def _of_another(self, manifest: Mapping[str, Any]) -> bool:
        metadata = manifest["metadata"]
        present = self.objects.get(kind_of(manifest), metadata["namespace"], metadata["name"])
        owners = {o["uid"] for o in (present or {}).get("metadata", {}).get("ownerReferences", ())}
        return bool(owners) and owners.isdisjoint(
            o["uid"] for o in metadata.get("ownerReferences", ())
        )

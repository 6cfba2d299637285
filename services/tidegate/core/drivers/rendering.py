"""What both drivers write: names, labels, annotations. The predictor is in `predictor.py`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.core.intent import EndpointKey, Intent, Mode, Scaling
from tidegate.core.ports import Manifest, Snapshot

ENDPOINT = "tidegate.dev/endpoint"
REVISION = "tidegate.dev/revision"
STORE = "tidegate.dev/store"
GENERATION = "tidegate.dev/generation"
MARK = "tidegate.dev/intent"
ENTRY = "tidegate.dev/entry"  # in Knative mode: the number of the head's entry
MANAGED_BY = "app.kubernetes.io/managed-by"
CLUSTER_LOCAL = "networking.kserve.io/visibility"
ISVC_LABEL = (
    "serving.kserve.io/inferenceservice"  # KServe's mark on what it makes of an InferenceService
)
DEPLOYMENT_MODE = "serving.kserve.io/deploymentMode"
NEW_NAMES = {Mode.STANDARD: "Standard", Mode.KNATIVE: "Knative"}  # of it, since KServe 0.16
OLD_NAMES = {Mode.STANDARD: "RawDeployment", Mode.KNATIVE: "Serverless"}
AUTOSCALER = "serving.kserve.io/autoscalerClass"
INITIAL_SCALE = "autoscaling.knative.dev/initial-scale"

HTTP_SERVICE_PORT = 80
SHM_PATH = "/dev/shm"  # noqa: S108


@dataclass(frozen=True, slots=True)
class Gateway:
    """The Gateway that endpoints hang on. `host_template` knows {name} and {namespace}; `service`
    is the in-cluster DNS name of the gateway's Service, for callers inside ('' : no alias Service
    is made); with `tls` clients outside say https."""

    name: str = "tidegate"
    namespace: str = "tidegate-system"
    section: str = ""
    host_template: str = "{name}.{namespace}.models.local"
    service: str = ""
    tls: bool = False


@dataclass(frozen=True, slots=True)
class Platform:
    """What the drivers must know of an installation.

    store: our store's UUID, stamped on the cluster. gateway: None without the Gateway API, which is
    said by whoever installs and never guessed. new_names: KServe ≥ 0.16. request_timeout, drain,
    steady: seconds; drain is how long an unreferenced revision lives on, steady how long a
    candidate that lost its pods must be ready before it gets its share back. prometheus: address
    for KEDA's trigger; trigger_authentication: the TriggerAuthentication beside the endpoint that
    lets KEDA in, '' where none is needed. queue_target_us: how long a request may wait in Triton's
    queue before KEDA adds replicas, in microseconds.
    """

    store: str
    gateway: Gateway | None = Gateway()
    new_names: bool = True
    request_timeout: float = 60.0
    drain: float = 60.0
    steady: float = 10.0
    prometheus: str = "http://prometheus.monitoring:9090"
    trigger_authentication: str = ""
    queue_target_us: int = 5000


def labels(key: EndpointKey) -> dict[str, str]:
    """What marks an object as ours."""
    return {MANAGED_BY: "tidegate", ENDPOINT: key.name}


def ours(manifest: Manifest, key: EndpointKey) -> bool:
    """Whether an object carries our mark for this endpoint."""
    result = manifest["metadata"].get("labels") or {}
    return all(result.get(name) == value for name, value in labels(key).items())


def stamp(platform: Platform, intent: Intent) -> dict[str, str]:
    """Whose the objects are and which intent they follow."""
    return {STORE: platform.store, GENERATION: str(intent.generation)} | (
        {MARK: intent.mark} if intent.mark else {}
    )


def generation_of(stamp: str | None) -> int | None:
    """The generation that a stamp says; None where there is none, or somebody has made it
    unreadable: then it is as if they had taken it away, and the next write puts it right."""
    if stamp is not None and stamp.isascii() and stamp.isdecimal() and len(stamp) < 19:
        return int(stamp)
    return None


def number_of(manifest: Manifest) -> int | None:
    """The revision that an object's label names."""
    return parse_label((manifest["metadata"].get("labels") or {}).get(REVISION, ""))


def parse_label(label: str) -> int | None:
    """`r3` → 3; None for anything else."""
    if label[:1] == "r" and label[1:].isdecimal():
        return int(label[1:])
    return None


def uid_of(snapshot: Snapshot, kind: str, name: str) -> str | None:
    """The uid of an object that was seen."""
    manifest = snapshot.get(kind, name)
    return manifest["metadata"]["uid"] if manifest else None


def annotations(mode: Mode, scaling: Scaling, platform: Platform) -> dict[str, str]:
    """KServe's switches. They are copied into the pod template, so they depend on the endpoint
    alone and never on the state of a rollout."""
    named = OLD_NAMES
    if platform.new_names:
        named = NEW_NAMES
    # Not `disable-auto-update`: with it KServe v0.20 skips every change of a Ready
    # InferenceService, ours too.
    common = {DEPLOYMENT_MODE: named[mode]}
    if mode is Mode.KNATIVE:
        return common | {"serving.kserve.io/enable-tag-routing": "true"}
    moves = "none"
    if scaling.max_replicas > scaling.min_replicas:
        moves = "hpa"
    return common | {AUTOSCALER: "keda" if scaling.keda else moves}


def covers(live: Any, desired: Any) -> bool:
    """Whether `live` holds everything that `desired` says; defaulting may have added more."""
    if live == desired:  # as most are
        return True
    if isinstance(desired, Mapping):
        return isinstance(live, Mapping) and all(
            k in live and covers(live[k], v) for k, v in desired.items()
        )
    if isinstance(desired, list):
        return (
            isinstance(live, list)
            and len(live) == len(desired)
            and all(covers(a, b) for a, b in zip(live, desired, strict=True))
        )
    return False

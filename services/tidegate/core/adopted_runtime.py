"""The runtime of an InferenceService that somebody else made, as far as a `Runtime` can say it.

What it cannot say is not guessed here: `unrendered` compares what Tidegate would write with what
is there, and names the rest.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.core import quantity
from tidegate.core.drivers.predictor import STORAGE_SECRET
from tidegate.core.drivers.rendering import DEPLOYMENT_MODE, NEW_NAMES, OLD_NAMES, SHM_PATH
from tidegate.core.intent import NVIDIA, Mode, Pods, Protocol, Runtime, Toleration
from tidegate.core.ports import Manifest
from tidegate.core.triton import restriction

_MODES = {name: mode for names in (NEW_NAMES, OLD_NAMES) for mode, name in names.items()}


def mode_of(live: Manifest) -> Mode | None:
    """Return how KServe runs an InferenceService; None where nothing says one of our modes."""
    return _MODES.get(said_mode(live) or "")


def said_mode(live: Manifest) -> str | None:
    """Return the deployment mode in KServe's word, by its annotation or its status."""
    annotated: str | None = (live["metadata"].get("annotations") or {}).get(DEPLOYMENT_MODE)
    return annotated or (live.get("status") or {}).get("deploymentMode")


def runtime_of(live: Manifest) -> Runtime:
    """Return the runtime of a live InferenceService; its `spec.predictor.model` must exist."""
    predictor = live["spec"]["predictor"]
    model = predictor["model"]
    gpu_type, gpu = _gpus(_limits(model))
    return Runtime(
        name=_name(model, live.get("status") or {}),
        protocol=Protocol(model.get("protocolVersion") or Protocol.V2),
        version=model.get("runtimeVersion"),
        gpu=gpu,
        gpu_type=gpu_type,
        pods=_pods(live),
        security=restriction.written(model),
    )


def storage_secret(live: Manifest) -> str | None:
    """Return the Secret of the object store that its annotations name; the predictor's own wins."""
    predictor = live["spec"]["predictor"].get("annotations") or {}
    return predictor.get(STORAGE_SECRET) or of_service(live)


def of_service(live: Manifest) -> str | None:
    """Return the Secret that the InferenceService's own annotation names."""
    name: str | None = (live["metadata"].get("annotations") or {}).get(STORAGE_SECRET)
    return name


def shared_memory(predictor: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the volume that its container mounts at /dev/shm, None where it mounts none."""
    mounts = (predictor.get("model") or {}).get("volumeMounts") or ()
    names = {mount.get("name") for mount in mounts if mount.get("mountPath") == SHM_PATH}
    volumes = predictor.get("volumes") or ()
    return next((volume for volume in volumes if volume.get("name") in names), None)


def _name(model: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    """The runtime that its owner named, else the one that KServe chose by the model's format."""
    chosen = status.get("servingRuntimeName") or status.get("clusterServingRuntimeName")
    return str(model.get("runtime") or chosen or Runtime().name)


def _pods(live: Manifest) -> Pods:
    predictor = live["spec"]["predictor"]
    limits = _limits(predictor["model"])
    tolerations = predictor.get("tolerations") or ()
    return Pods(
        cpu=_quantity(limits.get("cpu")),
        memory=_quantity(limits.get("memory")),
        shared_memory=_shared_memory(predictor),
        service_account=predictor.get("serviceAccountName") or predictor.get("serviceAccount"),
        storage_secret=storage_secret(live),
        node_selector=tuple(sorted((predictor.get("nodeSelector") or {}).items())),
        tolerations=tuple(map(toleration, tolerations)),
    )


def toleration(item: Mapping[str, Any]) -> Toleration:
    """Return a toleration as Kubernetes reads it (core/v1): without an operator it is Equal."""
    return Toleration(
        key=item.get("key") or "",
        operator=item.get("operator") or "Equal",
        value=item.get("value") or "",
        effect=item.get("effect") or "",
        seconds=item.get("tolerationSeconds"),
    )


def _shared_memory(predictor: Mapping[str, Any]) -> str:
    volume = shared_memory(predictor) or {}
    size = (volume.get("emptyDir") or {}).get("sizeLimit")
    return _quantity(size) or Pods().shared_memory


def _limits(model: Mapping[str, Any]) -> Mapping[str, Any]:
    return (model.get("resources") or {}).get("limits") or {}


def _quantity(value: Any) -> str | None:
    """The canonical form of an amount; None for nothing, and for a form that nobody reads here."""
    try:
        text = quantity.canonical(str(value))
    except ValueError:
        return None
    if text == "0":
        return None
    return text


def _gpus(limits: Mapping[str, Any]) -> tuple[str, int]:
    """The first resource that only some nodes offer (its name has a domain), and how many of it."""
    return next(_devices(limits), (NVIDIA, 0))


def _devices(limits: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for name, value in sorted(limits.items()):
        count = 0
        if "/" in name:
            count = _count(value)
        if count:
            yield name, count


def _count(value: Any) -> int:
    """A whole number of devices, such as 1, "2", "1.0" or "1k"; 0 for anything else."""
    try:
        amount = quantity.amount(str(value))
    except ValueError:
        return 0
    if amount.denominator != 1:
        return 0
    return amount.numerator

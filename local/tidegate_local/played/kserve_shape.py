"""What KServe makes of an InferenceService's predictor: labels, annotations, containers, Service
ports.

KServe copies every label and annotation of the InferenceService into the pod template, except a
short list of its own: that is why one annotation starts new pods, or a new Knative revision.
"""

from collections.abc import Mapping
from typing import Any

from tidegate_local.played.objects import Object
from tidegate_local.played.schema import COMPONENT, MODEL
from tidegate_local.played.world import ServingRuntime, Settings

SOURCE = "internal.serving.kserve.io/storage-initializer-sourceuri"
ISVC_LABEL = "serving.kserve.io/inferenceservice"
VISIBILITY = "networking.kserve.io/visibility"
ROLLOUT_DURATION = "serving.knative.dev/rollout-duration"
_DISALLOWED = frozenset(
    {
        "autoscaling.knative.dev/min-scale",
        "autoscaling.knative.dev/max-scale",
        SOURCE,
        "kubectl.kubernetes.io/last-applied-configuration",
        "modelFormat",
        ROLLOUT_DURATION,
    }
)
_NOT_POD = COMPONENT | {"model", "containers"}
_NOT_CONTAINER = MODEL | {"name", "image", "args"}


def child_name(isvc: Object) -> str:
    """The name of the Deployment, Service or Knative Service: `<isvc>-predictor`."""
    named = isvc["spec"]["predictor"].get("name")
    return "-".join(part for part in (isvc["metadata"]["name"], named, "predictor") if part)


def labels(isvc: Object) -> dict[str, str]:
    """Labels of the children and of the pod template; the predictor's win over the
    InferenceService's."""
    own = {ISVC_LABEL: isvc["metadata"]["name"], "component": "predictor"}
    return {
        **isvc["metadata"].get("labels", {}),
        **isvc["spec"]["predictor"].get("labels", {}),
        **own,
    }


def annotations(isvc: Object) -> dict[str, str]:
    """Annotations of the children and of the pod template, with the model's URI."""
    copied = {
        k: v for k, v in isvc["metadata"].get("annotations", {}).items() if k not in _DISALLOWED
    }
    result = {**copied, **isvc["spec"]["predictor"].get("annotations", {})}
    uri = isvc["spec"]["predictor"].get("model", {}).get("storageUri")
    if uri:
        return {**result, SOURCE: uri}
    return result


def runtime_problem(isvc: Object, settings: Settings) -> tuple[str, str] | None:
    """(reason, message) when no runtime fits, as modelStatus tells it (KServe
    predictor_model.go)."""
    model = isvc["spec"]["predictor"].get("model")
    if model is None:
        return None
    name = model.get("runtime")
    requested = model.get("protocolVersion")
    format_ = model["modelFormat"]["name"]
    if name is None:
        if _auto(format_, requested or "v1", settings) is None:
            return (
                "NoSupportingRuntime",
                f"No runtime found to support specified framework/version {format_}",
            )
        return None
    runtime = settings.runtimes.get(name)
    if runtime is None:
        return "RuntimeNotRecognized", f"Waiting for runtime {name} to become available"
    if requested is not None and requested not in runtime.protocols:
        return (
            "NoSupportingRuntime",
            f"Specified runtime {name} does not support protocol version {requested}",
        )
    if format_ not in runtime.formats:
        return (
            "NoSupportingRuntime",
            f"Specified runtime {name} does not support specified framework/version {format_}",
        )
    return None


def runtime_name(isvc: Object, settings: Settings) -> str:
    """The runtime that serves it, once `runtime_problem` has nothing to say."""
    model = isvc["spec"]["predictor"].get("model", {})
    runtime = model.get("runtime") or _auto(
        model["modelFormat"]["name"], model.get("protocolVersion", "v1"), settings
    )
    return str(runtime)


def pod_template(isvc: Object, settings: Settings) -> dict[str, Any]:
    """The pod template without the labels that only one mode adds."""
    predictor = isvc["spec"]["predictor"]
    pod = {key: value for key, value in predictor.items() if key not in _NOT_POD}
    model = predictor.get("model")
    first = {}
    if model:
        first = _container(model, settings.runtimes[runtime_name(isvc, settings)])
    extra = [dict(container) for container in predictor.get("containers", ())]
    containers = [
        _overlaid(first, extra),
        *(c for c in extra if c.get("name") != "kserve-container"),
    ]
    return {
        "metadata": {"labels": labels(isvc), "annotations": annotations(isvc)},
        "spec": {**pod, "containers": containers},
    }


def service_ports(template: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Service ports of raw mode: the first container port answers on 80, the others under their own
    numbers."""
    declared = template["spec"]["containers"][0].get("ports") or [
        {"name": "http", "containerPort": 8080}
    ]
    ports = []
    for index, port in enumerate(declared):
        name = port.get("name", "http")
        number = port["containerPort"]
        entry = {
            "name": name,
            "port": 80 if index == 0 else number,
            "targetPort": number,
            "protocol": "TCP",
        }
        if "grpc" in name or "h2c" in name:
            entry["appProtocol"] = "kubernetes.io/h2c"
        ports.append(entry)
    return ports


def _auto(format_: str, protocol: str, settings: Settings) -> str | None:
    fitting = (
        n
        for n, r in settings.runtimes.items()
        if r.formats.get(format_) and protocol in r.protocols
    )
    return next(fitting, None)


def _container(model: Mapping[str, Any], runtime: ServingRuntime) -> dict[str, Any]:
    limits = {"cpu": "1", "memory": "2Gi"}
    image = model.get("image") or f"{runtime.image}:{model.get('runtimeVersion') or runtime.tag}"
    container = {
        "name": "kserve-container",
        "image": image,
        "args": [*runtime.args, *model.get("args", ())],
        "resources": {"requests": limits, "limits": limits},
    }
    return {
        **container,
        **{key: value for key, value in model.items() if key not in _NOT_CONTAINER},
    }


def _overlaid(first: dict[str, Any], extra: list[dict[str, Any]]) -> dict[str, Any]:
    """The main container with what spec.predictor.containers says about a container of that
    name."""
    same = next((c for c in extra if c.get("name") == "kserve-container"), {})
    return {**first, **same}

"""The webhooks: what KServe, Knative, KEDA and the Gateway API say about an object before it is
stored.

`admit` answers with the object as the webhooks left it, or with the sentence of a refusal. What
KServe does not check is not checked here either: a canaryTrafficPercent of 150 is only refused by
Knative, later, when KServe writes its Service.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tidegate_local.played import keda, schema
from tidegate_local.played.api import HTTP_ROUTE, ISVC, KSVC, ROUTE, SCALED_OBJECT, Kind, kind_of
from tidegate_local.played.httproute import problem as route_problem
from tidegate_local.played.objects import Object

MODE = "serving.kserve.io/deploymentMode"
AUTOSCALER = "serving.kserve.io/autoscalerClass"
CLASSES = ("hpa", "keda", "external", "none")
_MODES = {
    "RawDeployment": "Standard",
    "Serverless": "Knative",
    "Standard": "Standard",
    "Knative": "Knative",
    "ModelMesh": "ModelMesh",
}
_URI = re.compile(r"(gs|s3|pvc|file|https?|hdfs|webhdfs|oci|oci\+native|hf)://.+")

Check = Callable[[dict[str, Any], Object | None, str], str | None]


def admitter(
    default_mode: str = "Knative",
) -> Callable[[dict[str, Any], Object | None], dict[str, Any] | str]:
    """The admission of a cluster whose KServe has this default deployment mode."""

    def admit(new: dict[str, Any], old: Object | None) -> dict[str, Any] | str:
        if kind_of(new) == ISVC:
            new = _defaulted(new, default_mode)
        validate = _CHECKS.get(kind_of(new))
        sentence = None
        if validate:
            sentence = validate(new, old, default_mode)
        if sentence is None:
            return new
        name = f'{new["kind"]} "{new["metadata"]["name"]}"'
        return f"admission webhook denied the request: {name}: {sentence}"

    return admit


def mode_of(isvc: Object, default_mode: str) -> str:
    """The deployment mode of an InferenceService by the names of KServe 0.16 and later."""
    mode = isvc["metadata"].get("annotations", {}).get(MODE)
    return _MODES.get(mode or default_mode, str(mode))


def _defaulted(isvc: dict[str, Any], default_mode: str) -> dict[str, Any]:
    """Legacy mode names become the new ones; without one the default is stamped, except Knative
    (KServe DEF)."""
    metadata = isvc["metadata"]
    annotations = metadata.get("annotations", {})
    mode = annotations.get(MODE) or (default_mode if default_mode != "Knative" else None)
    if mode is not None:
        annotations = {**annotations, MODE: _MODES.get(mode, mode)}
    model = isvc.get("spec", {}).get("predictor", {}).get("model", {})
    triton = (
        "tritonserver" in model.get("runtime", "")
        or model.get("modelFormat", {}).get("name") == "triton"
    )
    bare = triton and not model.get("storageUri") and not model.get("storage") and not _uris(isvc)
    if bare and "--model-control-mode=explicit" not in model.get("args", ()):
        model = {**model, "args": [*model.get("args", ()), "--model-control-mode=explicit"]}
        isvc = {
            **isvc,
            "spec": {**isvc["spec"], "predictor": {**isvc["spec"]["predictor"], "model": model}},
        }
    if annotations:
        metadata = {**metadata, "annotations": annotations}
    return {**isvc, "metadata": metadata}


def _uris(isvc: Object) -> list[Any]:
    return list(isvc.get("spec", {}).get("predictor", {}).get("storageUris", ()))


def _inference_service(isvc: dict[str, Any], old: Object | None, default_mode: str) -> str | None:
    spec = isvc.get("spec", {})
    problem = schema.inference_service(isvc)
    if problem:
        return problem
    if "predictor" not in spec:
        return "spec.predictor: Required value"
    return (
        _mode(isvc, old, default_mode)
        or _autoscaler(isvc, default_mode)
        or _replicas(spec["predictor"])
        or _model(spec["predictor"])
    )


def _mode(isvc: Object, old: Object | None, default_mode: str) -> str | None:
    mode = mode_of(isvc, default_mode)
    if mode not in _MODES:
        return f"annotation {MODE}: invalid value {mode!r}; one of Standard, Knative, ModelMesh"
    before = (old or {}).get("status", {}).get("deploymentMode")
    if before is not None and before != mode:
        return f"update rejected: deploymentMode cannot be changed from '{before}' to '{mode}'"
    return None


def _autoscaler(isvc: Object, default_mode: str) -> str | None:
    predictor = isvc["spec"]["predictor"]
    mode = mode_of(isvc, default_mode)
    name = isvc["metadata"].get("annotations", {}).get(AUTOSCALER, "hpa")
    if name not in CLASSES:
        return f"[{name}] is not a supported autoscaler class type; one of {', '.join(CLASSES)}"
    if mode == "Knative" and "deploymentStrategy" in predictor:
        return "customizing deploymentStrategy is only supported for Standard deployment mode"
    if mode == "Standard" and name == "keda":
        return _keda(predictor)
    return None


def _keda(predictor: Mapping[str, Any]) -> str | None:
    """KServe's own rules (validateScalingKedaCompExtension); KEDA's come when the ScaledObject is
    written."""
    if "scaleMetric" in predictor:
        return "ScaleMetric is not supported for KEDA; use autoScaling.metrics"
    for metric in predictor.get("autoScaling", {}).get("metrics", ()):
        kind = metric.get("type")
        if kind not in ("Resource", "External", "PodMetric"):
            return f"autoScaling.metrics[].type: invalid value {kind!r}; one of Resource, External, PodMetric"
        body = metric.get("podmetric" if kind == "PodMetric" else kind.lower(), {})
        if kind != "Resource" and not body.get("metric", {}).get("query"):
            return f"the query should not be empty for the {kind} metric"
        target = body.get("target", {})
        if not any(key in target for key in ("value", "averageValue", "averageUtilization")):
            return f"the target value of the {kind} metric should not be empty"
    return None


def _replicas(predictor: Mapping[str, Any]) -> str | None:
    low = predictor.get("minReplicas", 1)
    high = predictor.get("maxReplicas", 0)
    if low < 0:
        return "MinReplicas cannot be less than 0"
    if high < 0:
        return "MaxReplicas cannot be less than 0"
    if high and low > high:
        return "MinReplicas cannot be greater than MaxReplicas"
    return None


def _model(predictor: Mapping[str, Any]) -> str | None:
    model = predictor.get("model")
    if model is None:
        if "containers" in predictor:
            return None
        return "spec.predictor: exactly one implementation is required"
    if not model.get("modelFormat", {}).get("name"):
        return "spec.predictor.model.modelFormat.name: Required value"
    uri = model.get("storageUri")
    if uri is not None and not _URI.fullmatch(uri):
        return f"storageUri, must be one of: [gs:// s3:// pvc:// file:// https:// http:// hf:// oci://], got {uri!r}"
    return None


def _knative_traffic(obj: dict[str, Any], old: Object | None, default_mode: str) -> str | None:
    """Knative's webhook: every percent 0..100, their sum 100."""
    percents = [target.get("percent", 0) for target in obj["spec"].get("traffic", ())]
    for index, percent in enumerate(percents):
        if not 0 <= percent <= 100:
            return f"expected 0 <= {percent} <= 100: spec.traffic[{index}].percent"
    if percents and sum(percents) != 100:
        return f"Traffic targets sum to {sum(percents)}, want 100: spec.traffic"
    return None


def _knative_service(obj: dict[str, Any], old: Object | None, default_mode: str) -> str | None:
    return _knative_traffic(obj, old, default_mode) or schema.knative_pod(
        obj["spec"]["template"]["spec"]
    )


def _scaled_object(obj: dict[str, Any], old: Object | None, default_mode: str) -> str | None:
    return keda.problem(obj)


def _http_route(obj: dict[str, Any], old: Object | None, default_mode: str) -> str | None:
    return route_problem(obj)


_CHECKS: Mapping[Kind, Check] = {
    ISVC: _inference_service,
    KSVC: _knative_service,
    ROUTE: _knative_traffic,
    SCALED_OBJECT: _scaled_object,
    HTTP_ROUTE: _http_route,
}

"""What KServe v0.20 would make of an InferenceService in standard mode, near enough for admission
and arithmetic: its Deployment with the runtime's container under the model's, and its autoscaler.

Source: what the controller was seen to make (tests/cluster), and the rule of its merge: the
runtime's first container, with the model's fields over it; the predictor's pod fields beside it,
over the runtime's (selectors are merged, tolerations replaced). The storage initializer is not
rendered.
"""

from collections.abc import Mapping
from typing import Any

from tidegate.core.drivers.rendering import ISVC_LABEL
from tidegate.core.ports import Manifest

POD_FIELDS = (
    "serviceAccountName",
    "nodeSelector",
    "tolerations",
    "volumes",
    "terminationGracePeriodSeconds",
)
PLACE_FIELDS = ("nodeSelector", "tolerations", "affinity")  # which the runtime may say too
CONTAINER_FIELDS = (
    "env",
    "ports",
    "readinessProbe",
    "livenessProbe",
    "startupProbe",
    "lifecycle",
    "volumeMounts",
)
_CLASS = "serving.kserve.io/autoscalerClass"


def pod(isvc: Manifest, runtime: Manifest) -> dict[str, Any]:
    """The spec of one pod."""
    predictor = isvc["spec"]["predictor"]
    spec = runtime["spec"]
    model = predictor["model"]
    container = {**(spec.get("containers") or [{}])[0]}
    container |= {field: model[field] for field in CONTAINER_FIELDS if field in model}
    container["args"] = [*container.get("args", ()), *model.get("args", ())]
    container["resources"] = _merged(container.get("resources") or {}, model.get("resources") or {})
    if model.get("runtimeVersion"):
        container["image"] = (
            f"{container.get('image', '').rpartition(':')[0]}:{model['runtimeVersion']}"
        )
    placed = {field: spec[field] for field in PLACE_FIELDS if spec.get(field)}
    made = (
        {"containers": [container]}
        | placed
        | {field: predictor[field] for field in POD_FIELDS if field in predictor}
    )
    if "nodeSelector" in made:
        made["nodeSelector"] = {
            **(spec.get("nodeSelector") or {}),
            **(predictor.get("nodeSelector") or {}),
        }
    return made


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {**(below.get(name) or {}), **(above.get(name) or {})}
        for name in ("requests", "limits")
    }


def _named(isvc: Manifest) -> tuple[str, dict[str, str], dict[str, str]]:
    """(name, selector, labels) of what it makes."""
    meta = isvc["metadata"]
    name = f"{isvc['metadata']['name']}-predictor"
    select = {"app": f"isvc.{name}"}
    return name, select, {**(meta.get("labels") or {}), **select, ISVC_LABEL: meta["name"]}


def first_pod(isvc: Manifest, runtime: Manifest) -> dict[str, Any]:
    """A pod: its own admission (limit ranges, Pod Security, policies on pods) is not asked when a
    Deployment is."""
    name, _, labels = _named(isvc)
    meta = {
        "generateName": f"{name}-",
        "namespace": isvc["metadata"]["namespace"],
        "labels": labels,
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": pod(isvc, runtime)}


def deployment(isvc: Manifest, runtime: Manifest) -> dict[str, Any]:
    """The Deployment."""
    meta = isvc["metadata"]
    name, select, labels = _named(isvc)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": meta["namespace"], "labels": labels},
        "spec": {
            "replicas": isvc["spec"]["predictor"].get("minReplicas", 1),
            "selector": {"matchLabels": select},
            "template": {"metadata": {"labels": labels}, "spec": pod(isvc, runtime)},
        },
    }


def autoscaler(isvc: Manifest) -> dict[str, Any] | None:
    """The HorizontalPodAutoscaler or the ScaledObject; None where nothing scales."""
    kind = (isvc["metadata"].get("annotations") or {}).get(_CLASS)
    predictor = isvc["spec"]["predictor"]
    name = f"{isvc['metadata']['name']}-predictor"
    meta = {
        "name": name,
        "namespace": isvc["metadata"]["namespace"],
        "labels": isvc["metadata"].get("labels") or {},
    }
    low = predictor.get("minReplicas", 1)
    high = predictor.get("maxReplicas", 1)
    if kind == "hpa":
        cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
        spec = {"scaleTargetRef": target, "minReplicas": low, "maxReplicas": high}
        spec["metrics"] = [{"type": "Resource", "resource": cpu}]
        return {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": meta,
            "spec": spec,
        }
    if kind == "keda":
        scaled = {"scaleTargetRef": {"name": name}, "minReplicaCount": low, "maxReplicaCount": high}
        scaled["triggers"] = [
            _trigger(metric) for metric in (predictor.get("autoScaling") or {}).get("metrics", ())
        ]
        return {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledObject",
            "metadata": meta,
            "spec": scaled,
        }
    return None


def _trigger(metric: Mapping[str, Any]) -> dict[str, Any]:
    external = metric["external"]
    result = external["metric"]
    target = external["target"]
    metadata = {
        "serverAddress": result["serverAddress"],
        "query": result["query"],
        "threshold": target["value"],
    }
    return {"type": result["backend"], "metadata": metadata}

"""KServe's Knative mode: one Knative Service, the traffic of canaryTrafficPercent, and the
rolled-out pointer.

The pointer `latestRolledoutRevision` is what KServe takes for stable. Its two rules are kept
exactly, flaws included (ksvc_reconciler.go createKnativeService, inference_service_status.go
PropagateStatus): it moves back when a percent below 100 meets `created == ready == stable`, which
the gap between two controllers can show by itself.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tidegate_local.played.api import KSVC, SERVICE
from tidegate_local.played.conditions import Condition, condition, find, status_of
from tidegate_local.played.knative import child
from tidegate_local.played.knative_route import LOCAL_GATEWAY
from tidegate_local.played.kserve_shape import (
    ROLLOUT_DURATION,
    annotations,
    child_name,
    labels,
    pod_template,
)
from tidegate_local.played.objects import Object
from tidegate_local.played.world import World

CLASS = "autoscaling.knative.dev/class"
TAG_ROUTING = "serving.kserve.io/enable-tag-routing"
Result = tuple[dict[str, Any], list[Condition]]


def reconcile(world: World, isvc: Object) -> Result | None:
    """Write the Knative Service, copy its last word. None: Knative refused it, the status stays as
    it was."""
    pointers = isvc.get("status", {}).get("components", {}).get("predictor", {})
    name = child_name(isvc)
    namespace = isvc["metadata"]["namespace"]
    if not world.write(
        isvc, _service(world, isvc, traffic(isvc, pointers.get("latestRolledoutRevision", "")))
    ):
        return None
    service = world.objects.get(KSVC, namespace, name)
    assert service is not None
    status = service.get("status", {})
    component = {**rolled_out(pointers, status), "traffic": status.get("traffic", [])}
    component["latestCreatedRevision"] = status.get("latestCreatedRevisionName", "")
    component["latestReadyRevision"] = status.get("latestReadyRevisionName", "")
    component["url"] = status.get("url", "")
    conditions = _conditions(service)
    result = {
        "components": {"predictor": component},
        "observedGeneration": status.get("observedGeneration", 0),
    }
    if status_of(service, "Ready") == "True":
        _local_service(world, isvc)
        host = f"{isvc['metadata']['name']}.{namespace}.{world.settings.domain}"
        result |= {
            "url": f"http://{host}",
            "address": {"url": f"http://{name}.{namespace}.svc.cluster.local"},
        }
    return result, conditions


def traffic(isvc: Object, rolled: str) -> list[dict[str, Any]]:
    """spec.traffic of the Knative Service: the latest ready revision gets the percent, the
    pointer's the rest."""
    percent = isvc["spec"]["predictor"].get("canaryTrafficPercent")
    if percent is None or not rolled:
        return [{"latestRevision": True, "percent": 100}]
    head = {"latestRevision": True, "percent": percent}
    if annotations(isvc).get(TAG_ROUTING) == "true":
        head["tag"] = "latest"
    if percent >= 100:
        return [head]
    return [
        head,
        {"latestRevision": False, "revisionName": rolled, "percent": 100 - percent, "tag": "prev"},
    ]


def rolled_out(pointers: Mapping[str, Any], status: Mapping[str, Any]) -> dict[str, str]:
    """latestRolledoutRevision and previousRolledoutRevision after one observation of the Knative
    Service's status."""
    rolled = pointers.get("latestRolledoutRevision", "")
    previous = pointers.get("previousRolledoutRevision", "")
    ready = status.get("latestReadyRevisionName")
    created = status.get("latestCreatedRevisionName")
    entries: Sequence[Mapping[str, Any]] = status.get("traffic", ())
    percents: Counter[str] = Counter()
    for entry in entries:
        percents[entry["revisionName"]] += entry.get("percent", 0)
    for entry in entries:
        if not entry.get("latestRevision") or entry["revisionName"] != ready:
            continue
        percent = entry.get("percent")
        if rolled != ready:
            if percent == 100:
                previous = rolled
                rolled = ready
        elif (
            ready == created
            and percent is not None
            and percent < 100
            and percents[ready] == 100
            and previous
        ):
            rolled = previous
    return {"latestRolledoutRevision": rolled, "previousRolledoutRevision": previous}


def _local_service(world: World, isvc: Object) -> None:
    """The Service named after the InferenceService (ingress_reconciler.go
    reconcileExternalService). One of that name that is there already keeps its owner and loses its
    spec and its labels, whoever made it."""
    name = isvc["metadata"]["name"]
    namespace = isvc["metadata"]["namespace"]
    spec = {"type": "ExternalName", "externalName": LOCAL_GATEWAY, "sessionAffinity": "None"}
    desired = child(SERVICE, name, isvc, spec)
    present = world.objects.get(SERVICE, namespace, name)
    if present is not None:
        kept = {
            key: value for key, value in present["metadata"].items() if key == "ownerReferences"
        }
        desired["metadata"] = {"name": name, "namespace": namespace, **kept}
    world.objects.write(desired)


def _service(world: World, isvc: Object, targets: list[dict[str, Any]]) -> dict[str, Any]:
    predictor = isvc["spec"]["predictor"]
    template = pod_template(isvc, world.settings)
    if CLASS not in template["metadata"]["annotations"]:
        template["metadata"]["annotations"][CLASS] = "kpa.autoscaling.knative.dev"
    bounds = {"autoscaling.knative.dev/min-scale": str(predictor.get("minReplicas", 1))}
    high = predictor.get("maxReplicas", 0)
    if high:
        bounds["autoscaling.knative.dev/max-scale"] = str(high)
    metadata = {
        **template["metadata"],
        "annotations": {**template["metadata"]["annotations"], **bounds},
    }
    pod = dict(template["spec"])
    for field, key in (
        ("containerConcurrency", "containerConcurrency"),
        ("timeout", "timeoutSeconds"),
    ):
        if field in predictor:
            pod[key] = predictor[field]
    managed = isvc["metadata"].get("annotations", {})
    kept = {}
    if ROLLOUT_DURATION in managed:
        kept = {ROLLOUT_DURATION: managed[ROLLOUT_DURATION]}
    spec = {"template": {"metadata": metadata, "spec": pod}, "traffic": targets}
    return child(KSVC, child_name(isvc), isvc, spec, labels=labels(isvc), annotations=kept)


def _conditions(service: Object) -> list[Condition]:
    pairs = (
        ("PredictorReady", "Ready"),
        ("PredictorRouteReady", "RoutesReady"),
        ("PredictorConfigurationReady", "ConfigurationsReady"),
    )
    result = []
    for kind, source in pairs:
        manifest = find(service, source) or condition(source, None)
        result.append(condition(kind, manifest["status"], manifest["reason"], manifest["message"]))
    routes = result[1]
    configured = result[2]
    ready = result[0]
    return [
        *result,
        condition("RoutesReady", routes["status"], routes["reason"]),
        condition("LatestDeploymentReady", configured["status"], configured["reason"]),
        condition(
            "IngressReady",
            ready["status"],
            "" if ready["status"] == "True" else "Predictor ingress not created",
        ),
    ]

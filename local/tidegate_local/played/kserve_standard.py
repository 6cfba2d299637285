"""KServe's Standard (raw) mode: Deployment, Service, autoscaler, and a route unless it is
cluster-local.

`status.observedGeneration` is the Deployment's counter, not the InferenceService's: kept, because
it misleads.
"""

from collections.abc import Mapping
from typing import Any

from tidegate_local.played import keda
from tidegate_local.played.admission import AUTOSCALER
from tidegate_local.played.api import DEPLOYMENT, HPA, HTTP_ROUTE, SCALED_OBJECT, SERVICE
from tidegate_local.played.conditions import Condition, condition, find
from tidegate_local.played.knative import child
from tidegate_local.played.kserve_shape import (
    VISIBILITY,
    annotations,
    child_name,
    labels,
    pod_template,
    service_ports,
)
from tidegate_local.played.objects import Object
from tidegate_local.played.world import World

Result = tuple[dict[str, Any], list[Condition]]


def reconcile(world: World, isvc: Object) -> Result | None:
    """Write the children, read them back. None: one was refused, the status stays as it was."""
    name = child_name(isvc)
    namespace = isvc["metadata"]["namespace"]
    present = world.objects.get(DEPLOYMENT, namespace, name)
    deployment = _deployment(world, isvc, present)
    service = _service(isvc, world)
    if not (world.write(isvc, deployment) and world.write(isvc, service) and _scaler(world, isvc)):
        return None
    ingress, url = _ingress(world, isvc)
    written = world.objects.get(DEPLOYMENT, namespace, name)
    assert written is not None
    available = find(written, "Available")
    if available:
        predictor = condition("PredictorReady", available["status"], available["reason"])
    else:
        predictor = condition("PredictorReady", None)
    status: dict[str, Any] = {
        "components": {"predictor": {"url": f"http://{name}.{namespace}.svc.cluster.local"}}
    }
    status["observedGeneration"] = written.get("status", {}).get("observedGeneration", 0)
    if ingress["status"] == "True":
        address = {"url": f"http://{name}.{namespace}.svc.cluster.local"}
        status |= {"url": url, "address": address}
    return status, [predictor, ingress]


def _deployment(world: World, isvc: Object, present: Object | None) -> dict[str, Any]:
    """replicas are KServe's with class none only; else whatever the autoscaler made of them."""
    name = child_name(isvc)
    predictor = isvc["spec"]["predictor"]
    template = pod_template(isvc, world.settings)
    own = {"app": f"isvc.{name}"}
    labelled = {**template["metadata"], "labels": {**template["metadata"]["labels"], **own}}
    fixed = _class(isvc) == "none" or present is None
    if fixed:
        replicas = max(0, predictor.get("minReplicas", 1))
    else:
        replicas = (present or {})["spec"]["replicas"]
    if present is None and _class(isvc) != "none":
        replicas = 1
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": own},
        "template": {**template, "metadata": labelled},
        "strategy": predictor.get("deploymentStrategy", {"type": "RollingUpdate"}),
    }
    return child(
        DEPLOYMENT, name, isvc, spec, labels={**labels(isvc), **own}, annotations=annotations(isvc)
    )


def _class(isvc: Object) -> str:
    """The autoscaler class; the predictor's annotation wins, hpa without one."""
    return annotations(isvc).get(AUTOSCALER, "hpa")


def _service(isvc: Object, world: World) -> dict[str, Any]:
    name = child_name(isvc)
    spec = {
        "type": "ClusterIP",
        "selector": {"app": f"isvc.{name}"},
        "ports": service_ports(pod_template(isvc, world.settings)),
    }
    return child(SERVICE, name, isvc, spec, labels=labels(isvc), annotations=annotations(isvc))


def _scaler(world: World, isvc: Object) -> bool:
    """The HPA or the ScaledObject of this class. False: refused. The other one of a class before
    stays, as KServe leaves it (autoscaler_reconciler.go): only an HPA goes with the classes none
    and external."""
    name = child_name(isvc)
    namespace = isvc["metadata"]["namespace"]
    chosen = _class(isvc)
    if chosen in ("none", "external"):
        world.objects.delete(HPA, namespace, name)
    meta = {"labels": labels(isvc), "annotations": annotations(isvc)}
    predictor = isvc["spec"]["predictor"]
    low = max(1, predictor.get("minReplicas", 1))
    high = max(low, predictor.get("maxReplicas", 0))
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    if chosen == "hpa":
        spec: dict[str, Any] = {"scaleTargetRef": target, "minReplicas": low, "maxReplicas": high}
        return world.write(
            isvc, child(HPA, name, isvc, {**spec, "metrics": _hpa_metrics(predictor)}, **meta)
        )
    if chosen == "keda":
        spec = {
            "scaleTargetRef": {"name": name},
            "minReplicaCount": predictor.get("minReplicas", 1),
        }
        triggers = [_trigger(m) for m in predictor.get("autoScaling", {}).get("metrics", ())]
        spec |= {"maxReplicaCount": high, "triggers": triggers}
        scaled = child(SCALED_OBJECT, name, isvc, spec, **meta)
        # KEDA's webhook looks at the HPAs that are there
        others = world.objects.list(SCALED_OBJECT, namespace)
        sentence = keda.problem(scaled, others, world.objects.list(HPA, namespace))
        if sentence:
            world.event(isvc, sentence)
            return False
        return world.write(isvc, scaled)
    return True


def _hpa_metrics(predictor: Mapping[str, Any]) -> list[Any]:
    metrics = predictor.get("autoScaling", {}).get("metrics")
    if metrics:
        return list(metrics)
    target = {"type": "Utilization", "averageUtilization": predictor.get("scaleTarget", 80)}
    return [
        {
            "type": "Resource",
            "resource": {"name": predictor.get("scaleMetric", "cpu"), "target": target},
        }
    ]


def _trigger(metric: Mapping[str, Any]) -> dict[str, Any]:
    """One KEDA trigger of an autoScaling metric (keda_reconciler.go)."""
    if metric["type"] == "Resource":
        resource = metric["resource"]
        target = metric["resource"]["target"]
        value = target.get("averageUtilization", target.get("averageValue", target.get("value")))
        return {
            "type": resource["name"],
            "metricType": target.get("type", ""),
            "metadata": {"value": str(value)},
        }
    if metric["type"] == "PodMetric":
        body = metric["podmetric"]
        data = {"metricQuery": body["metric"]["query"], "targetValue": str(body["target"]["value"])}
        return {
            "type": "external",
            "metadata": {**data, "scalerAddress": "keda-otel-scaler.keda.svc:4318"},
        }
    body = metric["external"]
    source = body["metric"]
    target = body["target"]
    data = {
        "serverAddress": source.get("serverAddress", ""),
        "query": source["query"],
        "threshold": str(target["value"]),
    }
    space = {}
    if source.get("namespace"):
        space = {"namespace": source["namespace"]}
    trigger = {"type": source.get("backend", "prometheus"), "metadata": {**data, **space}}
    reference = body.get("authenticationRef", {}).get("authenticationRef")
    if reference:
        return {**trigger, "authenticationRef": reference}
    return trigger


def _ingress(world: World, isvc: Object) -> tuple[Condition, str]:
    """IngressReady and the url. No route for a cluster-local service, nor without
    `enableGatewayApi`."""
    metadata = isvc["metadata"]
    gateway = world.settings.gateway
    name = metadata["name"]
    namespace = metadata["namespace"]
    if labels(isvc).get(VISIBILITY) == "cluster-local":
        return condition(
            "IngressReady", True
        ), f"http://{child_name(isvc)}.{namespace}.svc.cluster.local"
    host = f"{name}-{namespace}.{world.settings.domain}"
    if gateway is None:
        return condition("IngressReady", True), f"http://{host}"
    parent = {
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "namespace": gateway[0],
        "name": gateway[1],
    }
    backend = {"kind": "Service", "name": child_name(isvc), "namespace": namespace, "port": 80}
    match = {"path": {"type": "RegularExpression", "value": "/.*"}}
    rule = {"matches": [match], "backendRefs": [backend], "timeouts": {"request": "60s"}}
    spec = {"parentRefs": [parent], "hostnames": [host], "rules": [rule]}
    route = child(HTTP_ROUTE, name, isvc, spec, labels=labels(isvc), annotations=annotations(isvc))
    present = world.objects.get(HTTP_ROUTE, namespace, name)
    if not world.write(isvc, route):
        return condition("IngressReady", False, "HTTPRouteRefused"), ""
    parents = (present or {}).get("status", {}).get("parents", ())
    conditions = [c for p in parents for c in p["conditions"] if c["type"] == "Accepted"]
    word = "Unknown"
    if conditions:
        word = conditions[0]["status"]
    reason = "HTTPRouteNotReady"
    if word == "True":
        reason = ""
    return condition("IngressReady", word, reason), f"http://{host}"

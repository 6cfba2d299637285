"""Knative Serving's Service, Configuration and Revision controllers (v0.48 as read and measured).

Three things matter to rollouts and are kept: any change of the template is a new Revision;
latestReady moves to the newest ready Revision and never back; and each controller reads the others'
last word, so a Service can show `latestCreated == latestReady` while its new template has not
become a Revision yet (the gap).
"""

from collections.abc import Sequence
from typing import Any

from tidegate_local.played.api import CONFIGURATION, DEPLOYMENT, KSVC, REVISION, ROUTE
from tidegate_local.played.conditions import (
    Condition,
    condition,
    find,
    ready_from,
    stamped,
    status_of,
)
from tidegate_local.played.objects import Object, owner, timestamp
from tidegate_local.played.pods import failure
from tidegate_local.played.workloads import pods_of
from tidegate_local.played.world import World

GENERATION = "serving.knative.dev/configurationGeneration"
CONFIGURED_BY = "serving.knative.dev/configuration"
SERVICE_LABEL = "serving.knative.dev/service"
REVISION_LABEL = "serving.knative.dev/revision"
ROUTING_STATE = "serving.knative.dev/routingState"
_MIN = "autoscaling.knative.dev/min-scale"
_INITIAL = "autoscaling.knative.dev/initial-scale"
_MAX = "autoscaling.knative.dev/max-scale"


def child(
    kind: tuple[str, str], name: str, parent: Object, spec: Any, **metadata: Any
) -> dict[str, Any]:
    """A manifest of an object that `parent` owns."""
    namespace = parent["metadata"]["namespace"]
    meta = {"name": name, "namespace": namespace, "ownerReferences": owner(parent), **metadata}
    return {"apiVersion": kind[0], "kind": kind[1], "metadata": meta, "spec": spec}


def services(world: World) -> None:
    """One pass over Knative Services: write Configuration and Route, copy their last word."""
    for service in world.objects.list(KSVC):
        metadata = service["metadata"]
        spec = service["spec"]
        place = (metadata["namespace"], metadata["name"])
        labels = {**metadata.get("labels", {}), SERVICE_LABEL: metadata["name"]}
        world.write(
            service,
            child(CONFIGURATION, place[1], service, {"template": spec["template"]}, labels=labels),
        )
        route = {"traffic": [_from_configuration(target, place[1]) for target in spec["traffic"]]}
        world.write(service, child(ROUTE, place[1], service, route, labels=labels))
        configuration = world.objects.get(CONFIGURATION, *place)
        routing = world.objects.get(ROUTE, *place)
        if configuration is not None and routing is not None:
            world.objects.set_status(
                service, _service_status(service, configuration, routing, world.now)
            )


def _from_configuration(target: Object, name: str) -> dict[str, Any]:
    if target.get("latestRevision"):
        return {**target, "configurationName": name}
    return dict(target)


def _service_status(
    service: Object, configuration: Object, route: Object, now: float
) -> dict[str, Any]:
    """Fields of a child whose status is behind its spec stay as they were (service.go)."""
    old = service.get("status", {})
    status = {
        key: old[key]
        for key in ("latestCreatedRevisionName", "latestReadyRevisionName", "traffic")
        if key in old
    }
    configured = condition("ConfigurationsReady", None, "OutOfDate")
    if _current(configuration):
        keys = ("latestCreatedRevisionName", "latestReadyRevisionName")
        status.update(
            {key: configuration["status"][key] for key in keys if key in configuration["status"]}
        )
        configured = _copied(configuration, "ConfigurationsReady")
    routed = condition("RoutesReady", None, "OutOfDate")
    if _current(route):
        status["traffic"] = route["status"].get("traffic", [])
        status["url"] = route["status"].get("url", "")
        routed = _copied(route, "RoutesReady")
        heads = [t["revisionName"] for t in status["traffic"] if t.get("latestRevision")]
        if routed["status"] == "True" and any(
            h != status.get("latestReadyRevisionName") for h in heads
        ):
            routed = condition(
                "RoutesReady",
                None,
                "TrafficNotMigrated",
                "Traffic is not yet migrated to the latest revision.",
            )
    conditions = [configured, routed, ready_from((configured, routed))]
    stamped_conditions = stamped(old.get("conditions", ()), conditions, now)
    return {
        **status,
        "observedGeneration": service["metadata"]["generation"],
        "conditions": stamped_conditions,
    }


def _current(obj: Object) -> bool:
    return bool(obj.get("status", {}).get("observedGeneration") == obj["metadata"]["generation"])


def _copied(obj: Object, kind: str) -> dict[str, Any]:
    manifest = find(obj, "Ready") or condition("Ready", None)
    return condition(kind, manifest["status"], manifest["reason"], manifest["message"])


def configurations(world: World) -> None:
    """One pass over Configurations: a Revision for this generation, then who is latest created and
    ready."""
    for configuration in world.objects.list(CONFIGURATION):
        metadata = configuration["metadata"]
        name = f"{metadata['name']}-{metadata['generation']:05d}"
        if world.objects.get(REVISION, metadata["namespace"], name) is None:
            world.write(configuration, _revision(configuration, name))
        world.objects.set_status(configuration, _configuration_status(world, configuration, name))


def _revision(configuration: Object, name: str) -> dict[str, Any]:
    metadata = configuration["metadata"]
    template = configuration["spec"]["template"]
    own = {
        GENERATION: str(metadata["generation"]),
        CONFIGURED_BY: metadata["name"],
        SERVICE_LABEL: metadata["labels"][SERVICE_LABEL],
        ROUTING_STATE: "pending",
    }
    labels = {**template["metadata"].get("labels", {}), **own}
    annotations = template["metadata"].get("annotations", {})
    return child(
        REVISION, name, configuration, template["spec"], labels=labels, annotations=annotations
    )


def _configuration_status(world: World, configuration: Object, created: str) -> dict[str, Any]:
    metadata = configuration["metadata"]
    old = configuration.get("status", {})
    ready_name = old.get("latestReadyRevisionName")
    for revision in reversed(_revisions(world, configuration)):
        if revision["metadata"]["name"] == ready_name:
            break
        if status_of(revision, "Ready") == "True":
            ready_name = revision["metadata"]["name"]
            break
    newest = world.objects.get(REVISION, metadata["namespace"], created)
    newest_ready = find(newest, "Ready")
    if ready_name == created and (newest_ready is None or newest_ready["status"] != "False"):
        entry = condition("Ready", True)
    elif newest_ready is not None and newest_ready["status"] == "False":
        message = f'Revision "{created}" failed with message: {newest_ready["message"]}.'
        entry = condition("Ready", False, "RevisionFailed", message)
    else:
        entry = condition("Ready", None)
    status = {"observedGeneration": metadata["generation"], "latestCreatedRevisionName": created}
    if ready_name:
        status["latestReadyRevisionName"] = ready_name
    return {**status, "conditions": stamped(old.get("conditions", ()), [entry], world.now)}


def _revisions(world: World, configuration: Object) -> list[Object]:
    """Revisions of a Configuration, oldest first."""
    metadata = configuration["metadata"]
    manifests = world.objects.list(
        REVISION, metadata["namespace"], {CONFIGURED_BY: metadata["name"]}
    )
    mine = [r for r in manifests if r["metadata"]["ownerReferences"][0]["uid"] == metadata["uid"]]
    return sorted(mine, key=lambda r: int(r["metadata"]["labels"][GENERATION]))


def revisions(world: World) -> None:
    """One pass over Revisions: a Deployment of the scale the autoscaler wants, and readiness."""
    for revision in world.objects.list(REVISION):
        metadata = revision["metadata"]
        name = f"{metadata['name']}-deployment"
        deployment = world.objects.get(DEPLOYMENT, metadata["namespace"], name)
        pods = []
        ready = 0
        if deployment:
            pods = pods_of(world, deployment)
            ready = int(deployment.get("status", {}).get("readyReplicas", 0))
        desired = _scale(world, revision, deployment)
        world.write(
            revision, _deployment(revision, name, _replicas(world, revision, deployment, desired))
        )
        world.objects.set_status(
            revision, _revision_status(world, revision, deployment, pods, ready, desired)
        )


def _scale(world: World, revision: Object, deployment: Object | None) -> int:
    """What the autoscaler wants: the initial scale until that was reached once, then what load and
    min-scale ask. A shrink waits for the window. A Revision that no route names has no
    min-scale."""
    annotations = revision["metadata"].get("annotations", {})
    low = _low(revision)
    high = int(annotations.get(_MAX, 0))
    started = find(revision, "ScaleTargetInitialized")
    if started is None or deployment is None:
        return max(int(annotations.get(_INITIAL, 1)), low)
    if started["status"] != "True":
        return int(deployment["spec"]["replicas"])
    reachable = revision["metadata"]["labels"][ROUTING_STATE] != "reserve"
    desired = max(world.load(deployment), low if reachable else 0)
    if high:
        desired = min(desired, high)
    present = int(deployment["spec"]["replicas"])
    since = max(
        started["lastTransitionTime"],
        revision["metadata"]["annotations"].get(f"{ROUTING_STATE}Modified", ""),
    )
    idle = timestamp(world.now - world.settings.window) >= since
    if desired > present or idle:
        return desired
    return present


def _replicas(world: World, revision: Object, deployment: Object | None, desired: int) -> int:
    """Pods go to zero only after the Revision was inactive for the grace period: by then the
    activator answers."""
    if desired or deployment is None:
        return desired
    active = find(revision, "Active")
    inactive = active is not None and active["status"] == "False"
    if (
        inactive
        and active
        and timestamp(world.now - world.settings.grace) >= active["lastTransitionTime"]
    ):
        return 0
    return int(deployment["spec"]["replicas"])


def _low(revision: Object) -> int:
    return int(revision["metadata"].get("annotations", {}).get(_MIN, 0))


def _active(revision: Object, ready: int, desired: int) -> Condition:
    """As the autoscaler tells it (kpa.go computeActiveCondition)."""
    if desired == 0:
        return condition("Active", False, "NoTraffic", "The target is not receiving traffic.")
    initial = int(revision["metadata"].get("annotations", {}).get(_INITIAL, 1))
    started = status_of(revision, "ScaleTargetInitialized") == "True"
    if ready >= max(_low(revision), 1 if started else initial):
        return condition("Active", True)
    text = "Requests to the target are being buffered as resources are provisioned."
    return condition("Active", None, "Queued", text)


def _deployment(revision: Object, name: str, replicas: int) -> dict[str, Any]:
    metadata = revision["metadata"]
    selector = {REVISION_LABEL: metadata["name"]}
    kept = {k: v for k, v in metadata["labels"].items() if k != ROUTING_STATE}
    labels = {**kept, **selector, "app": metadata["name"]}
    annotations = {
        k: v for k, v in metadata.get("annotations", {}).items() if not k.startswith(ROUTING_STATE)
    }
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": selector},
        "template": {
            "metadata": {"labels": labels, "annotations": annotations},
            "spec": revision["spec"],
        },
    }
    return child(DEPLOYMENT, name, revision, spec, labels=labels, annotations=annotations)


def _revision_status(
    world: World,
    revision: Object,
    deployment: Object | None,
    pods: Sequence[Object],
    ready: int,
    requested: int,
) -> dict[str, Any]:
    old = revision.get("status", {})
    desired = int(deployment["spec"]["replicas"]) if deployment else 0
    was = status_of(revision, "ScaleTargetInitialized") == "True"
    failures = [manifest for pod in pods if (manifest := failure(pod)) and "exitCode" in manifest]
    broken = failures[0] if failures and desired and not ready else None
    progressing = None
    if deployment:
        progressing = find(deployment, "Progressing")
    late = bool(progressing and progressing["status"] == "False" and not was)
    reached = was or (deployment is not None and ready >= desired)
    if broken is not None:
        message = f"Container failed with: {broken['message']}"
        resources = condition("ResourcesAvailable", None, "Deploying")
        healthy = condition("ContainerHealthy", False, f"ExitCode{broken['exitCode']}", message)
    elif late:
        message = "Initial scale was never achieved"
        resources = condition("ResourcesAvailable", False, "ProgressDeadlineExceeded", message)
        healthy = condition("ContainerHealthy", None, "Deploying")
    elif reached:
        resources = condition("ResourcesAvailable", True)
        healthy = condition("ContainerHealthy", True)
    else:
        resources = condition("ResourcesAvailable", None, "Deploying")
        healthy = condition("ContainerHealthy", None, "Deploying")
    active = _active(revision, ready, requested)
    initialized = condition("ScaleTargetInitialized", reached or None)
    conditions = [active, resources, healthy, initialized, ready_from((resources, healthy))]
    return {
        "observedGeneration": revision["metadata"]["generation"],
        "actualReplicas": ready,
        "desiredReplicas": requested,
        "conditions": stamped(old.get("conditions", ()), conditions, world.now),
    }

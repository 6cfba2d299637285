"""Knative's Route controller: which Revisions get the traffic, and the ingress that the gateway
programs.

The status changes only when every target is ready; until then the old traffic stays, whatever the
spec says. `latestRevision: true` is whatever the Configuration last called its latest ready
Revision.
"""

from typing import Any

from tidegate_local.played.api import CONFIGURATION, INGRESS, REVISION, ROUTE, SERVICE
from tidegate_local.played.conditions import Condition, condition, ready_from, stamped, status_of
from tidegate_local.played.knative import CONFIGURED_BY, ROUTING_STATE, child
from tidegate_local.played.objects import Object, timestamp
from tidegate_local.played.world import World

LOCAL_GATEWAY = "knative-local-gateway.istio-system.svc.cluster.local"


def reconcile(world: World) -> None:
    """One pass over every Route."""
    for route in world.objects.list(ROUTE):
        traffic, problem = _resolve(world, route)
        if problem is None:
            world.write(
                route,
                child(INGRESS, route["metadata"]["name"], route, _ingress(world, route, traffic)),
            )
            world.write(route, _placeholder(route))
            world.objects.set_status(
                route, _status(world, route, traffic, condition("AllTrafficAssigned", True))
            )
        else:
            kept = route.get("status", {}).get("traffic", [])
            world.objects.set_status(route, _status(world, route, kept, problem))
        _label(world, route)


def host(world: World, name: str, namespace: str) -> str:
    """The public host of a Route (Knative's default domainTemplate)."""
    return f"{name}.{namespace}.{world.settings.domain}"


def _resolve(world: World, route: Object) -> tuple[list[dict[str, Any]], Condition | None]:
    """The traffic with Revision names, or the condition that says which target cannot take it."""
    metadata = route["metadata"]
    resolved = []
    for target in route["spec"]["traffic"]:
        name = target.get("revisionName")
        latest = bool(target.get("latestRevision"))
        if latest:
            configuration = world.objects.get(
                CONFIGURATION, metadata["namespace"], target["configurationName"]
            )
            name = (configuration or {}).get("status", {}).get("latestReadyRevisionName")
            if name is None:
                return [], _unready("Configuration", target["configurationName"], configuration)
        revision = world.objects.get(REVISION, metadata["namespace"], str(name))
        if revision is None:
            text = f'Revision "{name}" referenced in traffic not found.'
            return [], condition("AllTrafficAssigned", False, "RevisionMissing", text)
        # Also the latest ready one, once it is not ready any more
        if status_of(revision, "Ready") != "True":
            return [], _unready("Revision", str(name), revision)
        entry = {key: target[key] for key in ("percent", "tag") if key in target}
        url = {}
        if "tag" in entry:
            url = {
                "url": f"http://{entry['tag']}-{host(world, metadata['name'], metadata['namespace'])}"
            }
        resolved.append({"revisionName": name, "latestRevision": latest, **entry, **url})
    return resolved, None


def _unready(kind: str, name: str, target: Object | None) -> Condition:
    if status_of(target, "Ready") == "False":
        text = f'{kind} "{name}" referenced in traffic failed to become ready.'
        return condition("AllTrafficAssigned", False, f"{kind}Failed", text)
    text = f'{kind} "{name}" is waiting for a Revision to become ready.'
    return condition("AllTrafficAssigned", None, "RevisionMissing", text)


def _status(
    world: World, route: Object, traffic: list[dict[str, Any]], assigned: Condition
) -> dict[str, Any]:
    metadata = route["metadata"]
    ingress = world.objects.get(INGRESS, metadata["namespace"], metadata["name"])
    behind = (
        ingress is None
        or ingress.get("status", {}).get("observedGeneration") != ingress["metadata"]["generation"]
    )
    waiting = condition(
        "IngressReady", None, "IngressNotConfigured", "Ingress has not yet been reconciled."
    )
    programmed = waiting
    if not behind:
        programmed = condition("IngressReady", status_of(ingress, "Ready"))
    conditions = [assigned, programmed, ready_from((assigned, programmed))]
    return {
        "observedGeneration": metadata["generation"],
        "url": f"http://{host(world, metadata['name'], metadata['namespace'])}",
        "traffic": traffic,
        "conditions": stamped(route.get("status", {}).get("conditions", ()), conditions, world.now),
    }


def _ingress(world: World, route: Object, traffic: list[dict[str, Any]]) -> dict[str, Any]:
    metadata = route["metadata"]
    name = metadata["name"]
    namespace = metadata["namespace"]
    hosts = [
        host(world, name, namespace),
        *(f"{name}.{namespace}{end}" for end in ("", ".svc", ".svc.cluster.local")),
    ]
    splits = [{"serviceName": t["revisionName"], "percent": t.get("percent", 0)} for t in traffic]
    return {"rules": [{"hosts": hosts, "http": {"paths": [{"splits": splits}]}}]}


def _placeholder(route: Object) -> dict[str, Any]:
    """The Kubernetes Service of the Route's name: a Knative Service and a Service share it."""
    metadata = route["metadata"]
    labels = {**metadata.get("labels", {}), "serving.knative.dev/route": metadata["name"]}
    spec = {"type": "ExternalName", "externalName": LOCAL_GATEWAY, "sessionAffinity": "None"}
    return child(SERVICE, metadata["name"], route, spec, labels=labels)


def _label(world: World, route: Object) -> None:
    """Say on each Revision whether a route names it, in spec or status: the autoscaler keeps
    min-scale only then."""
    metadata = route["metadata"]
    present = world.objects.get(ROUTE, metadata["namespace"], metadata["name"]) or route
    named = {t["revisionName"] for t in present.get("status", {}).get("traffic", ())}
    named |= {t["revisionName"] for t in present["spec"]["traffic"] if "revisionName" in t}
    for revision in world.objects.list(
        REVISION, metadata["namespace"], {CONFIGURED_BY: metadata["name"]}
    ):
        labels = revision["metadata"]["labels"]
        name = revision["metadata"]["name"]
        was = labels[ROUTING_STATE]
        state = "active"
        if name not in named:
            state = was
            if was != "pending" or _passed(world, revision):
                state = "reserve"
        if state != was:
            stamp = {f"{ROUTING_STATE}Modified": timestamp(world.now)}
            annotations = {**revision["metadata"].get("annotations", {}), **stamp}
            changed = {
                **revision["metadata"],
                "labels": {**labels, ROUTING_STATE: state},
                "annotations": annotations,
            }
            world.write(revision, {**revision, "metadata": changed})


def _passed(world: World, revision: Object) -> bool:
    """A newer Revision took its place before it was ever routed."""
    metadata = revision["metadata"]
    configuration = world.objects.get(
        CONFIGURATION, metadata["namespace"], metadata["labels"][CONFIGURED_BY]
    )
    return bool(
        (configuration or {}).get("status", {}).get("latestCreatedRevisionName") != metadata["name"]
    )

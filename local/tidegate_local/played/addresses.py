"""Addresses that answer on this machine, written into statuses where a real cluster would show its
own names."""

from collections.abc import Iterator, Sequence
from typing import Any

from tidegate.core.ports import Manifest
from tidegate_local.played.gateway import REVISION_OF
from tidegate_local.played.objects import Object

_HTTP = 8080
_KNATIVE_REVISION = "serving.knative.dev/revision"


def addressed(objects: Sequence[Object], name: str, url: str) -> tuple[Object, ...]:
    """The objects of endpoint `name`, with `url` where its clients call, and a pod's own port where
    one revision alone answers."""
    return tuple(_addressed(obj, objects, name, url) for obj in objects)


def _addressed(obj: Object, objects: Sequence[Object], name: str, url: str) -> Object:
    if "status" not in obj:
        return obj
    metadata = obj["metadata"]
    status = obj["status"]
    match obj["kind"]:
        case "HTTPRoute" if metadata["name"] == name:
            return {**obj, "status": {**status, "address": url}}
        case "InferenceService" if metadata["name"] == name:
            return {
                **obj,
                "status": {
                    **status,
                    "address": {"url": url},
                    "components": _tagged(status, objects),
                },
            }
        case "InferenceService":
            label = metadata.get("labels", {}).get(REVISION_OF, "")
            host = next(_hosts(objects, REVISION_OF, label, _HTTP), None)
            if host:
                return {**obj, "status": {**status, "address": {"url": f"http://{host}"}}}
            return obj
    return obj


def _tagged(status: Object, objects: Sequence[Object]) -> Object:
    """Knative's traffic, each tagged target with a port that leads to a pod of it; without a pod it
    has no URL."""
    components: dict[str, Any] = dict(status.get("components", {}))
    predictor = components.get("predictor", {})
    traffic = [
        {**target, "url": _target(target["revisionName"], objects)} if "tag" in target else target
        for target in predictor.get("traffic", ())
    ]
    if traffic:
        return {**components, "predictor": {**predictor, "traffic": traffic}}
    return components


def _target(revision: str, objects: Sequence[Object]) -> str | None:
    manifest = next(
        (o for o in objects if o["kind"] == "Revision" and o["metadata"]["name"] == revision), {}
    )
    containers = manifest.get("spec", {}).get("containers") or [{}]
    port = (containers[0].get("ports") or [{"containerPort": _HTTP}])[0]["containerPort"]
    host = next(_hosts(objects, _KNATIVE_REVISION, revision, port), None)
    if not host:
        return None
    return f"http://{host}"


def host_of(pod: Manifest, port: int) -> str | None:
    """`host:port` where a port of a pod answers on this machine."""
    hosts = dict(map(tuple, pod.get("status", {}).get("hosts", ())))
    if port not in hosts:
        return None
    return str(hosts[port])


def _hosts(objects: Sequence[Object], label: str, value: str, port: int) -> Iterator[str]:
    for pod in objects:
        known = pod["metadata"].get("labels", {})
        if (
            pod["kind"] == "Pod"
            and known.get(label) == value
            and (host := host_of(pod, port)) is not None
        ):
            yield host

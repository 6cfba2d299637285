"""Reading replicas and restarts out of Deployments, Pods and InferenceServices; shared by the
drivers. Why pods are not ready is in `pod_trouble.py`."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from tidegate.core.drivers.pod_containers import model_containers
from tidegate.core.foreign_text import first_words
from tidegate.core.observation import Container
from tidegate.core.ports import Manifest, Snapshot

NOT_WARMED_UP = (
    "TidegateNotWarmedUp"  # the reason of a pod that is ready and has not been warmed up
)
CRASH_LOOP = 3  # restarts without a ready pod that end a rollout
OOM_KILLED = "OOMKilled"
KSERVE = "v1beta1Controllers"  # the component that tells in KServe's controller's events
TRIED_AGAIN = (
    "the object has been modified"  # in the words of a write that met another: the next one passes
)


def seconds(timestamp: str | None) -> float | None:
    """RFC 3339 to epoch seconds."""
    if not timestamp:
        return None
    return datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp()


def condition(manifest: Manifest, kind: str) -> Mapping[str, Any]:
    """A status condition, {} where it is not set."""
    conditions = (manifest.get("status") or {}).get("conditions") or ()
    return next((c for c in conditions if c.get("type") == kind), {})


def ready_since(pod: Manifest) -> float | None:
    """When a pod became ready; None while it is not (or is being deleted)."""
    if pod["metadata"].get("deletionTimestamp"):
        return None
    manifest = condition(pod, "Ready")
    if manifest.get("status") != "True":
        return None
    return (
        seconds(manifest.get("lastTransitionTime") or (pod.get("status") or {}).get("startTime"))
        or 0.0
    )


def not_warmed_up(pod: Manifest) -> bool:
    """Whether this pod has not been warmed up: to the drivers it is not ready, though clients would
    reach it."""
    return condition(pod, "Ready").get("reason") == NOT_WARMED_UP


def restarts(pods: Iterable[Manifest]) -> int:
    """Restarts of the model's own containers over all pods."""
    return sum(each.restarts for pod in pods for each in model_containers(pod))


def troubled(pods: Iterable[Manifest]) -> tuple[Container, ...]:
    """The model's own containers that were restarted or killed for memory, by id. What prepares the
    model or runs beside it is told by name, and fails nobody."""
    judged = (
        Container(f"{pod['metadata']['uid']}/{each.name}", each.restarts, _killed(each.status))
        for pod in pods
        for each in model_containers(pod)
    )
    return tuple(sorted((c for c in judged if c.restarts or c.killed), key=lambda c: c.id))


def _killed(status: Mapping[str, Any]) -> str:
    """Which end of a container was a kill for memory, by the id of what ended; "" for none.
    Kubernetes tells of the last end only, first as its state, then as its last state."""
    for state in (status.get("state") or {}, status.get("lastState") or {}):
        ended = state.get("terminated") or {}
        if ended.get("reason") == OOM_KILLED:
            return str(
                ended.get("containerID")
                or ended.get("finishedAt")
                or f"restart {status.get('restartCount', 0)}"
            )
    return ""


def youngest(pods: Iterable[Manifest]) -> float | None:
    """When the newest ready pod became ready."""
    return max((at for pod in pods if (at := ready_since(pod)) is not None), default=None)


def unmade(isvc: Manifest, snapshot: Snapshot) -> str | None:
    """What KServe could not make of an InferenceService, or a Deployment no pod of, in the words of
    who refused it (a webhook, a policy, a quota); None where nothing was refused since it was made,
    or last was ready."""
    deployment = snapshot.get("Deployment", f"{isvc['metadata']['name']}-predictor") or {
        "metadata": {}
    }
    refused = condition(deployment, "ReplicaFailure")
    if refused.get("status") == "True":
        return first_words(str(refused.get("message") or refused.get("reason")))
    ready = condition(isvc, "Ready")
    times = [deployment["metadata"].get("creationTimestamp")]
    if ready.get("status") == "True":
        times += [ready.get("lastTransitionTime")]
    since = max(seconds(at) or 0.0 for at in times)
    uid = isvc["metadata"].get("uid")
    warnings = snapshot.all("Event")
    about = [
        (_told_at(w), str(w.get("message")))
        for w in warnings
        if w["involvedObject"].get("uid") == uid
        and _teller(w) == KSERVE  # a policy that audits warns, and lets pass
    ]
    messages = max(
        (event for event in about if event[0] >= since and TRIED_AGAIN not in event[1]),
        default=None,
    )
    if not messages:
        return None
    return first_words(f"KServe: {messages[1]}")


def _teller(event: Manifest) -> str:
    return str(
        (event.get("source") or {}).get("component") or event.get("reportingComponent") or ""
    )


def _told_at(event: Manifest) -> float:
    return seconds(event.get("lastTimestamp") or event.get("eventTime")) or 0.0

"""Why the pods of a revision are not ready, in the cluster's words.

Asked of every container: one that prepares the model (its download, a mesh's setup) holds a pod up
as surely as the model's own. What is told is the first of: a container that cannot start or that
crashes, a pod that no node takes, a warning about a pod that still waits for its containers (a
mount, a network), and the end of a pod that was evicted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.core.drivers.pod_containers import PodContainer, Role, containers
from tidegate.core.drivers.pod_state import condition, not_warmed_up, seconds
from tidegate.core.foreign_text import first_words, last_words
from tidegate.core.observation import FailingContainer
from tidegate.core.ports import Manifest, Snapshot

STARTING = frozenset({"", "ContainerCreating", "PodInitializing"})  # reasons to wait that are none
CRASH_LOOP = "CrashLoopBackOff"
ENDED = frozenset({"Failed", "Succeeded"})  # phases of a pod that will not run again
FRESH_S = 180.0  # the kubelet repeats a warning that still holds within two minutes
_OF_CONTAINERS = frozenset({"BackOff", "Failed", "FailedScheduling", "Unhealthy"})  # told better


@dataclass(frozen=True, slots=True)
class PodTrouble:
    """message: in the cluster's words. container: whose log may tell more, None where no container
    has run."""

    message: str
    container: FailingContainer | None = None


def trouble(
    pods: Iterable[Manifest], warnings: Sequence[Manifest] = (), at: float = 0.0
) -> PodTrouble | None:
    """The first trouble of a revision's pods; None while nothing is wrong. warnings: Events. at:
    epoch seconds by the cluster's clock, 0 where unknown."""
    present = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    running = [pod for pod in present if not ended(pod)]
    unready = [pod for pod in running if not _ready(pod)]
    for pod in unready:
        for container in containers(pod):
            message = _container(container)
            if message is not None:
                return PodTrouble(message, _failing(pod, container))
    lines = (_unscheduled(pod) or _warned(pod, warnings, at) for pod in unready)
    message = next((line for line in lines if line is not None), None)
    if message is None and len(unready) == len(running):
        message = _end([pod for pod in present if ended(pod)])
    if message is None:
        return None
    return PodTrouble(message)


NO_TROUBLE = PodTrouble("")


def of_revision(isvc: Manifest | None, pods: Iterable[Manifest], snapshot: Snapshot) -> PodTrouble:
    """Why a revision does not get ready, NO_TROUBLE where nothing is wrong: its pods know best,
    then KServe. isvc: where that tells of
    a model that failed to load, None where it speaks of another revision."""
    seen = trouble(pods, snapshot.all("Event"), snapshot.at)
    if seen is not None:
        return seen
    info = ((isvc or {}).get("status") or {}).get("modelStatus", {}).get("lastFailureInfo") or {}
    words = last_words(str(info.get("message") or info.get("reason") or ""))
    return PodTrouble(words)


def ended(pod: Manifest) -> bool:
    """Whether it will not run again, as one that was evicted: it only lies there."""
    return _status(pod).get("phase") in ENDED


def _status(pod: Manifest) -> Mapping[str, Any]:
    return pod.get("status") or {}


def _ready(pod: Manifest) -> bool:
    """To the cluster: one that only was not warmed up has no trouble."""
    return condition(pod, "Ready").get("status") == "True" or not_warmed_up(pod)


def _container(container: PodContainer) -> str | None:
    """What holds a container up, with its name where it is not the model's own."""
    message = _waits(container) or _ended(container)
    if message is None or container.role is Role.MODEL:
        return message
    return f"{container.name}: {message}"


def _waits(container: PodContainer) -> str | None:
    waiting = container.state("waiting")
    reason = str(waiting.get("reason") or "")
    if reason in STARTING:
        return None
    detail = first_words(str(waiting.get("message") or ""))
    if reason == CRASH_LOOP:
        return _crash(container.last_end) or detail or reason
    if not detail or reason in detail:
        return detail or reason
    return f"{reason}: {detail}"


def _ended(container: PodContainer) -> str | None:
    """How it ended, now or before its last start. Init containers that did their work are done."""
    now = container.state("terminated")
    end = now or container.last_end
    if not end or end.get("exitCode") == 0 or (container.role is Role.INIT and _done(container)):
        return None
    if container.role is Role.SIDECAR and not now and container.status.get("ready"):
        return None
    return _crash(end)


def _done(container: PodContainer) -> bool:
    return container.state("terminated").get("exitCode") == 0


def _crash(end: Mapping[str, Any]) -> str | None:
    """An end in words: what the container said last, else its reason and exit code."""
    if not end:
        return None
    message = last_words(str(end.get("message") or ""))
    if message:
        return message
    reason = str(end.get("reason") or "ended")
    if "exitCode" not in end:
        return reason
    return f"{reason}, exit code {end['exitCode']}"


def _failing(pod: Manifest, container: PodContainer) -> FailingContainer | None:
    """The container with the log that tells why; one that never ran has none."""
    over = bool(container.state("terminated"))
    if not (container.running or over or container.last_end):
        return None
    meta = pod["metadata"]
    before = bool(container.last_end) and not over
    return FailingContainer(
        str(meta["name"]), str(meta.get("uid", "")), container.name, container.restarts, before
    )


def _unscheduled(pod: Manifest) -> str | None:
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") != "False":
        return None
    return first_words(str(scheduled.get("message") or scheduled.get("reason")))


def _warned(pod: Manifest, warnings: Sequence[Manifest], at: float) -> str | None:
    """The newest warning about a pod whose containers have not started yet."""
    if any(each.running for each in containers(pod)):
        return None
    messages = sorted(_about(pod, warnings, at))
    if not messages:
        return None
    return messages[-1][1]


def _about(pod: Manifest, warnings: Sequence[Manifest], at: float) -> Iterator[tuple[float, str]]:
    uid = pod["metadata"].get("uid")
    for event in warnings:
        when = seconds(event.get("lastTimestamp") or event.get("eventTime")) or 0.0
        if event["involvedObject"].get("uid") != uid or event.get("reason") in _OF_CONTAINERS:
            continue
        if at - when <= FRESH_S:
            message = str(event.get("message") or "")
            yield when, first_words(f"{event.get('reason')}: {message}")


def _end(pods: Sequence[Manifest]) -> str | None:
    """Why the pod that ended last did, where the kubelet gave a reason."""
    reasons = [pod for pod in pods if _status(pod).get("reason")]
    if not reasons:
        return None
    status = _status(max(reasons, key=lambda pod: str(_status(pod).get("startTime") or "")))
    return first_words(f"{status['reason']}: {status.get('message') or ''}".rstrip(": "))

"""The containers of a pod: the model's own, those that prepare it, and those beside it.

Only the model's own is judged. What a mesh or Knative puts beside it (istio-proxy, queue-proxy)
restarts for reasons of its own; people are told of it by name.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tidegate.core.ports import Manifest

MODEL_CONTAINER = "kserve-container"  # as KServe names it, in both modes
MOST_NOTES = 5


class Role(StrEnum):
    """What a container is for."""

    INIT = "init"
    MODEL = "model"
    SIDECAR = "sidecar"


@dataclass(frozen=True, slots=True)
class PodContainer:
    """One container as its pod's status shows it."""

    name: str
    role: Role
    status: Mapping[str, Any]

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return int(self.status.get("restartCount") or 0)

    def state(self, kind: str) -> Mapping[str, Any]:
        """Its present state of this kind, `waiting` or `terminated`; {} while it has another."""
        return (self.status.get("state") or {}).get(kind) or {}

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return "running" in (self.status.get("state") or {})

    @property
    def last_end(self) -> Mapping[str, Any]:
        """How it ended before its last start; {} where it never did."""
        return (self.status.get("lastState") or {}).get("terminated") or {}


def containers(pod: Manifest) -> tuple[PodContainer, ...]:
    """Init containers in their order, the model's, those beside it."""
    return (*_init(pod), *_main(pod))


def model_containers(pod: Manifest) -> tuple[PodContainer, ...]:
    """Those that are judged."""
    return tuple(each for each in containers(pod) if each.role is Role.MODEL)


def _init(pod: Manifest) -> Iterator[PodContainer]:
    """An init container that stays (Kubernetes: a sidecar container) is beside the model."""
    specs = (pod.get("spec") or {}).get("initContainers") or ()
    staying = {spec.get("name") for spec in specs if spec.get("restartPolicy") == "Always"}
    for status in (pod.get("status") or {}).get("initContainerStatuses") or ():
        role = Role.INIT
        if status.get("name") in staying:
            role = Role.SIDECAR
        yield PodContainer(str(status.get("name")), role, status)


def _main(pod: Manifest) -> tuple[PodContainer, ...]:
    """A pod that KServe did not name the containers of has none beside the model."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    named = any(status.get("name") == MODEL_CONTAINER for status in statuses)
    members = []
    for status in statuses:
        role = Role.MODEL
        if named and status.get("name") != MODEL_CONTAINER:
            role = Role.SIDECAR
        members.append(PodContainer(str(status.get("name")), role, status))
    return tuple(sorted(members, key=lambda each: each.role is not Role.MODEL))


def restarted_beside(pods: Iterable[Manifest]) -> tuple[str, ...]:
    """A line for each container that is not judged and was restarted, over all pods."""
    restarts: dict[str, int] = {}
    for pod in pods:
        for each in containers(pod):
            if each.role is not Role.MODEL and each.restarts:
                restarts[each.name] = restarts.get(each.name, 0) + each.restarts
    lines = [f"{name}: {_times(count)}" for name, count in sorted(restarts.items())]
    return tuple(lines[:MOST_NOTES])


def _times(count: int) -> str:
    if count == 1:
        return "1 restart"
    return f"{count} restarts"

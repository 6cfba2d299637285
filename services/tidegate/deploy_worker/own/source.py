"""Who reads people's own metrics."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from tidegate.core.drivers.rendering import number_of
from tidegate.core.intent import EndpointKey
from tidegate.core.own.due import OwnRequest
from tidegate.core.own.readings import OwnReading
from tidegate.core.ports import Snapshot

Pods = Mapping[int, tuple[str, ...]]  # names, by revision


class OwnSource(Protocol):
    """See the module."""

    def read(
        self, key: EndpointKey, pods: Pods, requests: Sequence[OwnRequest]
    ) -> tuple[OwnReading, ...]:
        """A reading for each request, within a bounded time; one that could not be read has its
        trouble. Never raises."""


class NoSource:
    """Reads nothing, and says why."""

    def __init__(self, detail: str) -> None:
        self._detail = detail

    def read(
        self, _key: EndpointKey, _pods: Pods, requests: Sequence[OwnRequest]
    ) -> tuple[OwnReading, ...]:
        """See OwnSource."""
        return tuple(
            OwnReading(each.own.name, each.asked, trouble=self._detail, refused=True)
            for each in requests
        )


def pods_of(snapshot: Snapshot, revisions: Sequence[int]) -> Pods:
    """The names of the revisions' pods."""
    pods = snapshot.all("Pod")
    return {
        revision: tuple(
            sorted(pod["metadata"]["name"] for pod in pods if number_of(pod) == revision)
        )
        for revision in revisions
    }

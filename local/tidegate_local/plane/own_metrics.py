"""People's own metrics on the local plane: the ready-made ones, from the counters of its
tritonservers. There is no Prometheus, so that no query is answered."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from tidegate.core.intent import EndpointKey
from tidegate.core.own.due import OwnRequest
from tidegate.core.own.readings import OwnReading, Tally
from tidegate.core.own.spec import ReadyMade
from tidegate.core.ports import Unavailable
from tidegate.core.triton.metrics import FAILURE, QUEUE_US, SUCCESS
from tidegate.deploy_worker.own.source import Pods

_NO_QUERIES = (
    "the local plane has no Prometheus, so it answers no query: use triton_queue_time, "
    "triton_failures or a burn_rate of all answers here"
)
_NO_GPU = "no series: Triton has no GPU here"


class Totals(Protocol):
    """Who knows what the tritonservers count."""

    def triton_totals(
        self, key: EndpointKey, revision: int
    ) -> dict[str, dict[str, int]] | Unavailable:
        """By pod and name of the counter."""


class LocalOwn:
    """`OwnSource` of the local plane. clock: epoch seconds."""

    def __init__(self, plane: Totals, clock: Callable[[], float] = time.time) -> None:
        self._plane = plane
        self._clock = clock

    def read(
        self, key: EndpointKey, _pods: Pods, requests: Sequence[OwnRequest]
    ) -> tuple[OwnReading, ...]:
        """See OwnSource."""
        return tuple(self._read(key, request) for request in requests)

    def _read(self, key: EndpointKey, request: OwnRequest) -> OwnReading:
        own = request.own
        if own.ready is None:
            return OwnReading(own.name, request.asked, trouble=_NO_QUERIES, refused=True)
        if own.ready is ReadyMade.GPU_SECONDS:
            return OwnReading(own.name, request.asked, trouble=_NO_GPU)
        tallies: list[Tally] = []
        for revision in request.revisions:
            totals = self._plane.triton_totals(key, revision)
            if isinstance(totals, Unavailable):
                return OwnReading(own.name, request.asked, trouble=totals.detail)
            known = {pod: counts for pod, counts in totals.items() if SUCCESS in counts}
            if not known:
                trouble = f"no series of r{revision}: none of its pods answers"
                return OwnReading(own.name, request.asked, trouble=trouble)
            tallies += [_tally(own.ready, pod, revision, known[pod]) for pod in sorted(known)]
        at = self._clock()
        return OwnReading(own.name, request.asked, at, at, tuple(tallies))


def _tally(ready: ReadyMade, pod: str, revision: int, counts: dict[str, int]) -> Tally:
    success = counts[SUCCESS]
    if ready is ReadyMade.QUEUE_TIME:
        return Tally(pod, revision, counts.get(QUEUE_US, 0), success)
    return Tally(pod, revision, success, success + counts.get(FAILURE, 0))

"""How long it takes to start a revision's pods here, and to go home: read off the pods that run now."""

from collections.abc import Iterator

from tidegate.core.drivers import looks
from tidegate.core.drivers.rendering import number_of
from tidegate.core.intent import Mode
from tidegate.core.ports import Snapshot
from tidegate.core.preflight import Request

ROUTE_S = 1.0  # one change of weights: a round of the worker and the gateway's own delay


def starts(snapshot: Snapshot, stable: int | None) -> float | None:
    """Seconds from a pod's creation to its readiness, the slowest of stable's; None where none is ready."""
    return max(_starts(snapshot, stable), default=None)


def _starts(snapshot: Snapshot, stable: int | None) -> Iterator[float]:
    for pod in snapshot.all("Pod"):
        made = looks.seconds(pod["metadata"].get("creationTimestamp"))
        ready = looks.ready_since(pod)
        if number_of(pod) == stable and made is not None and ready:
            yield max(ready - made, 0.0)


def undo(request: Request, start: float | None) -> tuple[float | None, str]:
    """Seconds until stable has everything again, and how, for a person."""
    if request.rollout is None:
        return None, ""
    base, rollout = f"r{request.rollout.base}", request.rollout
    anew = "as long as its pods need to start" if start is None else f"about {start:.0f} s, as its pods took to start"
    if request.intent.mode is Mode.KNATIVE:
        home = None if start is None else start + ROUTE_S
        return home, f"{base} starts its pods again: {anew}; until then the other has nothing more than it had"
    window = rollout.strategy.deadlines.undo / 60
    return ROUTE_S, (
        f"one change of weights, about {ROUTE_S:.0f} s: {base} is kept warm for {window:.0f} min after a promotion; "
        f"later it starts again ({anew})"
    )

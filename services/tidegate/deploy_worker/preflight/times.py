"""How long it takes to start a revision's pods here, and to roll back: read off the pods that run
now."""

from collections.abc import Sequence

from tidegate.core.drivers import pod_state
from tidegate.core.drivers.rendering import number_of
from tidegate.core.duration import lasts
from tidegate.core.intent import Mode
from tidegate.core.ports import Manifest, Snapshot
from tidegate.core.preflight import Request

_COMPLETE = "NewReplicaSetAvailable"  # apps/v1: every pod that is asked for was available
ROUTE_S = 1.0  # one change of weights: a reconcile of the worker and the gateway's own delay


def starts(snapshot: Snapshot, stable: int | None) -> float | None:
    """Seconds from a pod's creation to its first readiness, the slowest of stable's Deployments.

    None where that is not known any more: a pod tells only when its readiness last changed.
    """
    pods = [pod for pod in snapshot.all("Pod") if number_of(pod) == stable]
    made = [pod_state.seconds(pod["metadata"].get("creationTimestamp")) for pod in pods]
    times = (_start(item, made) for item in snapshot.all("Deployment") if number_of(item) == stable)
    return max((seconds for seconds in times if seconds is not None), default=None)


def _start(deployment: Manifest, made: Sequence[float | None]) -> float | None:
    """From the creation of the last pod that it needed until all were available for the first time.

    Kubernetes leaves `Progressing` alone from then on, whatever becomes of the pods.
    """
    progress = pod_state.condition(deployment, "Progressing")
    available = pod_state.seconds(progress.get("lastUpdateTime"))
    if progress.get("reason") != _COMPLETE or available is None:
        return None
    before = [created for created in made if created is not None and created <= available]
    if not before:
        return None
    return available - max(before)


def undo(request: Request, start: float | None) -> tuple[float | None, str]:
    """Seconds until stable has everything again, and how, for a person."""
    if request.rollout is None:
        return None, ""
    base = f"r{request.rollout.base}"
    rollout = request.rollout
    anew = "as long as its pods need to start"
    if start is not None:
        anew = f"about {lasts(start)}, as its pods took to start"
    if request.intent.mode is Mode.KNATIVE:
        rollback = None
        if start is not None:
            rollback = start + ROUTE_S
        return (
            rollback,
            f"{base} starts its pods again: {anew}; until then the other has nothing more than it "
            "had",
        )
    standby = max(rollout.strategy.deadlines.undo, rollout.strategy.watch.seconds)
    return ROUTE_S, (
        f"one change of weights, about {lasts(ROUTE_S)}: {base} is on standby for "
        f"{lasts(standby)} after a promotion; later it starts again "
        f"({anew})"
    )

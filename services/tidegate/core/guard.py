"""What happens to a rollout whose pipeline sends no more heartbeats.
 A pipeline's tasks send heartbeats while they wait. A pod that is killed, a run that is cancelled or a driver that
never comes back says nothing at all, so the rule lives here and not in the pipeline. The time
without a heartbeat is a sum of observed intervals, like every wait: an outage of the worker, during
which nobody could hear a heartbeat, does not count against the pipeline.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

HEARTBEAT_TIMEOUT_S = 900.0  # a pipeline's pods may queue for minutes between two tasks


class OnHeartbeatTimeout(StrEnum):
    """What a rollout does without its pipeline."""

    CONTINUE = "continue"  # the rollout controller goes on by itself; the timeout is shown
    # nothing rises until a heartbeat or a person's resume; then the pause's own deadline
    PAUSE = "pause"
    ABORT = "abort"  # back to stable


@dataclass(frozen=True, slots=True)
class Guard:
    """What the author of a rollout chose. timeout: seconds without a heartbeat that count as
    gone."""

    on_heartbeat_timeout: OnHeartbeatTimeout = OnHeartbeatTimeout.CONTINUE
    timeout: float = HEARTBEAT_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The last heartbeat. at: by the database's clock. released: the pipeline has done its part."""

    at: float
    released: bool = False


@dataclass(frozen=True, slots=True)
class Heartbeats:
    """What the rollout controller remembers. since: observed seconds since a heartbeat was new.
    missed: the timeout has been acted on, once; a person may go on since then."""

    at: float | None = None
    since: float = 0.0
    missed: bool = False
    released: bool = False


def listen(
    guard: Guard, before: Heartbeats, heartbeat: Heartbeat | None, elapsed: float
) -> Heartbeats:
    """The heartbeats after `elapsed` more observed seconds. `missed` turns true with the reconcile
    that must act."""
    if heartbeat is not None and heartbeat.released:
        return Heartbeats(heartbeat.at, released=True)
    if heartbeat is not None and heartbeat.at != before.at:
        return Heartbeats(heartbeat.at)
    since = before.since + elapsed
    return replace(before, since=since, missed=before.missed or since >= guard.timeout)

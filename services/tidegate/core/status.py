"""The status of an endpoint: one typed value, stored as JSON, answered by the API."""

from dataclasses import dataclass
from enum import StrEnum

from tidegate.core.conditions import Condition
from tidegate.core.failed_writes import FailedWrite
from tidegate.core.observed import Live
from tidegate.core.traffic import Traffic


class EndpointPhase(StrEnum):
    """An endpoint in one word."""

    PENDING = "pending"  # nothing has looked at it yet
    READY = "ready"
    PROGRESSING = "progressing"
    DEGRADED = "degraded"
    BLOCKED = "blocked"  # nothing is written until a person does something
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"
    DELETING = "deleting"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """What the last reconcile saw and did.

    phase, message: a word and a line for people, both computed from `conditions`. generation: of the intent that the
    cluster is at, None where it carries no stamp of ours. traffic: what the data plane is told to do, None without a
    route. settled: whether that route is accepted, with its references resolved. live: the revisions that run.
    waiting: every line that somebody may want to read. drift: what somebody else changed. urls: where clients call the
    endpoint. requests_per_second: over all revisions, None where nothing was measured. refusals: writes that came to
    nothing, kept for the next reconcile. conditions: what holds now, the most important first.
    """

    phase: EndpointPhase = EndpointPhase.PENDING
    message: str = ""
    generation: int | None = None
    traffic: Traffic | None = None
    settled: bool = False
    live: tuple[Live, ...] = ()
    waiting: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    requests_per_second: float | None = None
    refusals: tuple[FailedWrite, ...] = ()
    conditions: tuple[Condition, ...] = ()

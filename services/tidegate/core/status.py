"""The status of an endpoint: one typed value, stored as JSON, answered by the API. Its phase goes
by codes."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tidegate.core.conditions import Code, Condition
from tidegate.core.drift import Drift
from tidegate.core.failed_writes import FailedWrite
from tidegate.core.observation import Live
from tidegate.core.traffic import Traffic
from tidegate.core.watch_values import WatchStatus


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

    phase, message: a word and a line for people, both computed from `conditions`. generation: of
    the intent that the cluster is at, None where it carries no stamp of ours. traffic: what the
    data plane is told to do, None without a route. settled: whether that route is accepted, with
    its references resolved. live: the revisions that run. waiting: every line that somebody may
    want to read. drift: fields that somebody else changed, now or lately. urls: where clients call
    the endpoint.
    requests_per_second: over all revisions; error_rate: of stable, 0..1; None where nothing was
    measured (`load`). refusals: writes that came to nothing, kept for the next reconcile.
    watch: the one that follows the last promotion, None where none does.
    conditions: what holds now, the most important first.
    """

    phase: EndpointPhase = EndpointPhase.PENDING
    message: str = ""
    generation: int | None = None
    traffic: Traffic | None = None
    settled: bool = False
    live: tuple[Live, ...] = ()
    waiting: tuple[str, ...] = ()
    drift: tuple[Drift, ...] = ()
    urls: tuple[str, ...] = ()
    requests_per_second: float | None = None
    error_rate: float | None = None
    refusals: tuple[FailedWrite, ...] = ()
    watch: WatchStatus | None = None
    conditions: tuple[Condition, ...] = ()


_BLOCKS = frozenset(
    {
        Code.NAME_TAKEN,
        Code.OTHER_INSTALLATION,
        Code.DATABASE_OLDER,
        Code.DATABASE_FORKED,
        Code.NOT_ALLOWED,
        Code.TIDEGATE_FAULT,
    }
)
_DEGRADES = frozenset({Code.WRITE_REFUSED, Code.WRITE_UNDONE})
# What is said only where nothing else is.
_SUMMARY = frozenset(
    {
        Code.SERVING,
        Code.STABLE_MISSING,
        Code.STABLE_STARTING,
        Code.TRAFFIC_DIFFERS,
        Code.ROUTE_PENDING,
        Code.DELETING,
        Code.GONE,
    }
)
# What is said of the acting rollout, of stable and of others, beside the reasons for waiting.
_ASIDE = frozenset(
    {
        Code.ROLLOUT,
        Code.STABLE_FAILING,
        Code.DRIFT,
        Code.METRIC_FAILED,
        Code.WOULD_HAVE_ABORTED,
        Code.WOULD_HAVE_PAUSED,
        Code.WATCH_COMPARING,
        Code.SHARED_OUTAGE,
        Code.WATCH_FAILED,
        Code.STANDBY_RELEASED,
    }
)


def phase_of(conditions: Sequence[Condition]) -> EndpointPhase:
    """The word for these conditions."""
    codes = {condition.code for condition in conditions}
    if Code.CLUSTER_UNREACHABLE in codes:
        return EndpointPhase.UNREACHABLE
    if codes & _BLOCKS:
        return EndpointPhase.BLOCKED
    if Code.GONE in codes:
        return EndpointPhase.GONE
    if Code.DELETING in codes:
        return EndpointPhase.DELETING
    if codes & _DEGRADES:
        return EndpointPhase.DEGRADED
    if Code.SERVING in codes and Code.OBJECT_NEEDED not in codes:
        return EndpointPhase.READY
    if Code.STABLE_FAILING in codes:
        return EndpointPhase.DEGRADED
    return EndpointPhase.PROGRESSING


def message_of(conditions: Sequence[Condition]) -> str:
    """One line: every reason, or the summary where there is none."""
    gone = [condition.message for condition in conditions if condition.code is Code.GONE]
    reasons = [c.message for c in conditions if c.code not in _SUMMARY]
    summary = [c.message for c in conditions if c.code in _SUMMARY]
    return "; ".join(dict.fromkeys(gone or reasons or summary))


def waiting_of(conditions: Sequence[Condition]) -> tuple[str, ...]:
    """The lines about what waits."""
    return tuple(c.message for c in conditions if c.code not in _SUMMARY | _ASIDE)

"""Conditions: what holds of an endpoint now, by closed codes. Programs go by the code, people read
the message."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Param = str | int | float


class Code(StrEnum):
    """Every condition that a reconcile may set."""

    # nothing can be done, or nothing may be written
    CLUSTER_UNREACHABLE = "cluster-unreachable"
    TIDEGATE_FAULT = "tidegate-fault"
    NAME_TAKEN = "name-taken"  # an object that is not ours holds a name of ours
    OTHER_INSTALLATION = "other-installation"  # the cluster's objects belong to another database
    DATABASE_OLDER = "database-older"  # a restored backup does not know what the cluster runs
    DATABASE_FORKED = "database-forked"  # it went its own way from an older backup
    NOT_ALLOWED = (
        "not-allowed"  # the tenant's allow-list does not allow what an endpoint would begin with
    )
    # a rollout
    ROLLOUT = "rollout"  # what the acting rollout does, or waits for
    CANDIDATE_NOT_ALLOWED = (
        "candidate-not-allowed"  # it does not allow the candidate: that gets no more
    )
    NOT_WARM = "not-warm"  # pods that have not answered their first inference
    CONTRACT_UNREAD = "contract-unread"  # the model contract cannot be compared yet
    CANDIDATE_TOO_SMALL = "candidate-too-small"  # it turns requests away: paused
    MAX_EXPOSED = "max-exposed"  # so many requests without a verdict: paused, without a share
    TIME_BOX = "time-box"  # a step's time box is over: paused, its bound may be accepted
    NO_TRAFFIC = "no-traffic"  # a step waits for requests, and nobody calls
    METRIC_FAILED = "metric-failed"  # the plan says pause or notify
    WOULD_HAVE_ABORTED = "would-have-aborted"  # the tenant is in trial
    WOULD_HAVE_PAUSED = "would-have-paused"
    NO_EVIDENCE = "no-evidence"  # the metric source does not answer
    STEP_REFUSED = "step-refused"  # the rule book refuses the rollout's next intent
    # the cluster
    WRITE_REFUSED = "write-refused"  # by admission
    WRITE_UNDONE = "write-undone"  # admission changed it back
    WRITE_UNANSWERED = "write-unanswered"
    OBJECT_LEAVING = "object-leaving"  # somebody deletes it; nothing is written until it is gone
    OBJECT_NEEDED = "object-needed"  # the same, and it is made again then
    WRITES_WAIT = "writes-wait"  # the driver's next write has to wait
    STABLE_FAILING = "stable-failing"
    STABLE_MISSING = "stable-missing"
    STABLE_STARTING = "stable-starting"  # too few ready replicas
    DRIFT = "drift"  # somebody else changed a field of an object of ours
    TRAFFIC_DIFFERS = "traffic-differs"  # what is routed is not what is desired
    ROUTE_PENDING = "route-pending"  # the gateway has not taken the route yet
    DELETING = "deleting"
    GONE = "gone"
    SERVING = "serving"  # nothing is missing


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that holds now. message: a line for people. params: the values in it, by name."""

    code: Code
    message: str
    params: Mapping[str, Param] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Wait:
    """A condition that may end by itself. wake_in: seconds until it is looked at again; None:
    whatever ends it wakes the endpoint."""

    condition: Condition
    wake_in: float | None = None

"""The values of a rollout: what was asked for, its progress, people's actions, a decision."""

from dataclasses import dataclass, replace
from enum import StrEnum

from tidegate.core.contract import Contract
from tidegate.core.evidence import Evidence, MetricVerdict
from tidegate.core.findings import Finding
from tidegate.core.guard import Guard, Heartbeats
from tidegate.core.incidents import Incidents
from tidegate.core.intent import Intent
from tidegate.core.strategy import Strategy
from tidegate.core.thinning import Thinning
from tidegate.core.time_box import Allowance
from tidegate.core.traffic import Traffic


class ActionKind(StrEnum):
    """What a person can ask of a running rollout."""

    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"
    UNDO = "undo"  # abort, as whoever asked to undo calls it
    PROMOTE = "promote"
    APPROVE = "approve"
    REJECT = "reject"
    OVERRIDE = "override"  # the percent is this person's until resume
    SUPERSEDE = "supersede"  # abort, because another candidate waits


@dataclass(frozen=True, slots=True)
class Action:
    """One action, append-only; `id` rises. at: epoch seconds when it was accepted, None where that
    was not kept."""

    id: int
    kind: ActionKind
    author: str
    reason: str = ""
    at: float | None = None


class Outcome(StrEnum):
    """How a rollout ended."""

    PROMOTED = "promoted"
    ABORTED = "aborted"
    KEPT_STABLE = "kept-stable"
    SUPERSEDED = "superseded"


class PauseKind(StrEnum):
    """Why a rollout does not rise although it could."""

    PAUSED = "paused"  # by a person
    NO_DATA = "no-data"  # the data deadline passed
    FAILING = "failing"  # a metric failed of which the plan says pause
    TOO_SMALL = "too-small"  # the candidate turns requests away for want of capacity
    NO_HEARTBEAT = "no-heartbeat"  # its pipeline is gone
    NOT_ALLOWED = "not-allowed"  # its tenant may not name what the candidate names
    NO_STABLE = "no-stable"  # stable has no ready pod
    TIME_BOX = "time-box"  # a step's time box is over, and its bound waits to be accepted
    EXPOSED = "exposed"  # it answered as many requests as it may without a verdict


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause: upward moves stop, a `fail` still aborts. postponed: the reason of the abort that
    waits for a ready pod of stable, '' where none does."""

    kind: PauseKind
    author: str
    message: str
    postponed: str = ""


@dataclass(frozen=True, slots=True)
class Rollout:
    """A rollout as it was asked for. guard: where a pipeline drives it, what happens without it.
    accept_breaking: its author answers for a candidate that breaks stable's contract. run_id: of
    the pipeline run that started it, '' where no pipeline did. trial: its tenant was in trial when
    it started, so no verdict moves its traffic."""

    id: str
    strategy: Strategy
    base: int
    candidate: int
    author: str
    reason: str = ""
    attempt: int = 1
    guard: Guard | None = None
    accept_breaking: bool = False
    run_id: str = ""
    trial: bool = False


STARTING = -1


class WaitsFor(StrEnum):
    """What a rollout waits for; each wait has its own deadline."""

    NOTHING = ""
    READY = "ready"  # the candidate's pods, or what they promise
    SPLIT = "split"  # the traffic of its step shows
    BAKE = "bake"  # the step's least time
    DATA = "data"  # requests, until every metric is answered
    APPROVAL = "approval"
    PAUSE = "pause"
    PROMOTION = "promotion"  # it takes all traffic
    RETURN = "return"  # it loses its traffic


@dataclass(frozen=True, slots=True)
class StepProgress:
    """Where a rollout is in its plan. index: STARTING while the candidate gets ready, then an index
    into the steps, len(steps) at the end. baked: observed seconds in which the step's split showed.
    since: when that split first showed. approved_by: the person's answer to this step."""

    index: int = STARTING
    baked: float = 0.0
    since: float | None = None
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class StepAnswer:
    """A person's answer to a step that waited for one. step: its number, from 1. kind: approve or
    promote. at: epoch seconds, None where that was not kept."""

    step: int
    kind: ActionKind
    author: str
    at: float | None = None


@dataclass(frozen=True, slots=True)
class RolloutWait:
    """The present wait. seconds: how long it has lasted, observed."""

    kind: WaitsFor = WaitsFor.NOTHING
    seconds: float = 0.0


NO_WAIT = RolloutWait()


@dataclass(frozen=True, slots=True)
class Routed:
    """The traffic of the last reconcile. since: when it last changed, None where nobody knows."""

    traffic: Traffic | None = None
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was counted, and what follows from it. sample: the last sample of the user's own
    experiment that was judged."""

    evidence: Evidence = Evidence()  # noqa: RUF009  (frozen)
    verdicts: tuple[MetricVerdict, ...] = ()
    sample: int = 0


@dataclass(frozen=True, slots=True)
class CandidatePods:
    """What befell the candidate's pods. alive: whether one was ready. losses: how often the last
    ready one was lost. incidents: restarts and their like. findings: what these answer."""

    alive: bool = False
    losses: int = 0
    incidents: Incidents = Incidents()  # noqa: RUF009  (frozen)
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class End:
    """How a rollout ends, once that is decided. toward: where it goes. message, at: why, and since
    when. standby_until: end of the undo window. tidy: nothing is left to do."""

    toward: Outcome | None = None
    message: str = ""
    at: float | None = None
    standby_until: float | None = None
    tidy: bool = False


class WouldHave(StrEnum):
    """What a rollout in trial would have done."""

    ABORTED = "aborted"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Would:
    """The first time that a rollout in trial would have done so. at: epoch seconds. step: from one.
    percent: of the candidate then. requests: that it had answered. message: why."""

    action: WouldHave
    at: float
    step: int
    percent: int
    requests: int
    message: str


@dataclass(frozen=True, slots=True)
class Progress:
    """What the rollout controller remembers of a rollout; stored with its evidence in one
    transaction.

    Observed seconds are capped at each interval, so that an outage or a clock that jumps neither
    finishes nor freezes anything. Times are epoch seconds by the database's clock. at: the last
    reconcile. message: of the last decision. action: the last action consumed. override: who sets
    the percent. outcome: set when the cluster shows the end. heartbeats: what was last heard of its
    pipeline. contract: the candidate's beside stable's, once compared. base: what was stable when
    an undo began, where that is not what was stable when it was asked for. answers: people's, to
    its steps. thinning: how far its series of samples is. would: of a rollout in trial, what would
    have been done. allowance: what was granted beyond the plan.
    """

    at: float | None = None
    message: str = ""
    step: StepProgress = StepProgress()
    wait: RolloutWait = RolloutWait()
    routed: Routed = Routed()
    analysis: Judgement = Judgement()
    pods: CandidatePods = CandidatePods()
    action: int = 0
    override: str | None = None
    pause: Pause | None = None
    end: End = End()
    outcome: Outcome | None = None
    heartbeats: Heartbeats = Heartbeats()  # noqa: RUF009  (frozen)
    contract: Contract | None = None
    base: int | None = None
    answers: tuple[StepAnswer, ...] = ()
    thinning: Thinning = Thinning()  # noqa: RUF009  (frozen)
    would: tuple[Would, ...] = ()
    allowance: Allowance = Allowance()  # noqa: RUF009  (frozen)


def with_base(rollout: Rollout, progress: Progress) -> Rollout:
    """The rollout with the base that it has by now: stable may have changed between the moment when
    an undo was asked for and its beginning."""
    if progress.base is None:
        return rollout
    return replace(rollout, base=progress.base)


@dataclass(frozen=True, slots=True)
class Note:
    """One line for the ledger: who decided what, why."""

    author: str
    action: str
    message: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rollout controller wants: perhaps a next intent, always its progress, a reason and
    when to look again."""

    progress: Progress
    message: str
    wake_at: float | None
    intent: Intent | None = None
    notes: tuple[Note, ...] = ()


class Phase(StrEnum):
    """A rollout in one word, computed, never stored."""

    STARTING = "starting"
    PROGRESSING = "progressing"
    WAITING = "waiting"  # for a person
    PAUSED = "paused"
    PROMOTING = "promoting"
    ABORTING = "aborting"
    PROMOTED = "promoted"
    ABORTED = "aborted"
    KEPT_STABLE = "kept-stable"
    SUPERSEDED = "superseded"

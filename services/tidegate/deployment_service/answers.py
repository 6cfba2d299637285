"""What the service answers: pydantic models, so that the OpenAPI document shows every field. Times are ISO 8601 in
UTC, by the database's clock."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from tidegate.core.guard import WhenGone
from tidegate.core.intent import Mode
from tidegate.core.ports import State
from tidegate.core.preflight import Level
from tidegate.core.rollout import HoldKind, Outcome, Phase, WishKind
from tidegate.core.strategy import Kind, Until


class Answer(BaseModel):
    """Base of what mutating calls answer. `dry_run`: nothing was written. `warnings`: accepted, but not as one may
    think."""

    dry_run: bool = False
    warnings: list[str] = []


class FindingOut(BaseModel):
    """One thing that preflight found; `level` problem refuses, so an answer has warnings and what was not checked."""

    level: Level
    rule: str
    detail: str
    step: str = Field(default="", examples=["step 3 of 5: 10 %"])
    object: str = Field(default="", examples=["HTTPRoute team-a/fraud"])
    path: str = Field(default="", description="JSON path in the object")


class PreflightOut(BaseModel):
    """What was looked at before this was accepted. `checked`: objects that went through the cluster's admission."""

    checked: int
    findings: list[FindingOut]
    start_seconds: float | None = Field(description="Until pods are ready, as stable's were; null: unknown")
    undo_seconds: float | None = Field(description="Until stable has everything again; null: unknown")
    undo: str = Field(description="How it goes back, for a person")


class ModelOut(Answer):
    """A registered model."""

    model_id: str
    description: str
    created_at: datetime
    created_by: str


class VersionOut(Answer):
    """A version of a model. `mutable`: its bytes may change under us."""

    model_id: str
    version_id: str
    uri: str
    digest: str
    mutable: bool
    created_at: datetime
    created_by: str


class ModelsPage(BaseModel):
    """A page of models."""

    items: list[ModelOut]
    next_page_token: str | None = None


class VersionsPage(BaseModel):
    """Versions of a model."""

    items: list[VersionOut]
    next_page_token: str | None = None


class RevisionOut(BaseModel):
    """An immutable revision: model and runtime."""

    number: int
    label: str = Field(examples=["r2"])
    model_id: str
    model_version_id: str
    uri: str
    digest: str
    runtime: dict[str, Any]
    adopted: bool = Field(default=False, description="An InferenceService that somebody else made; always r0")
    created_at: datetime | None = None
    created_by: str | None = None


class RevisionsPage(BaseModel):
    """Every revision of an endpoint, oldest first."""

    items: list[RevisionOut]
    next_page_token: str | None = None


class ShareOut(BaseModel):
    """Percent of a rule's requests."""

    revision: int
    percent: int


class RuleOut(BaseModel):
    """Who answers the requests that carry `match`; empty: all the others."""

    match: list[dict[str, str]]
    shares: list[ShareOut]
    mirrors: list[ShareOut]


class TrafficOut(BaseModel):
    """All rules, and one line for people."""

    rules: list[RuleOut]
    text: str


class BothTraffics(BaseModel):
    """What should be and what the data plane is told to do; null: not known, or no route."""

    desired: TrafficOut | None
    observed: TrafficOut | None


class ScalingOut(BaseModel):
    """Replica bounds of each revision."""

    minReplicas: int  # noqa: N815
    maxReplicas: int  # noqa: N815
    keda: bool


class StepOut(BaseModel):
    """One step of a plan. `expected_seconds`: at the endpoint's present request rate, null where that is unknown or
    the step would never end by itself."""

    percent: int
    match: list[dict[str, str]]
    mirror_percent: int
    size: int
    until: Until
    bake_seconds: float
    baked_seconds: float
    state: str = Field(examples=["current"], description="done, current or ahead")
    expected_seconds: float | None = None


class VerdictOut(BaseModel):
    """The answer to one question so far, with its counts and one line to act on.

    Questions about requests (errors, latency) count bad ones among requests; of an experiment, units without success
    among units. Questions about pods (restarts, oom-kills over the rollout, endpoint-less in seconds of the step) count
    against an allowance: `candidate_bad` and `stable_bad` are their counts, `allowed` is set, and no requests belong to
    them.
    """

    question: str
    answer: str
    why: str
    candidate_requests: int
    candidate_bad: int
    stable_requests: int
    stable_bad: int
    requests_more: int | None
    seconds_more: float | None
    allowed: float | None = Field(default=None, description="Of questions about pods; null for those about requests")


class HoldOut(BaseModel):
    """A pause."""

    kind: HoldKind
    author: str
    why: str


class GuardOut(BaseModel):
    """What happens when the pipeline that drives a rollout goes silent, and how silent it is.

    `silent_seconds`: observed since its last beat was heard. `missed`: that was too long, and acted on. `released`: it
    has done its part, no beat is expected. `message`: one line for people while it is missed."""

    when_gone: WhenGone
    gap_seconds: float
    last_beat_at: datetime | None
    silent_seconds: float
    missed: bool
    released: bool
    message: str = ""


class WaitOut(BaseModel):
    """What a rollout waits for, since how many observed seconds, and when that ends by itself."""

    what: str
    seconds: float


class ExperimentOut(BaseModel):
    """Counts of the caller's own experiment."""

    revision: int
    successes: int
    units: int
    interval_start: float
    interval_end: float
    author: str
    at: datetime


class RolloutOut(Answer):
    """One trial and where it stands.

    desired, observed and measured percent are of the candidate: what should be, what the route says, and what the
    counted answers say.
    """

    id: str = Field(description="Empty in a dry run of what would make it")
    namespace: str
    endpoint: str
    strategy: Kind
    ending: str
    attempt: int
    base: int
    candidate: int
    phase: Phase
    step: int = Field(description="-1 while the candidate gets ready; the number of steps at the end")
    steps: list[StepOut]
    expected_seconds: float | None = Field(default=None, description="Of all steps; null where one of them is unknown")
    seconds_left: float | None = Field(
        default=None, description="About, until its steps are done; null where that is unknown or up to a person"
    )
    desired_percent: int | None = None
    observed_percent: int | None = None
    measured_percent: float | None = Field(
        default=None,
        description="Of the answers since the split settled; null before the first, and where headers or copies decide",
    )
    measured_requests: int | None = Field(default=None, description="How many answers `measured_percent` is of")
    candidate_url: str | None = Field(
        default=None,
        description="Where the candidate alone answers V2, past the split: for smoke tests. Scheme grpc where it "
        "speaks only that; null before it is there and after the end",
    )
    guard: GuardOut | None = Field(default=None, description="Where a pipeline drives it")
    hold: HoldOut | None = None
    takeover: str | None = None
    awaits: str | None = Field(default=None, description="What must happen next, for a person")
    wait: WaitOut | None = None
    pending: list[WishKind] = Field(default=[], description="What people asked for and the pilot has yet to hear")
    verdicts: list[VerdictOut] = []
    experiment: list[ExperimentOut] = Field(
        default=[], description="Of an A/B: the newest counts of the caller's own experiment, in the order sent"
    )
    randomised: bool = Field(default=True, description="Whether chance, not a header, decides who gets the candidate")
    settled_at: datetime | None = Field(
        default=None, description="When the present step's split first showed: counts of an experiment begin there"
    )
    alpha: float
    outcome: Outcome | None = None
    outcome_why: str = ""
    author: str
    reason: str
    created_at: datetime | None = None
    updated_at: datetime | None = None
    ended_at: datetime | None = Field(default=None, description="When the cluster showed its outcome")
    preflight: PreflightOut | None = Field(default=None, description="Of the call that starts it")


class RolloutsPage(BaseModel):
    """Rollouts of an endpoint, newest first."""

    items: list[RolloutOut]
    next_page_token: str | None = None


class EndpointOut(Answer):
    """An endpoint: what should serve, what does, who wants it since when and why."""

    namespace: str
    name: str
    mode: Mode
    generation: int
    phase: str = Field(
        examples=["ready"],
        description="pending, ready, progressing, degraded, blocked, unreachable, unknown, deleting or gone",
    )
    message: str = Field(default="", description="The worker's one line about it")
    spec: dict[str, Any]
    scaling: ScalingOut
    stable: RevisionOut | None
    candidate: RevisionOut | None
    keep: list[int]
    traffic: BothTraffics
    urls: list[str]
    status: dict[str, Any] = Field(description="The worker's last word")
    author: str
    reason: str
    since: datetime | None
    rollout: RolloutOut | None = None
    preflight: PreflightOut | None = Field(default=None, description="Of the call that makes it or brings a version")
    created_at: datetime | None = None
    created_by: str | None = None


class EndpointsPage(BaseModel):
    """A page of endpoints."""

    items: list[EndpointOut]
    next_page_token: str | None = None


class IntentOut(BaseModel):
    """One generation: what should serve, by whom, why, when."""

    generation: int
    stable: int | None
    candidate: int | None
    traffic: TrafficOut | None
    scaling: ScalingOut
    author: str
    reason: str
    rollout_id: str | None
    at: datetime | None


class EntryOut(BaseModel):
    """One entry of the ledger."""

    seq: int
    at: datetime
    actor: str
    action: str
    why: str
    body: Any
    hash: str


class HistoryPage(BaseModel):
    """Intents and ledger entries, newest first, each list with its own keyset behind one token."""

    intents: list[IntentOut]
    ledger: list[EntryOut]
    next_page_token: str | None = None


class LedgerState(BaseModel):
    """Whether every chain still holds."""

    intact: bool
    entries: int | None = None
    head: str | None = None
    broken: dict[str, Any] | None = None


class CheckOut(BaseModel):
    """One part of the installation. `needed`: without it rollouts cannot go on by themselves."""

    name: str
    state: State
    detail: str
    way_out: str = ""
    needed: bool = False


class DoctorOut(BaseModel):
    """Every part that somebody looked at. `ok`: nothing that is needed is missing."""

    ok: bool
    checks: list[CheckOut]


class WhoAmI(BaseModel):
    """The caller, and the tenants that it may use; empty: any, each call names one."""

    name: str
    roles: list[str]
    tenants: list[str]

"""Answers about rollouts."""

from datetime import datetime

from pydantic import BaseModel, Field

from tidegate.core.contract import Standing
from tidegate.core.guard import WhenGone
from tidegate.core.rollout import HoldKind, Outcome, Phase, WishKind
from tidegate.core.strategy import Kind, Until
from tidegate.deployment_service.answers.base import Answer, PreflightOut


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


class DifferenceOut(BaseModel):
    """What differs at one model of the candidate; breaking: clients of stable would fail."""

    model: str
    what: str
    breaking: bool


class ContractOut(BaseModel):
    """The candidate's models, inputs and outputs beside stable's, compared once, before it gets a share. `message`: all
    of it in one line. `accepted_by`: who answers for a breaking one."""

    standing: Standing
    differences: list[DifferenceOut]
    message: str
    accepted_by: str | None = None


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
    contract: ContractOut | None = Field(default=None, description="Null until it is compared, and of an undo")
    accept_breaking: bool = Field(default=False, description="Whether its author answers for a breaking contract")
    hold: HoldOut | None = None
    takeover: str | None = None
    awaits: str | None = Field(default=None, description="What must happen next, for a person")
    wait: WaitOut | None = None
    pending: list[WishKind] = Field(default=[], description="What people asked for and the pilot has yet to hear")
    verdicts: list[VerdictOut] = Field(default=[])
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

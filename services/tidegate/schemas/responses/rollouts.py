"""Answers about rollouts."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from tidegate.core.contract import Compatibility
from tidegate.core.evidence import Verdict
from tidegate.core.guard import OnHeartbeatTimeout
from tidegate.core.on_fail import OnFail
from tidegate.core.rollout import ActionKind, Outcome, PauseKind, Phase, WouldHave
from tidegate.core.strategy import Ending, Kind, Until
from tidegate.schemas.requests.analysis import AnalysisIn
from tidegate.schemas.responses.base import AcceptedOut, ChangeOut, PreflightOut
from tidegate.schemas.responses.pace import AcceptedBoundOut, TimeBoxOut
from tidegate.schemas.responses.traffic import HeaderOut


class StepState(StrEnum):
    """Where a step is."""

    DONE = "done"
    CURRENT = "current"
    AHEAD = "ahead"


class MetricName(StrEnum):
    """What a verdict is about."""

    ERRORS = "errors"
    REJECTIONS = "rejections"
    SATURATION = "saturation"
    LATENCY = "latency"
    EXPERIMENT = "experiment"
    RESTARTS = "restarts"
    OOM_KILLS = "oom_kills"
    NO_READY_PODS = "no_ready_pods"

    @property
    def can_pass(self) -> bool:
        """Whether a pass waits for it."""
        return self not in (MetricName.REJECTIONS, MetricName.SATURATION)


class StepOut(BaseModel):
    """One step of a plan."""

    percent: int = Field(description="Percent of the requests without a match", examples=[25])
    match: list[HeaderOut] = Field(
        description="Requests with all of these headers go to the candidate; empty: none"
    )
    mirror_percent: int = Field(
        description="Percent of requests copied to the candidate", examples=[0]
    )
    replicas_percent: int = Field(
        description="Least replicas, in percent of stable's; 0: as many as its share needs",
        examples=[0],
    )
    until: Until = Field(description="What ends the step", examples=["no-fail"])
    bake_seconds: float = Field(description="Seconds that the step takes at least", examples=[60.0])
    baked_seconds: float = Field(description="Seconds of them that are over", examples=[40.0])
    state: StepState = Field(description="Where the step is", examples=["current"])
    expected_seconds: float | None = Field(
        default=None,
        description="Seconds that it takes about, at the present request rate; null: the rate is "
        "unknown, "
        "or the step does not end by itself",
        examples=[75.0],
    )


class EvidenceOut(BaseModel):
    """The numbers behind the verdict on a metric of requests. e-values and thresholds are powers of
    ten: 2 is a hundred to one. A verdict holds where its e reached its threshold."""

    log10_e_fail: float = Field(
        description="Evidence that the candidate is worse, over the rollout", examples=[-0.4]
    )
    log10_threshold_fail: float = Field(description="Where it fails", examples=[2.3])
    log10_e_pass: float | None = Field(
        description="Evidence that it is good enough, over the step; null: the metric cannot pass",
        examples=[1.3],
    )
    log10_threshold_pass: float | None = Field(
        description="Where it passes; null: the metric cannot pass", examples=[2.0]
    )
    fail_margin: float = Field(
        description="How much above stable's rate is a fail, as a share", examples=[0.0]
    )
    pass_margin: float | None = Field(
        description="How much above stable's rate still passes, as a share; null: it cannot pass",
        examples=[0.01],
    )
    objective: float | None = Field(
        description="Rate that it is compared with instead of stable's; null: stable's",
        examples=[None],
    )
    min_requests: int = Field(
        description="Requests of the candidate in a step before a verdict ends it", examples=[20]
    )
    min_requests_more: int = Field(
        description="Requests of them that the step still lacks", examples=[0]
    )
    step_candidate_requests: int = Field(
        description="The candidate's requests in this step", examples=[412]
    )
    step_candidate_bad: int = Field(description="Bad ones among them", examples=[0])
    step_stable_requests: int = Field(description="Stable's requests in this step", examples=[3708])
    step_stable_bad: int = Field(description="Bad ones among them", examples=[3])
    difference_low: float = Field(
        description="Least by which the candidate's share of bad requests is above stable's in "
        "this step, -1 to 1; for eyes, no verdict goes by it",
        examples=[-0.004],
    )
    difference_high: float = Field(
        description="Most by which it is; both hold at all times with confidence 1 - alpha",
        examples=[0.011],
    )
    exposed_requests: int = Field(
        description="Requests that the candidate answered in this rollout so far", examples=[690]
    )


class VerdictOut(BaseModel):
    """The verdict on one metric so far, with its counts.

    Metrics of requests (errors, rejections, saturation, latency) count bad requests among all;
    `experiment` counts units without success among units. `rejections` and `saturation` are `fail`
    or `undecided`, and no pass waits for them; a `fail` of `saturation` pauses. Metrics of pods
    (restarts, oom_kills over the rollout; no_ready_pods in seconds of the step) compare
    `candidate_bad` with `allowed`, and no requests belong to them.
    """

    metric: MetricName = Field(description="The metric", examples=["errors"])
    verdict: Verdict = Field(description="pass, fail or undecided", examples=["undecided"])
    message: str = Field(
        description="The counts and what is missing, in one line",
        examples=[
            "errors: candidate 0 of 412 (0.0 %), stable 3 of 3708 (0.1 %): about 310 more requests "
            "to pass"
        ],
    )
    candidate_requests: int = Field(
        description="Requests of the candidate that were counted", examples=[412]
    )
    candidate_bad: int = Field(
        description="Bad ones among them; of pods: events or seconds", examples=[0]
    )
    stable_requests: int = Field(
        description="Requests of stable that were counted", examples=[3708]
    )
    stable_bad: int = Field(
        description="Bad ones among them; of pods: events or seconds", examples=[3]
    )
    requests_more: int | None = Field(
        description="Requests of the candidate still needed to pass; null: unknown, or none",
        examples=[310],
    )
    seconds_more: float | None = Field(
        description="Seconds that these take at the present rate; null: unknown, or none",
        examples=[155.0],
    )
    allowed: float | None = Field(
        default=None,
        description="Most that a metric of pods allows; null for metrics of requests",
        examples=[None],
    )
    on_fail: OnFail = Field(
        default=OnFail.ABORT,
        description="What a fail does: abort, pause or notify",
        examples=["abort"],
    )
    evidence: EvidenceOut | None = Field(
        default=None, description="The numbers behind it; null for metrics of pods"
    )


class WouldOut(BaseModel):
    """What a rollout in trial would have done."""

    action: WouldHave = Field(description="What: aborted or paused", examples=["aborted"])
    at: datetime = Field(description="When", examples=["2026-01-01T12:00:00Z"])
    step: int = Field(description="Number of the step, from one", examples=[2])
    percent: int = Field(description="Percent of the candidate then", examples=[10])
    requests: int = Field(description="Requests that it had answered", examples=[9])
    reason: str = Field(
        description="Why",
        examples=["errors: candidate 3 of 9 (33.3 %), stable 0 of 81 (0.0 %): worse than stable"],
    )
    message: str = Field(
        description="All of it in one line",
        examples=["would have aborted at 10 % after 9 requests: errors: candidate 3 of 9 …"],
    )


class PauseOut(BaseModel):
    """Why a rollout does not go on."""

    kind: PauseKind = Field(description="What stopped it", examples=["paused"])
    author: str = Field(description="Who", examples=["ann"])
    message: str = Field(description="Why", examples=["looking at the dashboards"])


class GuardOut(BaseModel):
    """What happens when the pipeline that drives a rollout sends no heartbeats, and for how
    long."""

    on_heartbeat_timeout: OnHeartbeatTimeout = Field(
        description="What happens when there is no heartbeat for too long", examples=["pause"]
    )
    heartbeat_timeout_seconds: float = Field(
        description="Seconds without a heartbeat that are too long", examples=[60.0]
    )
    last_heartbeat_at: datetime | None = Field(
        description="When its last sign of life came; null: none came",
        examples=["2026-01-01T12:00:00Z"],
    )
    seconds_since_heartbeat: float = Field(
        description="Observed seconds since its last sign of life", examples=[4.0]
    )
    missed: bool = Field(
        description="Whether that was too long, and was acted on", examples=[False]
    )
    released: bool = Field(
        description="Whether it has done its part, so that none is expected", examples=[False]
    )
    message: str = Field(
        default="", description="One line for people while it is missed", examples=[""]
    )


class WaitOut(BaseModel):
    """What a rollout waits for."""

    what: str = Field(description="What: ready, bake, data, …", examples=["bake"])
    seconds: float = Field(description="Observed seconds that it has waited", examples=[40.0])


class DifferenceOut(BaseModel):
    """One difference between a model of the candidate and stable's."""

    model: str = Field(description="Name of the model", examples=["add_sub"])
    what: str = Field(description="The difference", examples=["output OUTPUT1 is gone"])
    breaking: bool = Field(description="Whether clients of stable would fail", examples=[True])


class ContractOut(BaseModel):
    """The candidate's models, inputs and outputs compared with stable's, once, before it gets
    traffic."""

    compatibility: Compatibility = Field(description="The result", examples=["compatible"])
    differences: list[DifferenceOut] = Field(description="Every difference")
    message: str = Field(
        description="All of it in one line", examples=["the same inputs and outputs"]
    )
    accepted_by: str | None = Field(
        default=None, description="Who accepted a breaking one; null: nobody", examples=["ann"]
    )


class ExperimentOut(BaseModel):
    """Counts of the caller's own experiment."""

    revision: int = Field(description="Number of the revision", examples=[2])
    successes: int = Field(description="Units that succeeded", examples=[41])
    units: int = Field(description="Units that were tried", examples=[500])
    interval_start: float = Field(
        description="Beginning of the interval, epoch seconds", examples=[1767225600.0]
    )
    interval_end: float = Field(
        description="End of the interval, epoch seconds", examples=[1767229200.0]
    )
    author: str = Field(description="Who sent them", examples=["service:team-a:ci"])
    at: datetime = Field(description="When they came", examples=["2026-01-01T12:00:00Z"])


class RolloutOut(BaseModel):
    """A rollout of a candidate, and how far it is.

    desired, observed and measured percent are of the candidate: what should be, what the route
    says, and what the counted answers say.
    """

    id: str = Field(
        description="Id; empty in a dry run of what would make it",
        examples=["7c9e6679-7425-40de-944b-e07fc1f90ae7"],
    )
    namespace: str = Field(description="Namespace of its endpoint", examples=["team-a"])
    endpoint: str = Field(description="Name of its endpoint", examples=["fraud"])
    strategy: Kind = Field(description="Strategy", examples=["canary"])
    ending: Ending = Field(description="What follows the last step", examples=["promote"])
    attempt: int = Field(description="1, and one more for each retry", examples=[1])
    base: int = Field(description="Stable revision at its start", examples=[1])
    candidate: int = Field(description="Revision on rollout", examples=[2])
    phase: Phase = Field(description="The rollout in one word", examples=["progressing"])
    step: int = Field(
        description="Index of the present step; -1 while the candidate starts, the number of steps "
        "at the end",
        examples=[1],
    )
    steps: list[StepOut] = Field(description="The plan")
    expected_seconds: float | None = Field(
        default=None,
        description="Seconds that all steps take about; null: one of them is unknown",
        examples=[375.0],
    )
    seconds_left: float | None = Field(
        default=None,
        description="Seconds until its steps are done, about; null: unknown, or a person decides",
        examples=[215.0],
    )
    desired_percent: int | None = Field(
        default=None,
        description="Percent that the candidate should get; null: it has ended",
        examples=[25],
    )
    routed_percent: int | None = Field(
        default=None,
        description="Percent that the route says; null: no route, or it has ended",
        examples=[25],
    )
    measured_percent: float | None = Field(
        default=None,
        description="Percent of the answers since the split settled that were the candidate's; "
        "null: none came yet, "
        "or headers or copies decide",
        examples=[24.6],
    )
    measured_requests: int | None = Field(
        default=None,
        description="Answers that `measured_percent` is of; null with it",
        examples=[1730],
    )
    candidate_url: str | None = Field(
        default=None,
        description="URL where the candidate alone answers V2, past the split, for smoke tests "
        "(scheme grpc where it "
        "speaks only that); null: none yet, or it has ended",
        examples=["http://fraud-r2-predictor.team-a"],
    )
    guard: GuardOut | None = Field(
        default=None, description="Its pipeline; null: no pipeline drives it"
    )
    contract: ContractOut | None = Field(
        default=None,
        description="The comparison with stable's contract; null: not compared yet, or an undo",
    )
    accept_breaking: bool = Field(
        default=False,
        description="Whether its author accepts a breaking contract",
        examples=[False],
    )
    trial: bool = Field(
        default=False,
        description="Whether its tenant was in trial when it started, so that no verdict moves its "
        "traffic",
        examples=[False],
    )
    would_have: list[WouldOut] = Field(
        default=[], description="In trial: the first abort and the first pause that would have been"
    )
    pause: PauseOut | None = Field(
        default=None, description="Why it does not go on; null: it goes on"
    )
    override: str | None = Field(
        default=None,
        description="Who sets its percent set by a person; null: the plan does",
        examples=["ann"],
    )
    awaits: str | None = Field(
        default=None,
        description="What must happen next, for a person; null: it has ended",
        examples=["baking 25 % for 40 of 60 s"],
    )
    wait: WaitOut | None = Field(default=None, description="What it waits for; null: nothing")
    pending: list[ActionKind] = Field(
        default=[],
        description="Actions that the controller has not processed yet",
        examples=[["pause"]],
    )
    verdicts: list[VerdictOut] = Field(default=[], description="One for each metric")
    exposed_requests: int = Field(
        default=0,
        description="Requests that the candidate answered in this rollout so far, as far as they "
        "could be judged",
        examples=[690],
    )
    exposed_bad: int = Field(default=0, description="Errors among them", examples=[3])
    max_exposed_requests: int | None = Field(
        default=None,
        description="Requests that it may answer before a verdict; null: no limit",
        examples=[10_000],
    )
    because: str = Field(
        default="",
        description="Why these steps, where the plan was made from the traffic; empty: they were "
        "written out",
        examples=[
            "12 requests/s, 0.4 % errors: 20 requests come in about 2m47s at 1 %, a pass in about "
            "4m26s at 50 % (1,597 requests)"
        ],
    )
    time_box: TimeBoxOut | None = Field(
        default=None, description="How long a step may wait for requests; null: no time box"
    )
    accepted_bounds: list[AcceptedBoundOut] = Field(
        default=[], description="Steps that ended by a stated bound instead of a verdict"
    )
    experiment: list[ExperimentOut] = Field(
        default=[],
        description="Of an A/B: the newest counts of the caller's own experiment, in the order "
        "sent",
    )
    randomised: bool = Field(
        default=True,
        description="Whether chance decides who gets the candidate, and no header",
        examples=[True],
    )
    settled_at: datetime | None = Field(
        default=None,
        description="When the present step's split first showed: counts of an experiment begin "
        "there; null: not yet",
        examples=["2026-01-01T12:00:00Z"],
    )
    analysis: AnalysisIn = Field(
        description="How the candidate is judged: what was sent, and the defaults of what was not"
    )
    outcome: Outcome | None = Field(
        default=None, description="How it ended; null: it runs", examples=["promoted"]
    )
    outcome_message: str = Field(
        default="", description="Why it ended so; empty: it runs", examples=["every step is done"]
    )
    author: str = Field(description="Who started it", examples=["ann"])
    run_id: str | None = Field(
        default=None,
        description="Id of the pipeline run that started it; null: no pipeline did",
        examples=["5f0c1b9e-5d0f-4f0e-9a53-0b7b4c1f2d3a"],
    )
    reason: str = Field(description="Why, in the author's words", examples=["new weights"])
    created_at: datetime | None = Field(
        default=None, description="When it was started", examples=["2026-01-01T12:00:00Z"]
    )
    updated_at: datetime | None = Field(
        default=None, description="When it last moved", examples=["2026-01-01T12:04:00Z"]
    )
    ended_at: datetime | None = Field(
        default=None,
        description="When the cluster showed its outcome; null: it runs",
        examples=["2026-01-01T12:07:00Z"],
    )


class RolloutChange(RolloutOut, ChangeOut):
    """A rollout as a change left it."""

    accepted: AcceptedOut = Field(description="What was accepted, and what follows")
    preflight: PreflightOut | None = Field(
        default=None,
        description="What was checked before it started; null where the call starts none",
    )


class RolloutsPage(BaseModel):
    """A page of an endpoint's rollouts, newest first."""

    items: list[RolloutOut] = Field(description="Rollouts of this page")
    next_page_token: str | None = Field(
        default=None,
        description="`page_token` of the next page; null on the last",
        examples=["Wzdd"],
    )

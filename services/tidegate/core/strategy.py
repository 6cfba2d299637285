"""Strategies are data: the steps of a rollout and how it ends.

A step is what the candidate gets, with what must hold before it ends. The rollout controller reads
these values; nothing here decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tidegate.core.evidence import Metric, MetricKind
from tidegate.core.incidents import Limits
from tidegate.core.intent import CandidateTraffic, HeaderMatch
from tidegate.core.time_box import TimeBox
from tidegate.core.windows import NOISE_WINDOW


class Kind(StrEnum):
    """The kinds of rollout."""

    CANARY = "canary"
    AB = "ab"
    BLUE_GREEN = "blue-green"
    SHADOW = "shadow"
    MANUAL = "manual"
    UNDO = "undo"


class Until(StrEnum):
    """What ends a step, besides its bake time."""

    NO_FAIL = "no-fail"  # `min_requests` seen, and no metric `fail`
    PASS = "pass"  # noqa: S105  (a verdict, not a secret) every metric `pass`
    APPROVAL = "approval"  # somebody approves or rejects


class Ending(StrEnum):
    """What happens after the last step."""

    PROMOTE = "promote"
    KEEP_STABLE = "keep-stable"  # the candidate goes, stable stays


CANARY_PERCENTS = (1, 5, 10, 25, 50)
AB_PERCENT = 50
SHADOW_MIRROR = 100  # percent of requests that are copied
STEP_BAKE = 60.0  # seconds that a step lasts at least
SHADOW_BAKE = 300.0
ALPHA = 0.01
EXPERIMENT_DATA = (
    604800.0  # the data deadline of an A/B that its experiment ends: people need days, not an hour
)
DEFAULT_METRICS = (
    Metric(MetricKind.ERRORS),
    Metric(MetricKind.REJECTIONS),
    Metric(MetricKind.SATURATION),
    Metric(MetricKind.LATENCY),
)


@dataclass(frozen=True, slots=True)
class Step:
    """What the candidate gets, for at least `bake` observed seconds."""

    candidate_traffic: CandidateTraffic
    until: Until = Until.NO_FAIL
    bake: float = STEP_BAKE


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Every wait has an end; seconds of observed time.

    ready: candidate not ready by then: abort (no traffic has moved). data: no answer by then:
    pause, and an A/B that asks for one ends with stable. decision: a pause or a wait for a person
    that nobody ends: abort. undo: how long old stable is on standby after a promotion.
    """

    ready: float = 600.0
    data: float = 3600.0
    decision: float = 86400.0
    undo: float = 1800.0


@dataclass(frozen=True, slots=True)
class Strategy:
    """A whole plan. `alpha` is the chance, per rollout, that a candidate no worse than stable is
    aborted by the metrics of requests. limits: what its pods are allowed. noise_window: seconds of
    a window, none of which decides alone (`windows`).

    proven: the candidate has served before, so it is not checked anew, and its pods' restarts do
    not count. urgent: it takes over at once where it stands by, and with fewer replicas than it
    should have rather than not at all. staging_size: the least size, in percent of stable's
    replicas, with which the candidate gets ready.

    max_exposed: requests that the candidate may answer before a verdict (`exposure`), None: no
    limit. time_box: of each step that waits for requests. because: why these steps, where they were
    made from the traffic (`ladder`), '' else.
    """

    kind: Kind
    steps: tuple[Step, ...]
    ending: Ending
    metrics: tuple[Metric, ...] = DEFAULT_METRICS
    alpha: float = ALPHA
    deadlines: Deadlines = Deadlines()
    limits: Limits = Limits()  # noqa: RUF009  (frozen)
    proven: bool = False
    urgent: bool = False
    staging_size: int = 0
    noise_window: float = NOISE_WINDOW
    max_exposed: int | None = None
    time_box: TimeBox | None = None
    because: str = ""

    @property
    def longest_wait(self) -> float:
        """Seconds that a step may wait for requests."""
        if self.time_box is None:
            return self.deadlines.data
        return min(self.time_box.seconds, self.deadlines.data)


# of alpha and of pass_margin or the objective: beyond, a pass on errors says next to nothing
LOOSEST = 0.05


def canary(percents: Sequence[int] = CANARY_PERCENTS, bake: float = STEP_BAKE) -> Strategy:
    """Rising percents, then promotion. Small steps ask for no failure, the last one for a pass."""
    last = len(percents) - 1
    steps = (
        Step(
            CandidateTraffic(percent=percent), Until.PASS if index == last else Until.NO_FAIL, bake
        )
        for index, percent in enumerate(percents)
    )
    return Strategy(Kind.CANARY, tuple(steps), Ending.PROMOTE)


def ab(
    percent: int = AB_PERCENT,
    match: Sequence[HeaderMatch] = (),
    bake: float = STEP_BAKE,
    until: Until = Until.APPROVAL,
) -> Strategy:
    """Two revisions side by side, by percent or by header (not randomised), until a person decides,
    or with `until` pass the user's own experiment."""
    if match:
        candidate_traffic = CandidateTraffic(match=tuple(match))
    else:
        candidate_traffic = CandidateTraffic(percent=percent)
    return Strategy(Kind.AB, (Step(candidate_traffic, until, bake),), Ending.PROMOTE)


def blue_green(bake: float = 0.0) -> Strategy:
    """The candidate stands at full size without traffic until a person promotes it."""
    return Strategy(
        Kind.BLUE_GREEN,
        (Step(CandidateTraffic(replicas_percent=100), Until.APPROVAL, bake),),
        Ending.PROMOTE,
    )


def shadow(mirror: int = SHADOW_MIRROR, bake: float = SHADOW_BAKE) -> Strategy:
    """Copies of requests only; ends with stable kept whatever it answers."""
    return Strategy(
        Kind.SHADOW,
        (Step(CandidateTraffic(mirror=mirror), Until.NO_FAIL, bake),),
        Ending.KEEP_STABLE,
    )


def manual() -> Strategy:
    """A person sets each percent; the rollout controller only guards and rolls back."""
    return Strategy(Kind.MANUAL, (), Ending.PROMOTE)


def undo() -> Strategy:
    """An older revision whose only step is the promotion."""
    return Strategy(
        Kind.UNDO,
        (),
        Ending.PROMOTE,
        metrics=(),
        proven=True,
        urgent=True,
        staging_size=100,
    )


def proves(plan: Strategy, *, trial: bool = False) -> bool:
    """Whether the promotion at the end of a plan rests on more than its author's word: on a person,
    or on a pass on errors within margins that mean something. A manual plan ends by a person's
    promotion. trial: no verdict stops it, so that only a person proves anything."""
    if plan.ending is not Ending.PROMOTE or plan.kind is Kind.MANUAL:
        return True
    endings = {step.until for step in plan.steps}
    if plan.steps and plan.steps[-1].until is Until.APPROVAL:
        return True
    if trial:
        return False
    errors = [
        metric for metric in plan.metrics if metric.kind is MetricKind.ERRORS and metric.waited_for
    ]
    tight = all((q.pass_margin if q.objective is None else q.objective) <= LOOSEST for q in errors)
    return Until.PASS in endings and bool(errors) and tight and plan.alpha <= LOOSEST

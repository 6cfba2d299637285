"""Every intent that the rollout controller may append for a rollout: start, steps, promotion, the
rollback, undo.

Whoever asks before anything moves (preflight) asks about these. `progression` and `endings` decide
which of them come, and when; a test holds that they append no others, but for those that people
write themselves.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tidegate.core.intent import NO_TRAFFIC, CandidateTraffic, Intent, Mode
from tidegate.core.rollout import Rollout
from tidegate.core.strategy import Strategy
from tidegate.core.watch_values import COMPARED, SHARE

START = "start"
PROMOTION = "promotion"
ABORT = "abort"
RELEASE = "end of the undo window"
UNDO = "undo"
WATCH = f"the watch: {SHARE} %"
FIRST = "first deployment"


@dataclass(frozen=True, slots=True)
class ReachableIntent:
    """One intent on the reachable intent. step: what people call it, `step 3 of 5: 25 %`. index: of
    the plan's step, None for what is no step of the plan."""

    step: str
    intent: Intent
    index: int | None = None


def staging(strategy: Strategy, mode: Mode) -> CandidateTraffic:
    """The candidate traffic a candidate gets ready in: no traffic. Its size: for blue-green and
    undo all of stable's; in knative mode, where a revision's first size is fixed when it is made,
    what the largest step needs."""
    size = max(
        [
            strategy.staging_size,
            *(step.candidate_traffic.replicas_percent for step in strategy.steps),
        ]
    )
    if mode is Mode.KNATIVE:
        size = max([size, *(step.candidate_traffic.percent for step in strategy.steps)])
    return CandidateTraffic(replicas_percent=size)


def candidate_traffics(strategy: Strategy, mode: Mode) -> tuple[CandidateTraffic, ...]:
    """The candidate traffic of each step as it is written: in knative mode the size stays what the
    candidate began with."""
    size = staging(strategy, mode).replicas_percent
    return tuple(
        replace(
            step.candidate_traffic,
            replicas_percent=size
            if mode is Mode.KNATIVE
            else step.candidate_traffic.replicas_percent,
        )
        for step in strategy.steps
    )


def describe(candidate_traffic: CandidateTraffic) -> str:
    """`25 %`, `requests with x-group: b`, `50 % mirrored`, each with its size where it has one."""
    parts = []
    if candidate_traffic.percent or not (candidate_traffic.match or candidate_traffic.mirror):
        parts = [f"{candidate_traffic.percent} %"]
    parts += [f"requests with {m.name}: {m.value}" for m in candidate_traffic.match]
    if candidate_traffic.mirror:
        parts += [f"{candidate_traffic.mirror} % mirrored"]
    return ", ".join(parts) + (
        f" with {candidate_traffic.replicas_percent} % of stable's replicas"
        if candidate_traffic.replicas_percent
        else ""
    )


def first(intent: Intent) -> tuple[ReachableIntent, ...]:
    """The reachable intents of an endpoint that is made, or whose own fields change."""
    return (ReachableIntent(FIRST, intent),)


def reachable_intents(
    rollout: Rollout, intent: Intent, override: int | None = None
) -> tuple[ReachableIntent, ...]:
    """Every intent on the reachable intent of a rollout that begins at `intent`, in the order in
    which they may come. override: the percent that came with the request, in the place of a first
    step."""
    plan = rollout.strategy
    mode = intent.mode
    standby = tuple(number for number in intent.standby if number != rollout.candidate)
    at_rest = replace(
        intent, stable=rollout.base, candidate=None, candidate_traffic=NO_TRAFFIC, standby=standby
    )
    staged = replace(at_rest, candidate=rollout.candidate, candidate_traffic=staging(plan, mode))
    intents = [ReachableIntent(START, staged)]
    all_of_it = candidate_traffics(plan, mode)
    for index, candidate_traffic in enumerate(all_of_it):
        name = (
            f"step {index + 1} of {len(all_of_it)}: {describe(plan.steps[index].candidate_traffic)}"
        )
        intents.append(
            ReachableIntent(name, replace(staged, candidate_traffic=candidate_traffic), index)
        )
    if override:
        intents.append(
            ReachableIntent(
                f"override: {override} %",
                replace(
                    staged, candidate_traffic=replace(staged.candidate_traffic, percent=override)
                ),
            )
        )
    intents += _promotion(rollout, staged)
    intents += _watched(rollout, staged)
    back = replace(at_rest, standby=tuple(number for number in standby if number != rollout.base))
    return (*intents, ReachableIntent(ABORT, back))


def _watched(rollout: Rollout, staged: Intent) -> Iterator[ReachableIntent]:
    """After the promotion old stable may get a share again, to be compared with."""
    plan = rollout.strategy.watch
    if rollout.strategy.proven or not plan.compares(staged.mode):
        return
    compared = replace(
        staged,
        stable=rollout.candidate,
        candidate=rollout.base,
        candidate_traffic=COMPARED,
        standby=(),
    )
    yield ReachableIntent(WATCH, compared)


def _promotion(rollout: Rollout, staged: Intent) -> Iterator[ReachableIntent]:
    """Of every plan: a person may promote also what would end with stable kept. From before it ever
    ran it first comes up at full size; then comes the window in which an undo is at hand, and the
    undo itself."""
    standard = staged.mode is Mode.STANDARD
    yield ReachableIntent(
        PROMOTION,
        replace(
            staged,
            candidate_traffic=replace(
                staged.candidate_traffic, replicas_percent=100, percent=0, match=(), mirror=0
            ),
        ),
    )
    promoted = replace(
        staged,
        stable=rollout.candidate,
        candidate=None,
        candidate_traffic=NO_TRAFFIC,
        standby=(rollout.base,) if standard else (),
    )
    yield ReachableIntent(PROMOTION, promoted)
    yield ReachableIntent(RELEASE, replace(promoted, standby=()))
    yield ReachableIntent(
        UNDO,
        replace(
            promoted,
            candidate=rollout.base,
            standby=(),
            candidate_traffic=CandidateTraffic(replicas_percent=100),
        ),
    )
    undone = replace(
        promoted, stable=rollout.base, standby=(rollout.candidate,) if standard else ()
    )
    yield ReachableIntent(UNDO, undone)

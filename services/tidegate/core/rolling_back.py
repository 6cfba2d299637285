"""What the rollout controller goes back for by itself: what befell the candidate, and the reasons
to abort that need nobody. Pure."""

from dataclasses import replace

from tidegate.core import consequences, endings, incidents
from tidegate.core.drivers.pod_state import CRASH_LOOP
from tidegate.core.findings import find
from tidegate.core.on_fail import OnFail
from tidegate.core.rollout import STARTING, Outcome
from tidegate.core.turn import Turn


def watch_candidate(turn: Turn) -> Turn:
    """Count how often the candidate lost its last ready pod, and what befell its pods. Pods that
    are only not warmed up are not lost: a new worker counts none until each has answered an
    inference."""
    candidate = turn.rollout.candidate
    alive = turn.observation.up(candidate) or (
        turn.progress.pods.alive and turn.observation.not_warmed_up(candidate)
    )
    lost = turn.progress.pods.alive and not alive and turn.progress.step.index > STARTING
    verdicts = turn.judged(turn.progress.analysis.evidence)
    return _count_incidents(
        turn.having(
            pods=replace(turn.progress.pods, alive=alive, losses=turn.progress.pods.losses + lost),
            analysis=replace(turn.progress.analysis, verdicts=verdicts),
        )
    )


def _count_incidents(turn: Turn) -> Turn:
    """Not of an undo: what served before is wanted back, whatever its pods go through on the
    way."""
    rollout = turn.rollout
    if turn.intent.candidate != rollout.candidate or rollout.strategy.proven:
        return turn
    counted = incidents.count(
        turn.progress.pods.incidents,
        turn.observation,
        rollout.base,
        rollout.candidate,
        turn.elapsed,
    )
    return turn.having(
        pods=replace(
            turn.progress.pods,
            incidents=counted,
            findings=find(counted, rollout.strategy.limits, rollout.candidate),
        )
    )


def roll_back(turn: Turn) -> Turn:
    """The reasons to abort that need nobody: a `fail`, a crash loop, pods lost twice, an endpoint
    deleted."""
    rollout = turn.rollout
    progress = turn.progress
    candidate = turn.observation.of(turn.rollout.candidate)
    if turn.intent.stable is None:
        return endings.begin(turn, Outcome.ABORTED, "the endpoint is being deleted")
    failed = consequences.acts(rollout, progress, OnFail.ABORT)
    unwell = [each.message for each in failed if not consequences.is_experiment(each)]
    if unwell:
        return endings.begin(turn, Outcome.ABORTED, "; ".join(unwell))
    if failed:  # it works, and people like stable better
        return endings.begin(turn, Outcome.KEPT_STABLE, "; ".join(v.message for v in failed))
    down = candidate is not None and not candidate.up and not candidate.not_warmed_up
    # An undo is exempt from it: what served before has restarted before, and is the better of the
    # two.
    if (
        candidate is not None
        and down
        and candidate.trouble.restarts >= CRASH_LOOP
        and not rollout.strategy.proven
    ):
        message = ""
        if candidate.trouble.failure:
            message = f": {candidate.trouble.failure}"
        return endings.begin(
            turn,
            Outcome.ABORTED,
            f"r{candidate.revision} crashed {candidate.trouble.restarts} times{message}",
        )
    if progress.pods.losses > 1:
        return endings.begin(turn, Outcome.ABORTED, f"r{rollout.candidate} lost all its pods twice")
    return turn

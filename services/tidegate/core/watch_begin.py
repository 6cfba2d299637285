"""How a watch begins: with the record that old stable leaves behind, and what holds it on
standby."""

from dataclasses import replace

from tidegate.core import watch_evidence
from tidegate.core.analysis import MetricKind
from tidegate.core.load import ENOUGH
from tidegate.core.rollout import Progress, Rollout
from tidegate.core.turn import Turn
from tidegate.core.watch_values import Watch, WatchState


def is_watched(rollout: Rollout) -> bool:
    """Whether somebody watches after its promotion. Nobody does after an undo: what it would go
    back to is what was left."""
    return rollout.strategy.watch.seconds > 0 and not rollout.strategy.proven


def planned(turn: Turn) -> Turn:
    """The turn in which the promotion is decided: from here on the counts of stable are the
    promoted revision's, so old stable's record is kept."""
    if not is_watched(turn.rollout):
        return turn
    return turn.having(watch=Watch(record=_record(turn)))


def started(turn: Turn) -> Turn:
    """The turn in which the cluster shows the promotion."""
    watch = turn.progress.watch
    if watch is None or not is_watched(turn.rollout):
        return turn
    live = turn.observation.of(turn.rollout.candidate)
    restarts = 0
    if live is not None:
        restarts = live.trouble.restarts
    begun = replace(
        watch_evidence.begun(watch),
        state=WatchState.WATCHING,
        until=turn.now + turn.rollout.strategy.watch.seconds,
        since=turn.now,
        restarts=restarts,
    )
    return turn.having(watch=begun)


def _record(turn: Turn) -> float | None:
    """Old stable's share of bad answers: over about a day, or beside the candidate, whichever is
    larger; None where too few were counted."""
    rates = [_beside(turn.progress), turn.surroundings.error_rate]
    return max((rate for rate in rates if rate is not None), default=None)


def _beside(progress: Progress) -> float | None:
    """Its share of bad answers beside the candidate, over the rollout."""
    for track in progress.analysis.evidence.tracks:
        if track.metric.kind is MetricKind.ERRORS and track.rollout.stable.n >= ENOUGH:
            return track.rollout.stable.rate
    return None

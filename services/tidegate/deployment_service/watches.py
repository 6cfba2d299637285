"""From a watch to what is answered. Pure."""

from tidegate.core.rollout import Outcome
from tidegate.core.watch_values import WatchState, WatchStatus, summary
from tidegate.deployment_service.statuses import when
from tidegate.schemas import responses as out
from tidegate.store.values import StoredRollout


def of_rollout(stored: StoredRollout) -> out.WatchOut | None:
    """The watch that follows a rollout's promotion; None before that, and where none does."""
    watch = stored.progress.watch
    promotes = stored.progress.end.toward is Outcome.PROMOTED
    if watch is None or (watch.state is WatchState.PROMOTING and not promotes):
        return None
    rollout = stored.rollout
    return answered(summary(rollout.id, rollout.candidate, rollout.base, watch))


def answered(watch: WatchStatus) -> out.WatchOut:
    """A watch as answered."""
    return out.WatchOut(
        rollout=watch.rollout,
        revision=watch.revision,
        base=watch.base,
        state=watch.state,
        until=when(watch.until),
        since=when(watch.since),
        message=watch.message,
        record=watch.record,
        released=watch.released,
        undo=watch.undo or None,
    )

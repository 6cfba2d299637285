"""Where an undo leads: it ends what runs, goes back to the last revision that served well, or is
refused because a rollback has just happened.

A second undo in a hurry must not lead back to the revision that the first one left. So an undo that
names no revision is refused while a rollback runs and for ten minutes after one, and it never picks
a revision that a rollback left. Every result is a value.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tidegate.core.duration import lasts
from tidegate.core.open_rollout import OpenRollout
from tidegate.core.rollout import Outcome, Progress, Rollout
from tidegate.core.strategy import Ending, Kind

RECENT_S = 600.0  # for so long after a rollback an undo has to name its revision
LONGEST_CAUSE = 200  # characters of a cause that are repeated
MOST_SUGGESTIONS = 3


@dataclass(frozen=True, slots=True)
class StableChange:
    """An intent that made another revision stable.

    before, after: the stable revisions, None where nothing served. at: epoch seconds. rollback: it
    left `before` because of an undo, or because its promotion was aborted. undo_aborted: an undo
    had made `before` stable and was aborted, which tells nothing about how `before` serves.
    """

    before: int | None
    after: int | None
    at: float
    rollback: bool = False
    undo_aborted: bool = False


@dataclass(frozen=True, slots=True)
class Served:
    """A revision that served well: it was stable, and no rollback left it. until: epoch seconds."""

    revision: int
    until: float


@dataclass(frozen=True, slots=True)
class Ended:
    """The newest rollout that has ended. seconds: since then."""

    rollout: Rollout
    progress: Progress
    seconds: float


@dataclass(frozen=True, slots=True)
class Situation:
    """What an undo is decided on.

    stable: of the current intent. open: the rollouts that have not ended, oldest first. ended: None
    where none ever did. changes: newest first.
    """

    stable: int
    open: tuple[OpenRollout, ...] = ()
    ended: Ended | None = None
    changes: tuple[StableChange, ...] = ()


@dataclass(frozen=True, slots=True)
class EndRollouts:
    """Every open rollout ends, and all traffic goes to `stable`."""

    rollouts: tuple[str, ...]
    stable: int


@dataclass(frozen=True, slots=True)
class JoinRollout:
    """This rollout does already what is asked for."""

    rollout: str
    message: str


@dataclass(frozen=True, slots=True)
class ResumeUndo:
    """This undo leads there already, but somebody paused or overrode it: it goes on. cause: who
    did."""

    rollout: str
    cause: str


@dataclass(frozen=True, slots=True)
class GoBack:
    """A rollout to an earlier revision starts; what runs is superseded. base: what will be stable
    when it starts, None: what is stable now."""

    revision: int
    base: int | None = None


@dataclass(frozen=True, slots=True)
class AlreadyStable:
    """The revision is stable, and nothing runs. rollout: the newest that ended, '' where none ever
    ran."""

    revision: int
    rollout: str = ""


@dataclass(frozen=True, slots=True)
class AlreadyRolledBack:
    """A rollback runs, or ended a moment ago. message: what happened. queued: the id of a rollout
    that starts after it, '' where none does. rests: the id of an undo that waits for a resume, ''
    where it does not. served: what `to` may name."""

    message: str
    stable: int
    served: tuple[Served, ...] = ()
    queued: str = ""
    rests: str = ""


@dataclass(frozen=True, slots=True)
class NothingToUndo:
    """No other revision served well. failing: those that a rollback left."""

    stable: int
    failing: tuple[int, ...] = ()


Undo = EndRollouts | JoinRollout | ResumeUndo | GoBack | AlreadyStable
UndoRefusal = AlreadyRolledBack | NothingToUndo


def decide_undo(to: int | None, situation: Situation) -> Undo | UndoRefusal:
    """What an undo comes to. to: the revision that it names, None where it names none."""
    if situation.open:
        return _while_open(to, situation)
    if to is None:
        return _back(situation)
    if to == situation.stable:
        if situation.ended is None:
            return AlreadyStable(to)
        return AlreadyStable(to, situation.ended.rollout.id)
    return GoBack(to)


def served_well(changes: Sequence[StableChange], stable: int) -> tuple[Served, ...]:
    """The revisions that an undo may pick, the last one first."""
    left = _left(changes)
    return tuple(
        Served(change.before, change.at)
        for change in left
        if change.before is not None and change.before != stable and not change.rollback
    )


def was_left(changes: Sequence[StableChange], stable: int) -> tuple[int, ...]:
    """The revisions that a rollback left, the last one first."""
    return tuple(
        change.before
        for change in _left(changes)
        if change.before is not None and change.before != stable and change.rollback
    )


def last_left(changes: Sequence[StableChange], revision: int) -> StableChange | None:
    """How a revision was left when it was stable the last time; None where it never was."""
    return next((change for change in _left(changes) if change.before == revision), None)


def is_rollback(rollout: Rollout, outcome: Outcome) -> bool:
    """Whether a rollout that ended so was a rollback. A shadow that keeps stable is none."""
    if rollout.strategy.kind is Kind.UNDO:
        return True
    if outcome is Outcome.KEPT_STABLE:
        return rollout.strategy.ending is Ending.PROMOTE
    return outcome is Outcome.ABORTED


def _left(changes: Sequence[StableChange]) -> Iterator[StableChange]:
    """How each revision was left the last time, newest first; nothing from before the endpoint was
    made, or made again. Where an undo was aborted, the time before it counts."""
    known: set[int] = set()
    for change in changes:
        if change.before is None or change.after is None:
            return
        if change.before not in known and not change.undo_aborted:
            known.add(change.before)
            yield change


def _while_open(to: int | None, situation: Situation) -> Undo | UndoRefusal:
    acting = situation.open[0]
    newest = situation.open[-1]
    if to is None:
        rollback = _running_rollback(situation)
        if rollback is not None:
            return rollback
        return _end(situation)
    if _leads_to(newest, to):
        if newest.rollout.strategy.kind is Kind.UNDO and newest.rests:
            return ResumeUndo(newest.rollout.id, newest.rests)
        message = f"r{to} becomes stable already: {_started(newest.rollout)}"
        return JoinRollout(newest.rollout.id, message)
    if to == acting.stable_after(situation.stable):
        return _end(situation)
    return _go_back(to, situation)


def _end(situation: Situation) -> EndRollouts:
    ids = tuple(each.rollout.id for each in situation.open)
    return EndRollouts(ids, situation.open[0].stable_after(situation.stable))


def _go_back(to: int, situation: Situation) -> GoBack:
    """To another revision, after what acts now: that is superseded, if it does not go back
    already."""
    acting = situation.open[0]
    base = acting.stable_after(situation.stable)
    if acting.rollout.strategy.urgent and not acting.going_back:
        base = situation.stable
    if base == situation.stable:
        return GoBack(to)
    return GoBack(to, base)


def _running_rollback(situation: Situation) -> AlreadyRolledBack | None:
    acting = situation.open[0]
    newest = situation.open[-1]
    served = served_well(situation.changes, situation.stable)
    if newest.rollout.strategy.kind is Kind.UNDO and not newest.going_back:
        message = f"{_started(newest.rollout)} is {newest.rests or 'under way'}"
        rests = ""
        if newest.rests:
            rests = newest.rollout.id
        suggested = _without(served, newest)
        return AlreadyRolledBack(message, situation.stable, suggested, rests=rests)
    if not acting.going_back:
        return None
    queued = ""
    if newest is not acting and not newest.going_back:
        queued = newest.rollout.id
    message = f"{_started(acting.rollout)} is ending ({_bounded(acting.going_back)})"
    return AlreadyRolledBack(message, situation.stable, _without(served, acting), queued)


def _back(situation: Situation) -> GoBack | UndoRefusal:
    """Without a rollout and without a revision: to the last one that served well."""
    served = served_well(situation.changes, situation.stable)
    ended = situation.ended
    if ended is not None and _recent(ended):
        return AlreadyRolledBack(_what_ended(ended), situation.stable, served)
    if not served:
        failing = was_left(situation.changes, situation.stable)
        return NothingToUndo(situation.stable, failing)
    return GoBack(served[0].revision)


def _recent(ended: Ended) -> bool:
    outcome = ended.progress.outcome
    if outcome is None or ended.seconds > RECENT_S:
        return False
    return is_rollback(ended.rollout, outcome)


def _leads_to(running: OpenRollout, revision: int) -> bool:
    """Whether a rollout makes this revision stable without anybody's further word."""
    if running.rollout.candidate != revision or running.going_back:
        return False
    promotes = running.progress.end.toward is Outcome.PROMOTED
    return promotes or running.rollout.strategy.kind is Kind.UNDO


def _without(served: tuple[Served, ...], rollout: OpenRollout) -> tuple[Served, ...]:
    """The suggestions without what is tried now."""
    return tuple(each for each in served if each.revision != rollout.rollout.candidate)


def _started(rollout: Rollout) -> str:
    if rollout.strategy.kind is Kind.UNDO:
        return f"the undo to r{rollout.candidate} by {rollout.author}"
    return f"the rollout of r{rollout.candidate} by {rollout.author}"


def _what_ended(ended: Ended) -> str:
    outcome = ended.progress.outcome
    cause = _bounded(ended.progress.end.message)
    since = lasts(ended.seconds)
    return f"{_started(ended.rollout)} ended {since} ago ({outcome}: {cause})"


def _bounded(text: str) -> str:
    if len(text) <= LONGEST_CAUSE:
        return text
    return text[:LONGEST_CAUSE] + "…"

"""How a rollout ends: promoted, or stable again; and what is tidied afterwards.

An ending is decided once (`begin`) and then followed until the cluster shows it (`follow`). Abort,
keep-stable and supersede are one intent: stable = base, no candidate.
"""

from dataclasses import replace

from tidegate.core import standby as standbys
from tidegate.core import watch_begin
from tidegate.core.intent import NO_TRAFFIC, Mode
from tidegate.core.rollout import NO_WAIT, Decision, Note, Outcome, WaitsFor, with_base
from tidegate.core.traffic import describe, desired, same
from tidegate.core.turn import Turn

# observed seconds that an undo waits for all the replicas that it should have, and that an end
# waits for a dead stable
ROLLBACK_WAIT = 30.0

_VERB = {
    Outcome.PROMOTED: "promote",
    Outcome.ABORTED: "abort",
    Outcome.KEPT_STABLE: "keep-stable",
    Outcome.SUPERSEDED: "supersede",
}


def begin(turn: Turn, ending: Outcome, message: str) -> Turn:
    """Decide the ending; a later one replaces it (an abort may still stop a promotion)."""
    return turn.having(
        end=replace(turn.progress.end, toward=ending, message=message, at=turn.now),
        wait=NO_WAIT,
        pause=None,
    )


def follow(turn: Turn) -> Decision:
    """Append the intent of the ending, then wait until the cluster shows it."""
    if turn.intent.stable is None:
        return _over(turn, "the endpoint is being deleted")
    if turn.progress.end.toward is Outcome.PROMOTED:
        return _promote(turn)
    if turn.progress.end.toward is Outcome.SUPERSEDED and turn.rollout.strategy.urgent:
        return _stay(turn)
    return _back(turn)


def overtaken(turn: Turn) -> Decision:
    """It waited behind another rollout, which was promoted after all: what it was asked for is no
    longer there."""
    base = turn.rollout.base
    stable = turn.intent.stable
    message = (
        f"r{stable} is stable now, not r{base} as when this rollout was asked for: start it again"
    )
    return _over(begin(turn, Outcome.ABORTED, message), message)


def rebase(turn: Turn) -> Turn:
    """An undo waited behind another rollout that changed stable: it leads to the same revision,
    from what is stable now."""
    turn = turn.having(base=turn.intent.stable)
    return replace(turn, rollout=with_base(turn.rollout, turn.progress))


def already(turn: Turn) -> Decision:
    """An undo to what has become stable meanwhile."""
    message = f"r{turn.rollout.candidate} is stable already"
    return _over(begin(turn, Outcome.PROMOTED, message), message)


def _promote(turn: Turn) -> Decision:
    rollout = turn.rollout
    intent = turn.intent
    if intent.stable != rollout.candidate:
        if intent.candidate != rollout.candidate and rollout.candidate not in intent.standby:
            return stage(turn)
        standby = (rollout.base,) if intent.mode is Mode.STANDARD else ()
        message = f"r{rollout.candidate} becomes stable: {turn.progress.end.message}"
        following = replace(
            intent,
            stable=rollout.candidate,
            candidate=None,
            candidate_traffic=NO_TRAFFIC,
            standby=standby,
        )
        return watch_begin.planned(turn).append(following, _VERB[Outcome.PROMOTED], message)
    if _shows(turn):
        turn = watch_begin.started(turn)
        undo = rollout.strategy.deadlines.undo
        kept = replace(
            turn.progress,
            end=replace(turn.progress.end, standby_until=turn.now + undo),
            step=replace(turn.progress.step, index=len(rollout.strategy.steps)),
        )
        return _over(replace(turn, progress=kept), f"r{rollout.candidate} serves everything")
    limit = rollout.strategy.deadlines.ready
    if _short_of_capacity(turn, min(ROLLBACK_WAIT, limit)):
        ready = turn.observation.ready(rollout.candidate)
        message = f"r{rollout.candidate} takes all with the {ready} replicas that it has"
        return turn.append(
            replace(intent, standby=()),
            "release",
            f"{message}: r{rollout.base} frees capacity for more",
        )
    if turn.overdue(WaitsFor.PROMOTION, limit):
        message = f"r{rollout.candidate} could not take all traffic within {limit:.0f} s"
        return _back(begin(turn, Outcome.ABORTED, message))
    return turn.waiting(
        WaitsFor.PROMOTION,
        f"r{rollout.candidate} takes over: now {describe(turn.observation.traffic)}",
    )


def _short_of_capacity(turn: Turn, limit: float) -> bool:
    """Whether an undo has waited long enough for full size. What it leads away from may have grown,
    is held at that size while it is on standby, and may hold the very capacity that is missing. Too
    small a revision that works is better than a bad one; without a standby revision all goes to
    stable at once, as in an abort."""
    undoes = turn.rollout.strategy.urgent and bool(turn.intent.standby)
    moves = undoes and not same(turn.observation.traffic, desired(turn.intent))
    return (
        moves
        and turn.observation.ready(turn.rollout.candidate) > 0
        and turn.overdue(WaitsFor.PROMOTION, limit)
    )


def stage(turn: Turn) -> Decision:
    """A promotion was asked for before the candidate ever ran: bring it up first, without
    traffic."""
    message = f"r{turn.rollout.candidate} gets ready to be promoted"
    candidate_traffic = replace(turn.staging, replicas_percent=100)
    return turn.append(
        replace(turn.intent, candidate=turn.rollout.candidate, candidate_traffic=candidate_traffic),
        "start",
        message,
    )


def _back(turn: Turn) -> Decision:
    rollout = turn.rollout
    intent = turn.intent
    progress = turn.progress
    if rollout.candidate in (intent.stable, intent.candidate):
        standby = tuple(r for r in intent.standby if r not in (rollout.base, rollout.candidate))
        message = f"back to r{rollout.base}: {progress.end.message}"
        following = replace(
            intent,
            stable=rollout.base,
            candidate=None,
            candidate_traffic=NO_TRAFFIC,
            standby=standby,
        )
        return turn.append(following, _VERB[progress.end.toward or Outcome.ABORTED], message)
    traffic = turn.observation.traffic
    if traffic is None or (traffic.most(rollout.candidate) == 0 and turn.observation.settled):
        return _over(turn, progress.end.message)
    if _stuck(turn):
        message = (
            f"{progress.end.message}; r{rollout.base} has no ready pod, so the rest waits for it"
        )
        return _over(turn, message)
    loses = "the route settles"
    if traffic.most(rollout.candidate):
        loses = f"r{rollout.candidate} loses its share"
    return turn.waiting(WaitsFor.RETURN, f"{loses}: now {describe(traffic)}")


def _stuck(turn: Turn) -> bool:
    """Whether the way back waits for a dead stable. Knative moves no traffic until its second
    revision is ready, which may be never; a rollout that did not end would keep the next one, and
    the way forward, waiting behind it."""
    return (
        turn.intent.mode is Mode.KNATIVE
        and not turn.observation.up(turn.rollout.base)
        and turn.overdue(WaitsFor.RETURN, ROLLBACK_WAIT)
    )


def _stay(turn: Turn) -> Decision:
    """An undo that another rollout supersedes leaves stable as it is by now: going back to what it
    led away from would help nobody. One that has not begun leaves all as it is."""
    intent = turn.intent
    rollout = turn.rollout
    standby = tuple(r for r in intent.standby if r not in (rollout.base, rollout.candidate))
    following = replace(intent, candidate=None, candidate_traffic=NO_TRAFFIC, standby=standby)
    begun = rollout.candidate in (intent.stable, intent.candidate)
    if not begun or following == intent:
        return _over(turn, turn.progress.end.message)
    message = f"r{intent.stable} stays: {turn.progress.end.message}"
    return turn.append(following, _VERB[Outcome.SUPERSEDED], message)


def _shows(turn: Turn) -> bool:
    return turn.observation.settled and same(turn.observation.traffic, desired(turn.intent))


def _over(turn: Turn, message: str) -> Decision:
    ending = turn.progress.end.toward
    assert ending is not None
    progress = replace(turn.progress, outcome=ending)
    if ending is Outcome.PROMOTED:
        wake = progress.end.standby_until
    else:
        wake = turn.now
    spent = turn.now - (progress.end.at or turn.now)
    note = Note(turn.author, str(ending), f"{message} ({spent:.1f} s after the decision)")
    return Decision(progress, message, wake, notes=(note,))


def tidy(turn: Turn) -> Decision:
    """After the end: keep old stable on standby until the undo window closes, then let it go."""
    progress = turn.progress
    intent = turn.intent
    base = turn.rollout.base
    message = f"{progress.outcome}: {progress.end.message}"
    if (
        progress.outcome is not Outcome.PROMOTED
        or base not in intent.standby
        or progress.end.standby_until is None
    ):
        return Decision(replace(progress, end=replace(progress.end, tidy=True)), message, None)
    cause = standbys.claimed(intent, turn.observation)
    if cause is not None:
        return standbys.release(turn.having(end=replace(progress.end, tidy=True)), cause)
    if turn.now < progress.end.standby_until:
        return Decision(progress, message, progress.end.standby_until)
    closing = f"the undo window is over: r{base} is no longer on standby"
    standby = tuple(r for r in intent.standby if r != base)
    return turn.having(end=replace(turn.progress.end, tidy=True)).append(
        replace(intent, standby=standby), "release", closing
    )

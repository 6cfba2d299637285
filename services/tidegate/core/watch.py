"""After a promotion somebody still watches: what a promoted revision does to its clients, and when
it goes back by itself. Pure.

The rollout that was promoted goes on looking, until its watch is over or another rollout starts.
Old stable is on standby meanwhile. Where the promoted revision has no ready pod, or crashes, and
old stable is ready, an undo starts at once. Where its error rate is gross, old stable first gets
`SHARE` of the traffic again, and both are judged in the same blocks (`watch_evidence`): only where
old stable is better an undo starts. Where both are bad nothing moves, and people are told.

The undo is an ordinary rollout of the controller's own. There is one per promotion: its id follows
from that of the promoted rollout.
"""

from dataclasses import replace
from uuid import NAMESPACE_URL, uuid5

from tidegate.core import endings, standby, watch_evidence
from tidegate.core.commands import undo as undo_command
from tidegate.core.drivers.pod_state import CRASH_LOOP
from tidegate.core.evalues import Arm
from tidegate.core.intent import NO_TRAFFIC, Intent, Mode
from tidegate.core.rollout import Decision, Note, Rollout, Routed
from tidegate.core.strategy import undo
from tidegate.core.traffic import same
from tidegate.core.turn import Turn
from tidegate.core.watch_values import COMPARED, SHARE, Watch, WatchState

COMPARE_S = 1800.0  # a comparison that is not decided by then is given up
AGAIN_S = 300.0  # between two comparisons, while an outage is shared
NO_POD_S = 30.0  # observed seconds without a ready pod, altogether


def follow(turn: Turn) -> Decision:
    """One pass after the end of a rollout: watch, then tidy up."""
    watch = turn.progress.watch
    if watch is None or not watch.runs:
        return endings.tidy(turn)
    turn = _observed(turn, watch)
    watch = turn.progress.watch
    assert watch is not None
    ended = _ended(turn, watch)
    if ended:
        return _end(turn, watch, ended)
    cause = None
    if turn.rollout.base in turn.intent.standby:
        cause = standby.claimed(turn.intent, turn.observation)
    if cause is not None:
        return standby.release(turn.having(watch=replace(watch, released=cause)), cause)
    if _is_down(turn, watch):
        return _without_pods(turn, watch)
    if watch.state is WatchState.COMPARING:
        return _compare(turn, watch)
    return _judge(turn, watch)


def undoes(rollout: Rollout, mode: Mode) -> bool:
    """Whether its watch undoes by itself. In trial no verdict moves traffic."""
    return not rollout.trial and rollout.strategy.watch.undoes(mode)


def back_at_rest(rollout: Rollout, intent: Intent, *, released: bool = False) -> Intent:
    """The intent without the share of a comparison; old stable is on standby again."""
    kept: tuple[int, ...] = ()
    if intent.mode is Mode.STANDARD and not released:
        kept = (rollout.base,)
    return replace(intent, candidate=None, candidate_traffic=NO_TRAFFIC, standby=kept)


def compares(rollout: Rollout, intent: Intent) -> Intent:
    """The intent of a comparison."""
    rest = standby.without(intent, rollout.base)
    return replace(rest, candidate=rollout.base, candidate_traffic=COMPARED)


def _observed(turn: Turn, watch: Watch) -> Turn:
    """Count the seconds without a ready pod, and when the traffic last moved."""
    promoted = turn.rollout.candidate
    observation = turn.observation
    down = not observation.up(promoted) and not observation.not_warmed_up(promoted)
    if down:
        turn = turn.having(watch=replace(watch, down=watch.down + turn.elapsed))
    if same(turn.progress.routed.traffic, observation.traffic):
        return turn
    return turn.having(routed=Routed(observation.traffic, turn.now))


def _ended(turn: Turn, watch: Watch) -> str:
    """Why the watch is over; '' while it is not."""
    intent = turn.intent
    if intent.stable != turn.rollout.candidate:
        return f"r{turn.rollout.candidate} is not stable any more"
    if turn.surroundings.superseded:
        return "another rollout has started"
    if watch.state is WatchState.COMPARING:
        moved = intent.candidate != turn.rollout.base or intent.candidate_traffic != COMPARED
        return "somebody moved the traffic" if moved else ""
    assert watch.until is not None
    if turn.now >= watch.until:
        return "its time is over"
    return ""


def _end(turn: Turn, watch: Watch, cause: str) -> Decision:
    """The end of the watch: a comparison is taken back, and the rest is tidied up."""
    ended = turn.having(watch=replace(watch, state=WatchState.ENDED, since=turn.now))
    compared = watch.state is WatchState.COMPARING and turn.intent.candidate == turn.rollout.base
    if not compared or turn.intent.stable != turn.rollout.candidate:
        return endings.tidy(ended)
    return _take_back(ended, f"the watch ends: {cause}")


def _judge(turn: Turn, watch: Watch) -> Decision:
    """While nothing is compared: the promoted revision alone, against the record."""
    seen = watch_evidence.findings(watch)
    bad = watch.state in (WatchState.FAILING, WatchState.SHARED)
    if bad and (seen.well or (watch.down and not seen.gross)):
        return _go_on(turn, watch)
    if not seen.gross:
        return _wait(turn)
    waited = turn.now - (watch.since or 0.0)
    if watch.state is WatchState.FAILING or (bad and waited < AGAIN_S):
        # Shown anew as long as it lasts: what was shown once would hold when it is over
        return _wait(turn.having(watch=watch_evidence.anew(watch)))
    message = f"r{turn.rollout.candidate} answered {_line(turn, watch)}"
    lacks = _no_comparison(turn, watch)
    if lacks:
        return _fail(turn, watch, message, lacks)
    comparing = watch_evidence.anew(
        replace(watch, state=WatchState.COMPARING, since=turn.now, message=message, down=0.0)
    )
    base = turn.rollout.base
    return turn.having(watch=comparing).append(
        compares(turn.rollout, turn.intent),
        "watch",
        f"{message}: r{base} gets {SHARE} % to be compared with",
    )


def _compare(turn: Turn, watch: Watch) -> Decision:
    """Whether old stable is better in the same blocks."""
    seen = watch_evidence.findings(watch)
    base = turn.rollout.base
    beside = f"{watch.message}; r{base} beside it {_of(watch_evidence.old_counts(watch))}"
    if seen.well or (seen.alike and not seen.gross):
        return _go_on(turn, watch)
    if seen.both or seen.alike:
        return _back(turn, watch, WatchState.SHARED, f"shared outage: {beside}")
    if seen.worse and seen.sound:
        return _undo(turn, watch, f"{beside}: r{base} is better")
    if turn.now - (watch.since or 0.0) >= COMPARE_S:
        message = f"{beside}: not decided within {COMPARE_S:.0f} s"
        return _back(turn, watch, WatchState.FAILING, message)
    return _wait(turn)


def _is_down(turn: Turn, watch: Watch) -> bool:
    """Whether the promoted revision has no ready pod, for too long or in a crash loop."""
    live = turn.observation.of(turn.rollout.candidate)
    if live is not None and (live.up or live.not_warmed_up):
        return False
    crashes = live is not None and live.trouble.restarts - watch.restarts >= CRASH_LOOP
    return crashes or watch.down >= NO_POD_S


def _without_pods(turn: Turn, watch: Watch) -> Decision:
    """It answers nobody: old stable does, if it is ready."""
    promoted = turn.rollout.candidate
    base = turn.rollout.base
    failure = turn.observation.failure(promoted)
    cause = f": {failure}" if failure else ""
    message = f"r{promoted} has no ready pod{cause}"
    if not undoes(turn.rollout, turn.intent.mode):
        return _fail(turn, watch, message, _people(turn))
    starts_pods = turn.intent.mode is Mode.KNATIVE
    if starts_pods or turn.observation.up(base):
        return _undo(turn, watch, message)
    if watch.released:
        return _fail(turn, watch, message, f"r{base} is no longer on standby")
    if watch.state is WatchState.SHARED:
        return _wait(turn)
    return _back(
        turn, watch, WatchState.SHARED, f"shared outage: {message}, and r{base} has none either"
    )


def _no_comparison(turn: Turn, watch: Watch) -> str:
    """Why old stable gets no share to be compared with; '' where it does."""
    base = turn.rollout.base
    if not undoes(turn.rollout, turn.intent.mode):
        return _people(turn)
    if not turn.surroundings.splits:
        return "without a gateway no traffic can be split to compare"
    if turn.intent.mode is Mode.KNATIVE:
        return ""
    if base not in turn.intent.standby:
        return f"r{base} is no longer on standby"
    if not turn.observation.up(base):
        return f"r{base} has no ready pod"
    return ""


def _people(turn: Turn) -> str:
    if turn.rollout.trial:
        return "the tenant is in trial, so that nothing moves"
    if turn.rollout.strategy.watch.on_fail is None:
        return f"in knative mode r{turn.rollout.base} has no pods any more"
    return "the plan says alert"


def _fail(turn: Turn, watch: Watch, message: str, lacks: str) -> Decision:
    """It fails, and people have to decide: told once, and held until it is well again."""
    if watch.state is WatchState.FAILING:
        return _wait(turn)
    command = undo_command(turn.intent.key, turn.rollout.base)
    whole = f"{message}; nothing is undone, for {lacks}: `{command}` goes back"
    return _back(turn, watch, WatchState.FAILING, whole)


def _back(turn: Turn, watch: Watch, state: WatchState, message: str) -> Decision:
    """Nothing is undone: a comparison is taken back, and the counts begin anew, to tell when it is
    over."""
    stored = watch_evidence.anew(replace(watch, state=state, since=turn.now, message=message))
    turn = turn.having(watch=stored)
    if turn.intent.candidate == turn.rollout.base:
        return _take_back(turn, message)
    return replace(_wait(turn), notes=(Note(turn.author, "watch", message),))


def _go_on(turn: Turn, watch: Watch) -> Decision:
    message = f"r{turn.rollout.candidate} is well again"
    well = watch_evidence.anew(
        replace(watch, state=WatchState.WATCHING, since=turn.now, message="", down=0.0)
    )
    turn = turn.having(watch=well)
    if turn.intent.candidate == turn.rollout.base:
        return _take_back(turn, message)
    return replace(_wait(turn), notes=(Note(turn.author, "watch", message),))


def _take_back(turn: Turn, message: str) -> Decision:
    watch = turn.progress.watch
    assert watch is not None
    rest = back_at_rest(turn.rollout, turn.intent, released=bool(watch.released))
    return turn.append(rest, "watch", message)


def _undo(turn: Turn, watch: Watch, message: str) -> Decision:
    """Start the undo. The intent stays: the undo takes over a comparison as it is."""
    old = turn.rollout
    rollout = Rollout(
        str(uuid5(NAMESPACE_URL, f"tidegate:undo:{old.id}")),
        replace(undo(), deadlines=old.strategy.deadlines),
        old.candidate,
        old.base,
        turn.author,
        message,
    )
    undone = replace(
        watch, state=WatchState.UNDONE, since=turn.now, message=message, undo=rollout.id
    )
    progress = turn.having(watch=undone).progress
    note = Note(turn.author, "watch", f"back to r{old.base}: {message}")
    return Decision(progress, message, turn.now, notes=(note,), starts=rollout)


def _wait(turn: Turn) -> Decision:
    """Look again soon."""
    progress = turn.progress
    assert progress.watch is not None
    message = progress.watch.message or f"{progress.outcome}: {progress.end.message}"
    return Decision(progress, message, turn.now + turn.interval)


def _line(turn: Turn, watch: Watch) -> str:
    """The counts that are gross, and the line that they are above."""
    counts = _of(watch_evidence.promoted_counts(watch))
    base = turn.rollout.base
    if watch.record is None:
        return f"{counts} with errors, r{base}'s record is unknown"
    return f"{counts} with errors, r{base} {100 * watch.record:.1f} % before"


def _of(arm: Arm) -> str:
    return f"{arm.bad} of {arm.n} ({100 * arm.rate:.1f} %)"

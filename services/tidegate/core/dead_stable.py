"""A rollout over a stable revision that has no ready pod.

An abort would send every client to nobody while the candidate serves. So the rollout controller's
own abort is postponed: the rollout pauses at its split, says which command goes forward, and aborts
when stable has a ready pod again. A person's abort is carried out, with a warning.
"""

from dataclasses import replace

from tidegate.core import endings
from tidegate.core.commands import forward, start_over
from tidegate.core.intent import Mode
from tidegate.core.phases import current_step
from tidegate.core.rollout import (
    NO_WAIT,
    Decision,
    Note,
    Outcome,
    Pause,
    PauseKind,
    WaitsFor,
)
from tidegate.core.strategy import Until
from tidegate.core.turn import Turn

_TOWARD_STABLE = (Outcome.ABORTED, Outcome.KEPT_STABLE)


def is_down(turn: Turn) -> bool:
    """Whether the revision that an abort leads to has no ready pod. What a promotion in Knative mode
    left keeps no pods, so without a failure it is only scaled down."""
    base = turn.rollout.base
    intent = turn.intent
    live = turn.observation.of(base)
    if live is not None and live.up:
        return False
    if base == intent.stable or base in intent.standby:
        return True
    promoted = turn.progress.end.toward is Outcome.PROMOTED
    return promoted and live is not None and live.trouble.failure is not None


def cause(turn: Turn) -> str:
    """What is wrong with stable, in the cluster's words where it has some."""
    base = turn.rollout.base
    failure = turn.observation.failure(base)
    if failure is None:
        return f"stable r{base} has no ready pod"
    return f"stable r{base} has no ready pod ({failure})"


def advice(turn: Turn) -> str:
    """The command that goes forward, '' where there is none, or while the candidate has no ready
    pod either."""
    candidate = turn.rollout.candidate
    command = forward(turn.intent.key, turn.rollout, turn.progress)
    if not command or not turn.observation.up(candidate):
        return ""
    return f"`{command}` goes forward to r{candidate}"


def with_advice(turn: Turn, message: str) -> str:
    """A message with the command that goes forward, where there is one."""
    return "; ".join(part for part in (message, advice(turn)) if part)


def before_ending(turn: Turn, people: Turn) -> Turn:
    """The turn without an ending that the controller decided meanwhile. people: the turn after
    people's actions."""
    if turn.progress.end.toward is people.progress.end.toward:
        return turn
    return turn.having(
        end=people.progress.end,
        pause=people.progress.pause,
        wait=people.progress.wait,
    )


def postpones(before: Turn, decision: Decision) -> bool:
    """Whether the controller's own decision to go back has to wait for stable. before: the turn
    after people's actions: what they asked for is carried out."""
    if before.progress.end.toward in (*_TOWARD_STABLE, Outcome.SUPERSEDED):
        return False
    if decision.progress.end.toward not in _TOWARD_STABLE or before.intent.stable is None:
        return False
    return is_down(before) and before.observation.up(before.rollout.candidate)


def postpone(before: Turn, decision: Decision) -> Decision:
    """The decision without its ending: a pause at the present split, which remembers why it would
    end. A line of the ledger says so once. A promotion that does not get through goes on trying."""
    if before.progress.end.toward is Outcome.PROMOTED:
        message = f"{decision.progress.end.message}; but {cause(before)}"
        return before.waiting(WaitsFor.PROMOTION, message)
    pause = before.progress.pause
    if pause is None or pause.kind is not PauseKind.NO_STABLE:
        pause = _pause(before, decision.progress.end.message)
    turn = before.having(pause=pause)
    waiting = turn.waiting(WaitsFor.PAUSE, pause.message)
    if pause == before.progress.pause:
        return waiting
    return replace(waiting, notes=(Note(turn.author, "pause", pause.message),))


def _pause(before: Turn, reason: str) -> Pause:
    percent = before.intent.candidate_traffic.percent
    message = (
        f"{reason}; but {cause(before)}, so r{before.rollout.candidate} keeps its {percent} % "
        "until it has one"
    )
    return Pause(PauseKind.NO_STABLE, before.author, with_advice(before, message), reason)


def resumed(turn: Turn) -> Turn:
    """The turn once stable has a ready pod, or the candidate has none: what was postponed happens,
    and a candidate that only waited for stable goes on."""
    pause = turn.progress.pause
    if pause is None or pause.kind is not PauseKind.NO_STABLE:
        return turn
    if is_down(turn) and (not pause.postponed or turn.observation.up(turn.rollout.candidate)):
        return turn
    if pause.postponed:
        return endings.begin(turn, Outcome.ABORTED, pause.postponed)
    return turn.having(pause=None, wait=NO_WAIT)


def waits_behind(turn: Turn) -> bool:
    """Whether the candidate is not even written, because stable never got ready: in Knative mode it
    enters only after stable has served."""
    if turn.intent.mode is not Mode.KNATIVE or not is_down(turn):
        return False
    return turn.observation.of(turn.rollout.candidate) is None


def wait_behind(turn: Turn) -> Decision:
    """The decision of a candidate that waits behind stable: it is not blamed for it. It pauses when
    the time to get ready is over, and ends when the pause does."""
    base = turn.rollout.base
    candidate = turn.rollout.candidate
    deadlines = turn.rollout.strategy.deadlines
    command = forward(turn.intent.key, turn.rollout, turn.progress)
    waits = f"r{candidate} waits for r{base}: {cause(turn)}"
    message = f"{waits}; `{command}` skips r{base}"
    if turn.progress.pause is not None:
        if not turn.overdue(WaitsFor.PAUSE, deadlines.decision):
            return turn.waiting(WaitsFor.PAUSE, message)
        late = f"paused for {deadlines.decision:.0f} s, and nobody resumed; {waits}"
        # A rollout that has ended takes no promotion any more
        anew = start_over(turn.intent.key, candidate)
        late += f"; `{anew}` begins with r{candidate} anew"
        return endings.follow(endings.begin(turn, Outcome.ABORTED, late))
    if not turn.overdue(WaitsFor.READY, deadlines.ready):
        return turn.waiting(WaitsFor.READY, message)
    pause = Pause(PauseKind.NO_STABLE, turn.author, message)
    paused = turn.having(pause=pause).waiting(WaitsFor.PAUSE, message)
    return replace(paused, notes=(Note(turn.author, "pause", message),))


def approved(turn: Turn) -> bool:
    """Whether a person approved the present step although stable is down: then it is done, whatever
    the comparison with stable lacks. A person's own pause still holds it."""
    step = current_step(turn.rollout, turn.progress)
    if step is None or step.until is not Until.APPROVAL or turn.progress.step.approved_by is None:
        return False
    pause = turn.progress.pause
    if pause is not None and pause.kind is PauseKind.PAUSED:
        return False
    return is_down(turn) and turn.observation.up(turn.rollout.candidate)

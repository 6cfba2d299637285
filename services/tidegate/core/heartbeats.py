"""Heartbeats of a rollout's pipeline: notices when they stop and when they come back, and does what
the rollout's guard says."""

from dataclasses import replace

from tidegate.core import endings
from tidegate.core.guard import Guard, Heartbeat, OnHeartbeatTimeout, listen
from tidegate.core.rollout import NO_WAIT, Note, Outcome, Pause, PauseKind
from tidegate.core.turn import Turn

_SAID = {
    OnHeartbeatTimeout.CONTINUE: "goes on without it",
    OnHeartbeatTimeout.PAUSE: "pauses until it is back, or a person resumes",
    OnHeartbeatTimeout.ABORT: "goes back to stable",
}


def hear(turn: Turn, heartbeat: Heartbeat | None) -> tuple[Turn, tuple[Note, ...]]:
    """The turn with this reconcile's heartbeat, with a ledger line where a timeout begins or ends.

    A rollout that is ending, or that a person overrides, has no need of its pipeline."""
    guard = turn.rollout.guard
    before = turn.progress.heartbeats
    if guard is None or turn.progress.end.toward is not None or turn.progress.override is not None:
        return turn, ()
    heartbeats = listen(guard, before, heartbeat, turn.elapsed)
    turn = turn.having(heartbeats=heartbeats)
    if heartbeats.missed and not before.missed:
        return _missed(turn, guard)
    if before.missed and not heartbeats.missed:
        return _back(turn, before.since)
    return turn, ()


def missed_message(guard: Guard) -> str:
    """A missed heartbeat in one line: what was missed, and what follows from it."""
    return f"no heartbeat of its pipeline for {guard.timeout:.0f} s: {_SAID[guard.on_heartbeat_timeout]}"


def _missed(turn: Turn, guard: Guard) -> tuple[Turn, tuple[Note, ...]]:
    message = missed_message(guard)
    note = Note(turn.author, "heartbeat-missed", message)
    if guard.on_heartbeat_timeout is OnHeartbeatTimeout.ABORT:
        return endings.begin(turn, Outcome.ABORTED, message), (note,)
    if guard.on_heartbeat_timeout is OnHeartbeatTimeout.PAUSE and turn.progress.pause is None:
        turn = turn.having(
            pause=Pause(PauseKind.NO_HEARTBEAT, turn.author, message),
            wait=NO_WAIT,
        )
    return turn, (note,)


def _back(turn: Turn, since: float) -> tuple[Turn, tuple[Note, ...]]:
    note = Note(
        turn.author, "heartbeat-back", f"heartbeats of its pipeline are back after {since:.0f} s"
    )
    pause = turn.progress.pause
    if pause is not None and pause.kind is PauseKind.NO_HEARTBEAT:
        turn = replace(
            turn,
            progress=replace(turn.progress, pause=None, wait=NO_WAIT),
        )
    return turn, (note,)

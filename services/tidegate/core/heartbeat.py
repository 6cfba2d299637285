"""The rollout controller's ear for the pipeline: notices a silence and its end, and does what the rollout's guard
says."""

from dataclasses import replace

from tidegate.core import endings
from tidegate.core.guard import Beat, Guard, WhenGone, listen
from tidegate.core.rollout import Note, Outcome, Pause, PauseKind, WaitsFor
from tidegate.core.turn import Turn

_SAID = {
    WhenGone.CONTINUE: "goes on without it",
    WhenGone.PAUSE: "pauses until it is back, or a person resumes",
    WhenGone.ABORT: "goes back to stable",
}


def hear(turn: Turn, beat: Beat | None) -> tuple[Turn, tuple[Note, ...]]:
    """The turn after this reconcile's silence, with a ledger line where it begins or ends to matter.

    A rollout that is ending, or that a person overrides, has no need of its pipeline."""
    guard, before = turn.rollout.guard, turn.progress.pulse
    if guard is None or turn.progress.ending is not None or turn.progress.override is not None:
        return turn, ()
    pulse = listen(guard, before, beat, turn.elapsed)
    turn = turn.having(pulse=pulse)
    if pulse.missed and not before.missed:
        return _silence(turn, guard)
    if before.missed and not pulse.missed:
        return _back(turn, before.silent)
    return turn, ()


def silence(guard: Guard) -> str:
    """A silence in one line: what was missed, and what follows from it."""
    return f"no sign of its pipeline for {guard.gap:.0f} s: {_SAID[guard.when_gone]}"


def _silence(turn: Turn, guard: Guard) -> tuple[Turn, tuple[Note, ...]]:
    message = silence(guard)
    note = Note(turn.author, "pipeline-silent", message)
    if guard.when_gone is WhenGone.ABORT:
        return endings.begin(turn, Outcome.ABORTED, message), (note,)
    if guard.when_gone is WhenGone.PAUSE and turn.progress.pause is None:
        turn = turn.having(pause=Pause(PauseKind.SILENT, turn.author, message), waited=0.0, waits_for=WaitsFor.NOTHING)
    return turn, (note,)


def _back(turn: Turn, silent: float) -> tuple[Turn, tuple[Note, ...]]:
    note = Note(turn.author, "pipeline-back", f"its pipeline is heard again after {silent:.0f} s")
    pause = turn.progress.pause
    if pause is not None and pause.kind is PauseKind.SILENT:
        turn = replace(turn, progress=replace(turn.progress, pause=None, waited=0.0, waits_for=WaitsFor.NOTHING))
    return turn, (note,)

"""The silence of a pipeline: counted by observed time, acted on once, ended by a beat."""

from dataclasses import replace

from tests.core.values import intent, seen, split
from tidegate.core import strategy
from tidegate.core.guard import Beat, Guard, Pulse, WhenGone, listen
from tidegate.core.heartbeat import hear
from tidegate.core.rollout import Outcome, Pause, PauseKind, Progress, Rollout
from tidegate.core.turn import Turn

GUARD = Guard(WhenGone.PAUSE, gap=60.0)
SILENT = Pulse(at=100.0, silent=58.0)


def turn(when_gone: WhenGone, **progress: object) -> Turn:
    """At the first step, 58 s of silence behind it, 5 s since the last reconcile."""
    rollout = Rollout("ro-1", strategy.canary(), 1, 2, "ann", guard=Guard(when_gone, 60.0))
    now = replace(Progress(step=0, pulse=SILENT), **progress)  # type: ignore[arg-type]
    return Turn(rollout, now, intent(10), seen(split(10), r1=1, r2=1), 200.0, 5.0, 5.0)


def test_silence_adds_up_until_a_beat_is_new() -> None:
    assert listen(GUARD, SILENT, Beat(100.0), 1.0) == Pulse(100.0, 59.0)
    assert listen(GUARD, SILENT, Beat(101.0), 20.0) == Pulse(101.0)
    assert listen(GUARD, SILENT, Beat(100.0), 2.0) == Pulse(100.0, 60.0, missed=True)


def test_a_pipeline_that_never_beat_is_silent_from_the_start() -> None:
    assert listen(GUARD, Pulse(), None, 60.0) == Pulse(None, 60.0, missed=True)


def test_a_clock_that_goes_back_is_a_beat_all_the_same() -> None:
    assert listen(GUARD, SILENT, Beat(50.0), 5.0) == Pulse(50.0)


def test_after_a_release_no_silence_counts_until_the_next_beat() -> None:
    released = listen(GUARD, SILENT, Beat(101.0, released=True), 5.0)
    assert released == Pulse(101.0, released=True)
    assert listen(GUARD, released, Beat(101.0, released=True), 3600.0) == released
    assert listen(GUARD, released, Beat(102.0), 5.0) == Pulse(102.0)


def test_what_the_author_chose_is_done_once_and_said_once() -> None:
    paused, notes = hear(turn(WhenGone.PAUSE), Beat(100.0))
    assert paused.progress.pause is not None
    assert (paused.progress.pause.kind, [note.action for note in notes]) == (PauseKind.SILENT, ["pipeline-silent"])
    resumed = paused.having(pause=None)
    assert hear(resumed, Beat(100.0))[0].progress.pause is None
    assert hear(turn(WhenGone.CONTINUE), None)[0].progress.pause is None
    assert hear(turn(WhenGone.ABORT), None)[0].progress.ending is Outcome.ABORTED


def test_a_beat_ends_its_own_pause_and_no_other() -> None:
    paused, _ = hear(turn(WhenGone.PAUSE), Beat(100.0))
    back, notes = hear(paused, Beat(300.0))
    assert (back.progress.pause, [note.action for note in notes]) == (None, ["pipeline-back"])
    persons = Pause(PauseKind.PAUSED, "bob", "lunch")
    assert hear(paused.having(pause=persons), Beat(300.0))[0].progress.pause == persons


def test_a_persons_pause_stays_a_persons() -> None:
    persons = Pause(PauseKind.PAUSED, "bob", "lunch")
    assert hear(turn(WhenGone.PAUSE, pause=persons), None)[0].progress.pause == persons


def test_an_ending_and_a_hand_on_the_percent_need_no_pipeline() -> None:
    for progress in ({"ending": Outcome.PROMOTED}, {"override": "bob"}):
        same = turn(WhenGone.ABORT, **progress)
        assert hear(same, None) == (same, ())


def test_without_a_guard_nobody_listens() -> None:
    unguarded = replace(turn(WhenGone.ABORT), rollout=Rollout("ro-1", strategy.canary(), 1, 2, "ann"))
    assert hear(unguarded, None) == (unguarded, ())

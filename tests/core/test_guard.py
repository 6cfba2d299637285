"""The silence of a pipeline: counted by observed time, acted on once, ended by a heartbeat."""

from dataclasses import replace

from tests.core.values import intent, seen, split
from tidegate.core import strategy
from tidegate.core.guard import Guard, Heartbeat, Heartbeats, OnHeartbeatTimeout, listen
from tidegate.core.heartbeats import hear
from tidegate.core.rollout import End, Outcome, Pause, PauseKind, Progress, Rollout, StepProgress
from tidegate.core.turn import Turn

GUARD = Guard(OnHeartbeatTimeout.PAUSE, timeout=60.0)
SINCE_58 = Heartbeats(at=100.0, since=58.0)


def turn(on_heartbeat_timeout: OnHeartbeatTimeout, **progress: object) -> Turn:
    """At the first step, 58 s without a heartbeat behind it, 5 s since the last reconcile."""
    rollout = Rollout(
        "ro-1", strategy.canary(), 1, 2, "ann", guard=Guard(on_heartbeat_timeout, 60.0)
    )
    now = replace(Progress(step=StepProgress(index=0), heartbeats=SINCE_58), **progress)  # type: ignore[arg-type]
    return Turn(rollout, now, intent(10), seen(split(10), r1=1, r2=1), 200.0, 5.0, 5.0)


def test_time_adds_up_until_a_heartbeat_is_new() -> None:
    assert listen(GUARD, SINCE_58, Heartbeat(100.0), 1.0) == Heartbeats(100.0, 59.0)
    assert listen(GUARD, SINCE_58, Heartbeat(101.0), 20.0) == Heartbeats(101.0)
    assert listen(GUARD, SINCE_58, Heartbeat(100.0), 2.0) == Heartbeats(100.0, 60.0, missed=True)


def test_without_any_heartbeat_time_counts_from_the_start() -> None:
    assert listen(GUARD, Heartbeats(), None, 60.0) == Heartbeats(None, 60.0, missed=True)


def test_a_clock_that_goes_back_is_a_heartbeat_all_the_same() -> None:
    assert listen(GUARD, SINCE_58, Heartbeat(50.0), 5.0) == Heartbeats(50.0)


def test_after_a_release_no_time_counts_until_the_next_heartbeat() -> None:
    released = listen(GUARD, SINCE_58, Heartbeat(101.0, released=True), 5.0)
    assert released == Heartbeats(101.0, released=True)
    assert listen(GUARD, released, Heartbeat(101.0, released=True), 3600.0) == released
    assert listen(GUARD, released, Heartbeat(102.0), 5.0) == Heartbeats(102.0)


def test_what_the_author_chose_is_done_once_and_said_once() -> None:
    paused, notes = hear(turn(OnHeartbeatTimeout.PAUSE), Heartbeat(100.0))
    assert paused.progress.pause is not None
    assert (paused.progress.pause.kind, [note.action for note in notes]) == (
        PauseKind.NO_HEARTBEAT,
        ["heartbeat-missed"],
    )
    resumed = paused.having(pause=None)
    assert hear(resumed, Heartbeat(100.0))[0].progress.pause is None
    assert hear(turn(OnHeartbeatTimeout.CONTINUE), None)[0].progress.pause is None
    assert hear(turn(OnHeartbeatTimeout.ABORT), None)[0].progress.end.toward is Outcome.ABORTED


def test_a_heartbeat_ends_its_own_pause_and_no_other() -> None:
    paused, _ = hear(turn(OnHeartbeatTimeout.PAUSE), Heartbeat(100.0))
    back, notes = hear(paused, Heartbeat(300.0))
    assert (back.progress.pause, [note.action for note in notes]) == (None, ["heartbeat-back"])
    persons = Pause(PauseKind.PAUSED, "bob", "lunch")
    assert hear(paused.having(pause=persons), Heartbeat(300.0))[0].progress.pause == persons


def test_a_persons_pause_stays_a_persons() -> None:
    persons = Pause(PauseKind.PAUSED, "bob", "lunch")
    assert hear(turn(OnHeartbeatTimeout.PAUSE, pause=persons), None)[0].progress.pause == persons


def test_an_ending_and_a_hand_on_the_percent_need_no_pipeline() -> None:
    for progress in ({"end": End(toward=Outcome.PROMOTED)}, {"override": "bob"}):
        same = turn(OnHeartbeatTimeout.ABORT, **progress)
        assert hear(same, None) == (same, ())


def test_without_a_guard_nobody_listens() -> None:
    unguarded = replace(
        turn(OnHeartbeatTimeout.ABORT), rollout=Rollout("ro-1", strategy.canary(), 1, 2, "ann")
    )
    assert hear(unguarded, None) == (unguarded, ())

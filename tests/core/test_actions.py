"""Actions: heard in order, once, and what each does to the progress."""

from dataclasses import replace

import pytest

from tests.core.values import intent, seen, split
from tidegate.core import strategy
from tidegate.core.actions import hear
from tidegate.core.evidence import Arm, Block, Evidence, MetricKind, Track
from tidegate.core.rollout import (
    Action,
    ActionKind,
    End,
    Judgement,
    Outcome,
    Pause,
    PauseKind,
    Progress,
    Rollout,
    RolloutWait,
    StepAnswer,
    StepProgress,
)
from tidegate.core.turn import Turn
from tidegate.core.verdicts import weigh

ROLLOUT = Rollout("ro-1", strategy.canary(), 1, 2, "ann")
PAUSED = Pause(PauseKind.PAUSED, "bob", "lunch")


def turn(**progress: object) -> Turn:
    """At the first step, r2 at 10 %."""
    now = replace(
        Progress(step=StepProgress(index=0), wait=RolloutWait(seconds=50.0, kind="bake")),
        **progress,
    )  # type: ignore[arg-type]
    return Turn(ROLLOUT, now, intent(10), seen(split(10), r1=1, r2=1), 100.0, 5.0, 5.0)


def after(kind: ActionKind, **progress: object) -> Progress:
    """The progress once this action was heard."""
    return hear(turn(**progress), (Action(1, kind, "bob", "lunch"),))[0].progress


def test_pause_and_resume() -> None:
    paused = after(ActionKind.PAUSE)
    assert (paused.pause, paused.wait.seconds, paused.wait.kind) == (PAUSED, 0.0, "")
    assert after(ActionKind.RESUME, pause=PAUSED, override="ann").pause is None
    assert after(ActionKind.RESUME, pause=PAUSED, override="ann").override is None


def weighed() -> Evidence:
    """Every metric has counts of its step and of the rollout."""
    counts = Block(Arm(50, 0), Arm(450, 0), 5.0)
    tracks = tuple(weigh(Track(metric), counts, True) for metric in ROLLOUT.strategy.metrics)
    return Evidence(None, tracks, counts)


def test_a_candidate_that_was_too_small_begins_its_step_again() -> None:
    before = weighed()
    small = Pause(PauseKind.TOO_SMALL, "system", "r2 is too small")
    resumed = after(
        ActionKind.RESUME,
        pause=small,
        analysis=Judgement(evidence=before),
        step=StepProgress(index=0, baked=20.0),
    )
    assert (resumed.pause, resumed.step.baked) == (None, 0.0)
    assert resumed.analysis.evidence.split == Block()
    for track, old in zip(resumed.analysis.evidence.tracks, before.tracks, strict=True):
        assert track.step == Block()
        if track.metric.kind is MetricKind.SATURATION:
            assert track == Track(track.metric)
        else:
            assert (track.fail, track.rollout) == (old.fail, old.rollout)


def test_no_other_resume_touches_the_evidence() -> None:
    for pause in (None, PAUSED, Pause(PauseKind.NO_DATA, "system", "no answer")):
        resumed = after(
            ActionKind.RESUME,
            pause=pause,
            analysis=Judgement(evidence=weighed()),
            step=StepProgress(index=0, baked=20.0),
        )
        assert (resumed.analysis.evidence, resumed.step.baked) == (weighed(), 20.0)


def test_override_ends_a_pause() -> None:
    taken = after(ActionKind.OVERRIDE, pause=PAUSED)
    assert (taken.override, taken.pause) == ("bob", None)


def test_approve() -> None:
    assert after(ActionKind.APPROVE).step.approved_by == "bob"


@pytest.mark.parametrize("kind", [ActionKind.APPROVE, ActionKind.PROMOTE])
def test_who_answers_a_step_is_remembered(kind: ActionKind) -> None:
    waiting = replace(turn(), rollout=replace(ROLLOUT, strategy=strategy.blue_green()))
    answered, _ = hear(waiting, (Action(1, kind, "bob", "lunch", 90.0),))
    assert answered.progress.answers == (StepAnswer(1, kind, "bob", 90.0),)
    assert after(kind).answers == (), "no step waits"


def test_a_pause_calls_a_promotion_off_and_the_step_waits_again() -> None:
    waiting = replace(turn(), rollout=replace(ROLLOUT, strategy=strategy.blue_green()))
    both = (Action(1, ActionKind.PROMOTE, "bob"), Action(2, ActionKind.PAUSE, "ann"))
    paused, _ = hear(waiting, both)
    assert paused.progress.end.toward is None
    assert paused.progress.answers == ()


@pytest.mark.parametrize(
    ("kind", "ending", "message"),
    [
        (ActionKind.ABORT, Outcome.ABORTED, "abort by bob: lunch"),
        (ActionKind.UNDO, Outcome.ABORTED, "undo by bob: lunch"),
        (ActionKind.REJECT, Outcome.ABORTED, "reject by bob: lunch"),
        (ActionKind.SUPERSEDE, Outcome.SUPERSEDED, "superseded by bob: lunch"),
        (ActionKind.PROMOTE, Outcome.PROMOTED, "promoted by bob: lunch"),
    ],
)
def test_endings(kind: ActionKind, ending: Outcome, message: str) -> None:
    ended = after(kind)
    assert (ended.end.toward, ended.end.message, ended.end.at) == (ending, message, 100.0)


def test_a_promotion_can_be_aborted_but_an_abort_cannot_be_promoted() -> None:
    assert after(ActionKind.ABORT, end=End(toward=Outcome.PROMOTED)).end.toward is Outcome.ABORTED
    assert after(ActionKind.PROMOTE, end=End(toward=Outcome.ABORTED)).end.toward is Outcome.ABORTED


def test_a_second_end_toward_stable_keeps_the_first_reason() -> None:
    for kind in (ActionKind.ABORT, ActionKind.UNDO, ActionKind.REJECT, ActionKind.SUPERSEDE):
        twice = after(kind, end=End(toward=Outcome.ABORTED, message="5 of 9 failed"))
        assert (twice.end.toward, twice.end.message) == (Outcome.ABORTED, "5 of 9 failed")


def test_a_pause_calls_off_a_promotion_until_stable_changes() -> None:
    called_off = after(ActionKind.PAUSE, end=End(toward=Outcome.PROMOTED, message="approved"))
    assert (called_off.end.toward, called_off.pause) == (None, PAUSED)
    promoting = turn(end=End(toward=Outcome.PROMOTED, message="approved"))
    changed = replace(promoting, intent=replace(promoting.intent, stable=2, candidate=None))
    late = hear(changed, (Action(1, ActionKind.PAUSE, "bob", "lunch"),))[0].progress
    assert late.end.toward is Outcome.PROMOTED


def test_each_action_is_heard_once_in_the_order_of_asking() -> None:
    requests = (Action(3, ActionKind.RESUME, "ann"), Action(2, ActionKind.PAUSE, "bob", "lunch"))
    received, notes = hear(turn(), requests)
    assert (received.progress.pause, received.progress.action) == (None, 3)
    assert [(note.author, note.action, note.message) for note in notes] == [
        ("bob", "pause", "lunch"),
        ("ann", "resume", "no reason given"),
    ]
    assert hear(received, requests) == (received, ())

"""Wishes: heard in order, once, and what each does to the progress."""

from dataclasses import replace

import pytest

from tests.core.values import intent, seen, split
from tidegate.core import strategy
from tidegate.core.rollout import Hold, HoldKind, Outcome, Progress, Rollout, Wish, WishKind
from tidegate.core.turn import Turn
from tidegate.core.wishes import hear

ROLLOUT = Rollout("ro-1", strategy.canary(), 1, 2, "ann")
HELD = Hold(HoldKind.PAUSED, "bob", "lunch")


def turn(**progress: object) -> Turn:
    """At the first step, r2 at 10 %."""
    now = replace(Progress(step=0, waited=50.0, waits_for="bake"), **progress)  # type: ignore[arg-type]
    return Turn(ROLLOUT, now, intent(10), seen(split(10), r1=1, r2=1), 100.0, 5.0, 5.0)


def after(kind: WishKind, **progress: object) -> Progress:
    """The progress once this wish was heard."""
    return hear(turn(**progress), (Wish(1, kind, "bob", "lunch"),))[0].progress


def test_pause_and_resume() -> None:
    paused = after(WishKind.PAUSE)
    assert (paused.hold, paused.waited, paused.waits_for) == (HELD, 0.0, "")
    assert after(WishKind.RESUME, hold=HELD, takeover="ann").hold is None
    assert after(WishKind.RESUME, hold=HELD, takeover="ann").takeover is None


def test_takeover_ends_a_pause() -> None:
    taken = after(WishKind.TAKEOVER, hold=HELD)
    assert (taken.takeover, taken.hold) == ("bob", None)


def test_approve() -> None:
    assert after(WishKind.APPROVE).approved_by == "bob"


@pytest.mark.parametrize(
    ("kind", "ending", "why"),
    [
        (WishKind.ABORT, Outcome.ABORTED, "abort by bob: lunch"),
        (WishKind.REJECT, Outcome.ABORTED, "reject by bob: lunch"),
        (WishKind.SUPERSEDE, Outcome.SUPERSEDED, "superseded by bob: lunch"),
        (WishKind.PROMOTE, Outcome.PROMOTED, "promoted by bob: lunch"),
    ],
)
def test_endings(kind: WishKind, ending: Outcome, why: str) -> None:
    ended = after(kind)
    assert (ended.ending, ended.ending_why, ended.ending_at) == (ending, why, 100.0)


def test_a_promotion_can_be_aborted_but_an_abort_cannot_be_promoted() -> None:
    assert after(WishKind.ABORT, ending=Outcome.PROMOTED).ending is Outcome.ABORTED
    assert after(WishKind.PROMOTE, ending=Outcome.ABORTED).ending is Outcome.ABORTED


def test_each_wish_is_heard_once_in_the_order_of_asking() -> None:
    asked = (Wish(3, WishKind.RESUME, "ann"), Wish(2, WishKind.PAUSE, "bob", "lunch"))
    heard, notes = hear(turn(), asked)
    assert (heard.progress.hold, heard.progress.wish) == (None, 3)
    assert [(note.author, note.action, note.why) for note in notes] == [
        ("bob", "pause", "lunch"),
        ("ann", "resume", "no reason given"),
    ]
    assert hear(heard, asked) == (heard, ())

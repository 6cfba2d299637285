"""Where an undo leads, and when it has to name its revision."""

from dataclasses import replace

import pytest

from tidegate.core import strategy
from tidegate.core.open_rollout import OpenRollout
from tidegate.core.rollout import (
    Action,
    ActionKind,
    End,
    Outcome,
    Pause,
    PauseKind,
    Progress,
    Rollout,
)
from tidegate.core.undoing import (
    AlreadyRolledBack,
    AlreadyStable,
    Ended,
    EndRollouts,
    GoBack,
    JoinRollout,
    NothingToUndo,
    ResumeUndo,
    Served,
    Situation,
    StableChange,
    decide_undo,
    served_well,
)

CANARY = Rollout("canary", strategy.canary(), 2, 3, "ann")
UNDO = Rollout("undo", strategy.undo(), 2, 1, "ann")
PROMOTED_2 = StableChange(1, 2, 100.0)
UNDONE_2 = StableChange(2, 1, 200.0, rollback=True)


def ended(rollout: Rollout, outcome: Outcome, seconds: float = 60.0) -> Ended:
    return Ended(rollout, Progress(outcome=outcome, end=End(message="bad answers")), seconds)


def pending(rollout: Rollout, kind: ActionKind) -> OpenRollout:
    return OpenRollout(rollout, Progress(), (Action(1, kind, "bob"),))


def test_it_goes_to_the_last_revision_that_served() -> None:
    assert decide_undo(None, Situation(2, changes=(PROMOTED_2,))) == GoBack(1)


def test_it_never_picks_what_a_rollback_left() -> None:
    undone = Situation(
        1, ended=ended(UNDO, Outcome.PROMOTED, 601.0), changes=(UNDONE_2, PROMOTED_2)
    )
    assert decide_undo(None, undone) == NothingToUndo(1, (2,))
    older = replace(undone, changes=(UNDONE_2, PROMOTED_2, StableChange(0, 1, 50.0)))
    assert decide_undo(None, older) == GoBack(0)


def test_what_was_promoted_again_after_a_rollback_served_well() -> None:
    changes = (
        StableChange(2, 3, 400.0),
        StableChange(1, 2, 300.0),
        UNDONE_2,
        PROMOTED_2,
    )
    assert served_well(changes, 3) == (Served(2, 400.0), Served(1, 300.0))


def test_an_aborted_promotion_leaves_its_candidate_for_failing() -> None:
    changes = (StableChange(3, 2, 300.0, rollback=True), StableChange(2, 3, 290.0), PROMOTED_2)
    assert served_well(changes, 2) == (Served(1, 100.0),)


def test_the_abort_of_an_undo_tells_nothing_about_what_it_left() -> None:
    aborted = StableChange(1, 2, 210.0, undo_aborted=True)
    changes = (aborted, UNDONE_2, PROMOTED_2)
    assert served_well(changes, 2) == (Served(1, 100.0),)
    failing = StableChange(1, 2, 150.0, rollback=True)
    assert decide_undo(None, Situation(2, changes=(aborted, UNDONE_2, failing))) == NothingToUndo(
        2, (1,)
    )


def test_nothing_from_before_the_endpoint_was_made_again() -> None:
    changes = (StableChange(None, 3, 300.0), StableChange(2, None, 290.0), PROMOTED_2)
    assert decide_undo(None, Situation(3, changes=changes)) == NothingToUndo(3)


@pytest.mark.parametrize(
    "last",
    [
        ended(UNDO, Outcome.PROMOTED),
        ended(UNDO, Outcome.ABORTED),
        ended(CANARY, Outcome.ABORTED),
        ended(replace(CANARY, strategy=strategy.ab()), Outcome.KEPT_STABLE),
    ],
    ids=["undone", "undo aborted", "aborted", "kept stable"],
)
def test_within_ten_minutes_of_a_rollback_it_names_its_revision(last: Ended) -> None:
    situation = Situation(2, ended=last, changes=(PROMOTED_2,))
    refused = decide_undo(None, situation)
    assert isinstance(refused, AlreadyRolledBack)
    assert refused.served == (Served(1, 100.0),)
    assert "1m00s ago" in refused.message
    assert "bad answers" in refused.message
    assert decide_undo(1, situation) == GoBack(1)
    later = replace(situation, ended=replace(last, seconds=601.0))
    assert decide_undo(None, later) == GoBack(1)


@pytest.mark.parametrize(
    "last",
    [
        ended(CANARY, Outcome.PROMOTED),
        ended(replace(CANARY, strategy=strategy.shadow()), Outcome.KEPT_STABLE),
    ],
    ids=["promoted", "a shadow"],
)
def test_what_moved_nothing_back_is_no_rollback(last: Ended) -> None:
    assert decide_undo(None, Situation(2, ended=last, changes=(PROMOTED_2,))) == GoBack(1)


def test_it_ends_what_runs() -> None:
    situation = Situation(2, (OpenRollout(CANARY, Progress()),), changes=(PROMOTED_2,))
    assert decide_undo(None, situation) == EndRollouts(("canary",), 2)
    assert decide_undo(2, situation) == EndRollouts(("canary",), 2)
    assert decide_undo(1, situation) == GoBack(1)


def test_a_rollback_long_ago_does_not_stop_the_end_of_what_runs() -> None:
    last = ended(CANARY, Outcome.ABORTED)
    again = OpenRollout(replace(CANARY, id="retry"), Progress())
    assert decide_undo(None, Situation(2, (again,), last)) == EndRollouts(("retry",), 2)


def test_it_stops_a_promotion() -> None:
    promoting = OpenRollout(CANARY, Progress(end=End(toward=Outcome.PROMOTED)))
    assert decide_undo(None, Situation(3, (promoting,))) == EndRollouts(("canary",), 2)


@pytest.mark.parametrize(
    "kind", [ActionKind.ABORT, ActionKind.REJECT, ActionKind.UNDO, ActionKind.SUPERSEDE]
)
def test_a_second_one_in_a_hurry_is_told_of_the_first(kind: ActionKind) -> None:
    refused = decide_undo(None, Situation(2, (pending(CANARY, kind),), changes=(PROMOTED_2,)))
    assert isinstance(refused, AlreadyRolledBack)
    assert f"{kind} by bob" in refused.message


def test_while_an_undo_runs_it_names_its_revision() -> None:
    running = OpenRollout(UNDO, Progress(end=End(toward=Outcome.PROMOTED)))
    for stable in (2, 1):
        situation = Situation(stable, (running,), changes=(StableChange(0, 1, 50.0),))
        assert isinstance(decide_undo(None, situation), AlreadyRolledBack)
        assert isinstance(decide_undo(1, situation), JoinRollout)
        assert decide_undo(2, situation) == EndRollouts(("undo",), 2)
        assert decide_undo(0, situation) == GoBack(0)


def test_what_waits_behind_a_rollback_is_named() -> None:
    behind = OpenRollout(replace(CANARY, id="next", candidate=4), Progress())
    situation = Situation(2, (pending(CANARY, ActionKind.SUPERSEDE), behind))
    refused = decide_undo(None, situation)
    assert isinstance(refused, AlreadyRolledBack)
    assert refused.queued == "next"
    assert decide_undo(2, situation) == EndRollouts(("canary", "next"), 2)


def test_to_the_present_stable_is_never_refused() -> None:
    assert decide_undo(2, Situation(2)) == AlreadyStable(2)
    last = ended(CANARY, Outcome.ABORTED)
    assert decide_undo(2, Situation(2, ended=last)) == AlreadyStable(2, "canary")
    promoting = OpenRollout(CANARY, Progress(end=End(toward=Outcome.PROMOTED)))
    assert isinstance(decide_undo(3, Situation(3, (promoting,))), JoinRollout)


def test_a_promotion_that_is_being_aborted_can_be_had_again() -> None:
    """r3 is stable until the abort is processed: the undo to it begins from r2."""
    aborted = Progress(end=End(toward=Outcome.PROMOTED))
    acting = OpenRollout(CANARY, aborted, (Action(1, ActionKind.ABORT, "bob"),))
    assert decide_undo(3, Situation(3, (acting,))) == GoBack(3, base=2)
    assert decide_undo(2, Situation(3, (acting,))) == EndRollouts(("canary",), 2)
    assert decide_undo(1, Situation(3, (acting,))) == GoBack(1, base=2)


def test_an_undo_that_waited_while_stable_changed_is_ended_for_what_is_stable() -> None:
    """The rollout of r3 over r2 was promoted after this undo to r1 was asked for."""
    waited = OpenRollout(UNDO, Progress())
    assert decide_undo(3, Situation(3, (waited,))) == EndRollouts(("undo",), 3)
    assert decide_undo(2, Situation(3, (waited,))) == GoBack(2)


PAUSE = Action(1, ActionKind.PAUSE, "bob")
RESUMED = Action(2, ActionKind.RESUME, "cat")
BY_BOB = Pause(PauseKind.PAUSED, "bob", "no reason given")


@pytest.mark.parametrize(
    ("rests", "cause"),
    [
        (OpenRollout(UNDO, Progress(), (PAUSE,)), "paused by bob"),
        (OpenRollout(UNDO, Progress(pause=BY_BOB)), "paused by bob"),
        (OpenRollout(UNDO, Progress(override="bob")), "overridden by bob"),
    ],
)
def test_an_undo_that_rests_goes_on_when_it_is_asked_for_again(
    rests: OpenRollout, cause: str
) -> None:
    """It would never get there, so nobody is told that it is on its way."""
    situation = Situation(2, (rests,), changes=(StableChange(0, 1, 50.0),))
    assert decide_undo(1, situation) == ResumeUndo("undo", cause)
    refused = decide_undo(None, situation)
    assert isinstance(refused, AlreadyRolledBack)
    assert refused.rests == "undo"
    assert refused.message == f"the undo to r1 by ann is {cause}"
    assert decide_undo(2, situation) == EndRollouts(("undo",), 2)
    resumed = replace(situation, open=(replace(rests, pending=(*rests.pending, RESUMED)),))
    assert isinstance(decide_undo(1, resumed), JoinRollout)


def test_a_superseded_undo_stays_where_it_leads_by_now() -> None:
    """The undo from r2 to r1 has made r1 stable when a rollout of r4 supersedes it: r1 stays."""
    behind = OpenRollout(replace(CANARY, id="next", base=1, candidate=4), Progress())
    situation = Situation(1, (pending(UNDO, ActionKind.SUPERSEDE), behind))
    assert decide_undo(1, situation) == EndRollouts(("undo", "next"), 1)
    assert decide_undo(2, situation) == GoBack(2)
    not_begun = replace(situation, stable=2)
    assert decide_undo(2, not_begun) == EndRollouts(("undo", "next"), 2)
    assert decide_undo(1, not_begun) == GoBack(1)


def test_to_the_candidate_of_what_is_superseded() -> None:
    """r3 never was stable: who names it wants it, also while its rollout waits to end."""
    behind = OpenRollout(replace(CANARY, id="next", candidate=4), Progress())
    situation = Situation(2, (pending(CANARY, ActionKind.SUPERSEDE), behind))
    assert decide_undo(3, situation) == GoBack(3)
    assert decide_undo(4, situation) == GoBack(4)


def test_the_end_of_a_paused_rollout_needs_no_resume() -> None:
    paused = OpenRollout(CANARY, Progress(pause=BY_BOB))
    assert decide_undo(None, Situation(2, (paused,))) == EndRollouts(("canary",), 2)
    assert decide_undo(2, Situation(2, (paused,))) == EndRollouts(("canary",), 2)
    assert decide_undo(1, Situation(2, (paused,))) == GoBack(1)

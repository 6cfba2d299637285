"""What follows an action that was accepted, as people read it."""

import pytest

from tests.core.values import KEY
from tidegate.core import strategy
from tidegate.core.following import (
    of_action,
    of_delete,
    of_end,
    of_ends,
    of_percent,
    of_scaling,
    of_start,
)
from tidegate.core.intent import Scaling
from tidegate.core.open_rollout import OpenRollout
from tidegate.core.precedence import Change, Lowering, Promotion, Raising
from tidegate.core.rollout import Action, ActionKind, Progress, Rollout, StepProgress
from tidegate.core.strategy import Strategy

PLAN = strategy.canary((5, 25, 50))
PAUSED = "no more traffic goes to the candidate until `resume`; a failing one is still rolled back"


def rollout(plan: Strategy = PLAN) -> Rollout:
    return Rollout("ro-1", plan, 1, 2, "ann")


@pytest.mark.parametrize(
    ("plan", "follows"),
    [
        (PLAN, "r2 gets ready without traffic, then step 1 of 3: 5 %"),
        (
            strategy.manual(),
            "r2 gets ready without traffic, then `tidegate set canary team/fraud PERCENT` moves it",
        ),
        (strategy.undo(), "r2 gets ready, then all traffic goes to it"),
    ],
)
def test_a_start(plan: Strategy, follows: str) -> None:
    assert of_start(KEY, rollout(plan), queued=False) == follows
    queued = of_start(KEY, rollout(plan), queued=True)
    assert queued == f"the running rollout ends first; {follows}"


@pytest.mark.parametrize(
    ("kind", "follows"),
    [
        (ActionKind.PROMOTE, "r2 becomes stable and gets all traffic"),
        (ActionKind.ABORT, "all traffic goes back to r1"),
        (ActionKind.REJECT, "all traffic goes back to r1"),
        (ActionKind.PAUSE, PAUSED),
        (ActionKind.RESUME, "the rollout goes on by its plan"),
        (ActionKind.APPROVE, "step 3 of 3 follows: 50 %"),
    ],
)
def test_an_action(kind: ActionKind, follows: str) -> None:
    assert of_action(kind, rollout(), Progress(step=StepProgress(index=1))) == follows


def test_the_approval_of_the_last_step_ends_as_the_plan_says() -> None:
    last = Progress(step=StepProgress(index=2))
    approve = ActionKind.APPROVE
    assert of_action(approve, rollout(), last) == "r2 becomes stable and gets all traffic"
    shadow = rollout(strategy.shadow())
    assert (
        of_action(approve, shadow, Progress(step=StepProgress(index=0)))
        == "r2 goes, r1 stays stable"
    )


def test_an_end_names_what_starts_after_it() -> None:
    assert of_end(1, ()) == "all traffic goes back to r1"
    behind = Rollout("ro-2", PLAN, 1, 3, "bob")
    assert of_end(1, (behind,)) == (
        "all traffic goes back to r1; then the canary of r3 by bob starts: "
        "`tidegate rollout abort ro-2` ends that one"
    )


def test_an_undo_names_everything_that_it_ends() -> None:
    assert of_ends(1, rollout(), ()) == "the rollout ends, all traffic goes back to r1"
    behind = Rollout("ro-2", PLAN, 1, 3, "bob")
    assert of_ends(1, rollout(), (behind,)) == (
        "these end: the canary of r2 by ann, the canary of r3 by bob, all traffic goes back to r1"
    )


RESTS = ", and its plan rests until `tidegate rollout resume team/fraud`"
STARTED = Progress(step=StepProgress(index=0))
ABORT = (Action(1, ActionKind.ABORT, "bob"),)
PAUSE = (ActionKind.PAUSE,)


@pytest.mark.parametrize(
    ("percent", "change", "running", "follows"),
    [
        (
            25,
            Raising(25, (ActionKind.OVERRIDE,)),
            OpenRollout(rollout(), STARTED),
            f"25 % of the traffic goes to r2{RESTS}",
        ),
        (
            0,
            Lowering(0, PAUSE),
            OpenRollout(rollout(), STARTED),
            f"0 % of the traffic goes to r2{RESTS}",
        ),
        (
            25,
            Raising(25),
            OpenRollout(rollout(strategy.manual()), STARTED),
            "25 % of the traffic goes to r2",
        ),
        (
            0,
            Lowering(0, PAUSE),
            OpenRollout(rollout(strategy.manual()), STARTED),
            f"0 % of the traffic goes to r2{RESTS}",
        ),
        (
            5,
            Raising(5),
            OpenRollout(rollout(strategy.manual()), Progress()),
            "r2 gets ready, then 5 % of the traffic goes to it",
        ),
        (
            0,
            Lowering(0),
            OpenRollout(rollout(), STARTED, ABORT),
            "0 % of the traffic goes to r2 until it has gone back to r1",
        ),
        (
            100,
            Promotion((ActionKind.PROMOTE,)),
            OpenRollout(rollout(), STARTED),
            "r2 becomes stable and gets all traffic",
        ),
    ],
)
def test_a_percent_by_hand(
    percent: int, change: Change, running: OpenRollout, follows: str
) -> None:
    assert of_percent(KEY, percent, change, running) == follows


def test_replica_bounds() -> None:
    assert of_scaling(Scaling(1, 1)) == "every revision has 1 replica from now on"
    assert of_scaling(Scaling(2, 4)) == "every revision has 2 to 4 replicas from now on"


def test_a_delete_names_the_rollouts_that_end() -> None:
    stays = "its objects go; its history and its numbers stay"
    running = OpenRollout(rollout(), STARTED)
    assert of_delete(()) == stays
    assert of_delete((running,)) == f"its rollout ends, then {stays}"
    assert of_delete((running, running)) == f"its 2 rollouts end, then {stays}"

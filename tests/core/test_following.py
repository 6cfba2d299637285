"""What follows an action that was accepted, as people read it."""

import pytest

from tests.core.values import KEY
from tidegate.core import strategy
from tidegate.core.following import of_action, of_end, of_ends, of_start
from tidegate.core.rollout import ActionKind, Progress, Rollout, StepProgress
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

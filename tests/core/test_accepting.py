"""The end of a time box: who may accept a stated bound, and what is remembered of it."""

import pytest

from tests.simulation.simulation import Quality, Simulation
from tidegate.core import strategy
from tidegate.core.accepting import boxed
from tidegate.core.intent import Mode
from tidegate.core.open_rollout import OpenRollout
from tidegate.core.precedence import AlreadyAnswered, OtherStep, StepMissing, refuse_approval
from tidegate.core.rollout import ActionKind, Outcome, PauseKind
from tidegate.core.time_box import OnTimeBox, TimeBox

TEN_MINUTES = 600.0


def quiet(box: TimeBox, *, bad: float = 0.0, rate: float = 0.5, trial: bool = False) -> Simulation:
    """An endpoint that gets too few requests for a pass within the time box."""
    t = Simulation(Mode.STANDARD, rate=rate, interval=20.0)
    t.deploy()
    t.quality[1] = Quality()
    plan = boxed(strategy.canary((25, 50), bake=60), box)
    t.start(plan, t.revision(Quality(bad=bad)), trial=trial)
    return t


def paused(t: Simulation) -> OpenRollout:
    """The rollout once its time box is over."""
    for _ in range(200):
        t.run(t.interval)
        pause = t.progress().pause
        if pause is not None and pause.kind is PauseKind.TIME_BOX:
            return OpenRollout(*t.rollouts[-1])
    raise AssertionError("\n".join(t.diary))


def test_the_step_that_is_paused_is_the_one_to_approve() -> None:
    running = paused(quiet(TimeBox(TEN_MINUTES)))
    assert refuse_approval(running, 2) is None
    assert isinstance(refuse_approval(running, None), StepMissing)
    assert isinstance(refuse_approval(running, 1), OtherStep)


def test_an_acceptance_is_remembered_with_its_bound_and_is_given_once() -> None:
    t = quiet(TimeBox(TEN_MINUTES))
    paused(t)
    t.action(ActionKind.APPROVE, "bob")
    t.run(t.interval)
    (accepted,) = t.progress().allowance.accepted
    assert (accepted.step, accepted.by) == (2, "bob")
    assert accepted.points is not None
    assert accepted.points <= 4
    assert accepted.statement.endswith(f"at most {accepted.points:g} points worse than stable")
    again = refuse_approval(OpenRollout(*t.rollouts[-1]), 2)
    assert isinstance(again, AlreadyAnswered)
    assert t.until_over().outcome is Outcome.PROMOTED
    assert any("accept: step 2, accepted by bob" in line for line in t.diary)


def test_a_fail_still_aborts_while_a_bound_waits_to_be_accepted() -> None:
    t = quiet(TimeBox(TEN_MINUTES))
    paused(t)
    t.quality[2] = Quality(bad=0.9)
    assert t.until_over().outcome is Outcome.ABORTED


def test_a_resume_waits_as_long_again() -> None:
    t = quiet(TimeBox(TEN_MINUTES))
    paused(t)
    began = t.lab.clock()
    t.action(ActionKind.RESUME)
    t.run(t.interval)
    assert t.progress().pause is None
    paused(t)
    assert t.lab.clock() - began == pytest.approx(TEN_MINUTES, abs=60)


def test_a_policy_accepts_up_to_its_maximum_and_no_more() -> None:
    t = quiet(TimeBox(TEN_MINUTES, OnTimeBox.ACCEPT, 10.0))
    assert t.until_over().outcome is Outcome.PROMOTED
    (accepted,) = t.progress().allowance.accepted
    assert accepted.by == "the tenant's policy (10 points)"
    running = paused(quiet(TimeBox(TEN_MINUTES, OnTimeBox.ACCEPT, 1.0)))
    assert running.progress.pause is not None
    assert "the tenant's policy accepts at most 1 point;" in running.progress.pause.message


def test_nothing_is_accepted_by_itself_where_nothing_can_be_stated() -> None:
    running = paused(quiet(TimeBox(TEN_MINUTES, OnTimeBox.ACCEPT, 40.0), rate=0.06))
    assert running.progress.allowance.accepted == ()
    assert running.progress.pause is not None
    assert "too few to state how much worse it may be" in running.progress.pause.message


def test_a_time_box_that_aborts_says_what_could_be_stated() -> None:
    end = quiet(TimeBox(TEN_MINUTES, OnTimeBox.ABORT)).until_over()
    assert end.outcome is Outcome.ABORTED
    assert "99 % sure: at most" in end.end.message


@pytest.mark.parametrize(
    ("then", "action"), [(OnTimeBox.PAUSE, "paused"), (OnTimeBox.ABORT, "aborted")]
)
def test_in_trial_the_end_of_a_time_box_is_noted_only(then: OnTimeBox, action: str) -> None:
    t = quiet(TimeBox(TEN_MINUTES, then), trial=True)
    assert t.until_over().outcome is Outcome.PROMOTED
    (would,) = t.progress().would
    assert would.action == action
    assert "time box of 10m00s over" in would.message

"""Who wins: the direction of a move, who moves the traffic now, and what is already decided."""

from dataclasses import replace
from typing import Any

import pytest

from tests.core.values import intent
from tidegate.core import strategy
from tidegate.core.open_rollout import OpenRollout
from tidegate.core.precedence import (
    PROMOTE,
    AlreadyAnswered,
    Change,
    Lowering,
    NeedsOverride,
    NoCandidate,
    NothingToApprove,
    NothingToResume,
    OtherStep,
    Promotion,
    Raising,
    Refusal,
    RolloutEnded,
    RolloutEnding,
    RolloutRunning,
    StepMissing,
    decide_percent,
    decide_promotion,
    refuse_approval,
    refuse_counts,
    refuse_pause,
    refuse_resume,
    refuse_start,
)
from tidegate.core.rollout import (
    Action,
    ActionKind,
    End,
    Outcome,
    Pause,
    PauseKind,
    Progress,
    Rollout,
    StepAnswer,
    StepProgress,
)
from tidegate.core.strategy import Kind, Strategy

PLAN = strategy.canary()
MANUAL = strategy.manual()
AB = strategy.ab()
BLUE_GREEN = strategy.blue_green()
PAUSED = Pause(PauseKind.PAUSED, "bob", "lunch")
NO_HEARTBEAT = Pause(PauseKind.NO_HEARTBEAT, "system:rollout:ro-1", "no heartbeat")
OVERRIDE = ActionKind.OVERRIDE
RESUME = ActionKind.RESUME
ABORT = ActionKind.ABORT


def running(plan: Strategy = PLAN, *pending: ActionKind, **progress: object) -> OpenRollout:
    """r2 in its first step, with these actions pending."""
    now = replace(Progress(step=StepProgress(index=0)), **progress)  # type: ignore[arg-type]
    actions = tuple(Action(number, kind, "bob", "") for number, kind in enumerate(pending, 1))
    return OpenRollout(Rollout("ro-1", plan, 1, 2, "ann"), now, actions)


def moved(
    percent: int | None, rollout: OpenRollout | None, *, current: int = 10, override: bool = False
) -> Change | Refusal:
    """What setting the percent comes to, with r2 at `current`."""
    return decide_percent(percent, intent(current), rollout, override=override)


@pytest.mark.parametrize("plan", [PLAN, MANUAL, AB, BLUE_GREEN, strategy.undo()])
@pytest.mark.parametrize("pending", [(), (OVERRIDE,), (ABORT,), (ActionKind.SUPERSEDE,)])
@pytest.mark.parametrize("override", [True, False])
def test_toward_stable_is_never_refused_before_an_ending(
    plan: Strategy, pending: tuple[ActionKind, ...], override: bool
) -> None:
    for percent in (0, 9, 10):
        assert isinstance(moved(percent, running(plan, *pending), override=override), Lowering)


def test_a_plan_that_is_lowered_is_paused_once() -> None:
    assert moved(5, running()) == Lowering(5, (ActionKind.PAUSE,))
    assert moved(5, running(pause=PAUSED)) == Lowering(5)
    # No person's pause
    assert moved(5, running(pause=NO_HEARTBEAT)) == Lowering(5, (ActionKind.PAUSE,))
    assert moved(5, running(MANUAL)) == Lowering(5)
    assert moved(5, running(override="bob")) == Lowering(5)


def test_the_percent_that_it_has_already_changes_nothing() -> None:
    assert moved(10, running()) == Lowering(None)
    assert moved(10, running(MANUAL)) == Lowering(None)


def test_a_plan_is_raised_by_force_alone() -> None:
    assert moved(11, running()) == NeedsOverride("ro-1", Kind.CANARY, (10, 11))
    assert moved(11, running(), override=True) == Raising(11, (OVERRIDE,))
    assert moved(11, running(MANUAL)) == Raising(11)
    assert moved(11, running(MANUAL), override=True) == Raising(11)


def test_force_counts_before_the_controller_processes_it_and_ends_with_a_resume() -> None:
    assert moved(11, running(PLAN, OVERRIDE)) == Raising(11)
    assert isinstance(moved(11, running(PLAN, OVERRIDE, RESUME)), NeedsOverride)
    assert moved(11, running(PLAN, OVERRIDE, RESUME, OVERRIDE)) == Raising(11)
    assert isinstance(moved(11, running(PLAN, RESUME, override="bob")), NeedsOverride)
    assert moved(11, running(MANUAL, RESUME)) == Raising(11)  # a person's all along


def test_before_its_candidate_is_named_everything_is_a_raise() -> None:
    other = intent(40, candidate=3)
    refused = NeedsOverride("ro-1", Kind.CANARY, (0, 5))
    assert decide_percent(5, other, running(), override=False) == refused
    assert decide_percent(0, other, running(), override=False) == Lowering(None)


@pytest.mark.parametrize("kind", [ABORT, ActionKind.REJECT, ActionKind.SUPERSEDE])
@pytest.mark.parametrize("override", [True, False])
@pytest.mark.parametrize("plan", [PLAN, MANUAL])
def test_what_is_leaving_is_neither_raised_nor_promoted(
    plan: Strategy,
    kind: ActionKind,
    override: bool,
) -> None:
    leaving = running(plan, kind)
    refused = RolloutEnding("ro-1", f"{kind} by bob")
    assert moved(11, leaving, override=override) == refused
    assert moved(None, leaving, override=override) == refused
    assert decide_promotion(leaving, override=override) == refused
    assert refuse_counts(leaving) == refused


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("percent", [11, PROMOTE, None])
def test_what_has_been_decided_is_not_raised(outcome: Outcome, percent: int | None) -> None:
    decided = running(MANUAL, OVERRIDE, end=End(toward=outcome, message="5 of 9 failed"))
    promoting = outcome is Outcome.PROMOTED
    refused = RolloutEnding("ro-1", f"{outcome}: 5 of 9 failed", promoting, promoting)
    assert moved(percent, decided, override=True) == refused


@pytest.mark.parametrize("percent", [0, 9])
def test_what_has_been_decided_is_lowered_until_stable_changes(percent: int) -> None:
    for outcome in (Outcome.ABORTED, Outcome.KEPT_STABLE, Outcome.SUPERSEDED):
        assert moved(percent, running(end=End(toward=outcome))) == Lowering(percent)
    promoting = running(end=End(toward=Outcome.PROMOTED, message="approved"))
    assert moved(percent, promoting) == Lowering(percent, (ActionKind.PAUSE,))
    assert moved(percent, running(BLUE_GREEN, ActionKind.PROMOTE)) == Lowering(
        percent, (ActionKind.PAUSE,)
    )
    changed = replace(intent(0, candidate=None), stable=2)
    refused = RolloutEnding("ro-1", "promoted: approved", promoting=True)
    assert decide_percent(0, changed, promoting, override=True) == refused


@pytest.mark.parametrize("percent", [PROMOTE, None])
def test_a_hundred_percent_and_none_are_the_promotion(percent: int | None) -> None:
    assert moved(percent, running(MANUAL)) == Promotion((ActionKind.PROMOTE,))
    assert moved(percent, running()) == NeedsOverride("ro-1", Kind.CANARY, None)
    assert moved(percent, running(), override=True) == Promotion((OVERRIDE, ActionKind.PROMOTE))


def test_promoting_overrides_nobody_where_a_person_is_waited_for() -> None:
    promoted = Promotion((ActionKind.PROMOTE,))
    assert decide_promotion(running(BLUE_GREEN), override=False, step=1) == promoted
    assert decide_promotion(running(MANUAL), override=False) == promoted
    assert decide_promotion(running(AB), override=True) == promoted
    assert decide_promotion(running(PLAN, OVERRIDE), override=False) == promoted
    starting = running(AB, step=StepProgress(index=-1))
    assert decide_promotion(starting, override=False) == NeedsOverride("ro-1", Kind.AB, None)


def test_without_a_rollout_the_candidate_may_only_lose_traffic() -> None:
    assert moved(9, None) == Lowering(9)
    assert moved(10, None) == Lowering(10)
    assert moved(11, None, override=True) == RolloutEnded(2)
    assert moved(None, None, override=True) == RolloutEnded(2)
    alone = intent(0, candidate=None)
    assert decide_percent(0, alone, None, override=True) == NoCandidate()


def test_only_a_step_that_waits_takes_an_approval() -> None:
    assert refuse_approval(running(BLUE_GREEN), 1) is None
    assert refuse_approval(running(), 1) == NothingToApprove("ro-1")
    assert refuse_approval(running(MANUAL), 1) == NothingToApprove("ro-1")  # nothing asks for one
    assert refuse_approval(running(BLUE_GREEN, OVERRIDE), 1) == NothingToApprove("ro-1")


def test_an_answer_names_its_step() -> None:
    assert refuse_approval(running(BLUE_GREEN), None) == StepMissing("ro-1", 1)
    assert decide_promotion(running(BLUE_GREEN), override=False) == StepMissing("ro-1", 1)
    for percent in (100, None):
        result = decide_percent(percent, intent(0), running(BLUE_GREEN), override=False)
        assert result == StepMissing("ro-1", 1, by_percent=True)
    other = OtherStep("ro-1", 2, 1, waits=True)
    assert refuse_approval(running(BLUE_GREEN), 2) == other
    assert decide_promotion(running(BLUE_GREEN), override=False, step=2) == other
    assert decide_promotion(running(BLUE_GREEN), override=True, step=2) == other
    assert refuse_approval(running(step=StepProgress(index=-1)), 1) == OtherStep(
        "ro-1", 1, 0, waits=False
    )


@pytest.mark.parametrize("kind", [ActionKind.APPROVE, ActionKind.PROMOTE])
def test_a_step_is_answered_once(kind: ActionKind) -> None:
    answered = running(BLUE_GREEN, kind)
    refused = AlreadyAnswered("ro-1", 1, kind, "bob", None)
    assert refuse_approval(answered, 1) == refused
    assert decide_promotion(answered, override=False, step=1) == refused


ANN_DID = StepAnswer(1, ActionKind.APPROVE, "ann", 100.0)
ANN = AlreadyAnswered("ro-1", 1, ActionKind.APPROVE, "ann", 100.0)


@pytest.mark.parametrize(
    "progress",
    [
        {"step": StepProgress(index=0, approved_by="ann")},
        {"step": StepProgress(index=1)},
        {"step": StepProgress(index=1), "end": End(toward=Outcome.PROMOTED, message="all done")},
    ],
    ids=["while it is not left", "from an old page", "while it is promoted"],
)
def test_who_answers_a_step_again_is_told_who_did_and_when(progress: dict[str, Any]) -> None:
    """Also after the next reconcile: nobody is told to look at another step, or to abort."""
    answered = running(BLUE_GREEN, answers=(ANN_DID,), **progress)
    assert refuse_approval(answered, 1) == ANN
    assert decide_promotion(answered, override=False, step=1) == ANN
    going_back = running(BLUE_GREEN, ABORT, answers=(ANN_DID,), **progress)
    assert isinstance(refuse_approval(going_back, 1), RolloutEnding)


def test_an_approval_that_was_stored_without_its_time_counts() -> None:
    approved = running(BLUE_GREEN, step=StepProgress(index=0, approved_by="ann"))
    assert refuse_approval(approved, 1) == replace(ANN, at=None)


def test_a_promotion_that_a_pause_called_off_answers_nothing() -> None:
    called_off = running(BLUE_GREEN, ActionKind.PROMOTE, ActionKind.PAUSE)
    assert refuse_approval(called_off, 1) is None


def test_what_is_promoted_is_neither_promoted_again_nor_raised() -> None:
    promoted = running(PLAN, OVERRIDE, ActionKind.PROMOTE)
    refused = AlreadyAnswered("ro-1", None, ActionKind.PROMOTE, "bob", None)
    assert decide_promotion(promoted, override=True) == refused
    assert moved(11, promoted, override=True) == refused
    called_off = running(PLAN, OVERRIDE, ActionKind.PROMOTE, ActionKind.PAUSE)
    assert moved(11, called_off, override=True) == Raising(11)


def test_a_pause_stops_a_promotion_until_stable_changes() -> None:
    assert refuse_pause(running(), intent(10)) is None
    promoting = running(end=End(toward=Outcome.PROMOTED, message="approved"))
    assert refuse_pause(promoting, intent(10)) is None
    changed = replace(intent(0, candidate=None), stable=2)
    late = RolloutEnding("ro-1", "promoted: approved", promoting=True)
    assert refuse_pause(promoting, changed) == late
    assert refuse_pause(running(PLAN, ABORT), intent(10)) == RolloutEnding("ro-1", "abort by bob")


def test_only_what_is_paused_or_overridden_is_resumed() -> None:
    assert refuse_resume(running(pause=PAUSED)) is None
    assert refuse_resume(running(override="ann")) is None
    assert refuse_resume(running(PLAN, ActionKind.PAUSE)) is None
    assert refuse_resume(running()) == NothingToResume("ro-1")
    assert refuse_resume(running(PLAN, RESUME, pause=PAUSED)) == NothingToResume("ro-1")
    assert refuse_resume(running(PLAN, ABORT)) == RolloutEnding("ro-1", "abort by bob")


def test_an_open_rollout_takes_counts() -> None:
    assert refuse_counts(running(AB, ActionKind.PAUSE, RESUME)) is None
    ended = running(AB, end=End(toward=Outcome.PROMOTED, message="approved"))
    assert refuse_counts(ended) == RolloutEnding("ro-1", "promoted: approved", True, True)


def test_one_rollout_at_a_time_unless_it_is_superseded() -> None:
    assert refuse_start(None, supersede=False) is None
    assert refuse_start(running(), supersede=True) is None
    assert refuse_start(running(), supersede=False) == RolloutRunning("ro-1", Kind.CANARY, 2)

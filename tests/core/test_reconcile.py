"""One pass: it names the check that it lacks, makes notes only for what it takes, remembers what came to nothing."""

from dataclasses import replace

import pytest

from tests.simulation.outside import Outside
from tests.simulation.trial import Trial
from tidegate.core import strategy
from tidegate.core.checks import BytesCheck, Check, Checks, ContractCheck, MarkCheck, WarmUpCheck
from tidegate.core.conditions import Code
from tidegate.core.contract import Contract, Standing
from tidegate.core.intent import Mode
from tidegate.core.known import Known, RolloutState
from tidegate.core.planned_writes import AGAIN_S, BACK_OFF_S
from tidegate.core.ports import Capabilities, Conflict, Done, Refused, Unavailable, WriteResult
from tidegate.core.reconcile import reconcile
from tidegate.core.result import Kind, Result, conclude
from tidegate.core.strategy import Strategy

NOBODY = Checks(cold={})


def ready(plan: Strategy, *, mutable: bool = False) -> Trial:
    """r1 serves, and r2 is up and gets nothing yet."""
    trial = Trial(Mode.STANDARD)
    trial.deploy()
    trial.start(plan, trial.revision(mutable=mutable))
    trial.one_pass()
    trial.lab.settle(15)
    trial.one_pass()
    trial.lab.settle(15)
    return trial


def known(trial: Trial, **changes: object) -> Known:
    states = tuple(RolloutState(rollout, progress, ()) for rollout, progress in trial.rollouts)
    whole = Known(trial.intent, trial.revisions, trial.platform, states, memory=trial.memory, mark="drawn")
    return replace(whole, **changes)  # type: ignore[arg-type]


def once(trial: Trial, checks: Checks, **changes: object) -> Result | Check:
    return reconcile(known(trial, **changes), trial.lab.cluster.observe(trial.key), None, checks, trial.lab.clock())


def decided(trial: Trial, **changes: object) -> Result:
    result = once(trial, replace(NOBODY, marks=dict.fromkeys(range(9))), **changes)
    assert isinstance(result, Result)
    return result


def test_a_pass_names_each_check_that_it_lacks_and_decides_nothing_before() -> None:
    trial = ready(strategy.canary(), mutable=True)
    outside = Outside(contract=Contract(Standing.SAME))
    checks, named = Checks(compares=True), []
    result = once(trial, checks)
    while not isinstance(result, Result):
        named.append(type(result))
        checks = outside.answered(result, checks)
        result = once(trial, checks)
    assert named == [WarmUpCheck, ContractCheck, BytesCheck]
    assert [note.action for one in result.decisions for note in one.notes] == ["contract", "step"]


def test_a_cluster_behind_this_intent_is_asked_for_its_own_intents_mark() -> None:
    trial = ready(strategy.canary())
    ahead = replace(trial.intent, generation=trial.intent.generation + 1)
    assert once(trial, NOBODY, intent=ahead) == MarkCheck(trial.key, trial.intent.generation)
    asked = replace(NOBODY, marks={trial.intent.generation: None})
    assert isinstance(once(trial, asked, intent=ahead), Result)


def test_a_new_intent_carries_the_mark_that_the_caller_drew() -> None:
    (one,) = decided(ready(strategy.canary())).decisions
    assert one.intent is not None
    assert (one.intent.mark, one.intent.candidate_traffic.percent, one.rises) == ("drawn", 1, True)


def test_copies_are_a_rise_that_an_accepted_action_stops() -> None:
    (one,) = decided(ready(strategy.shadow(100))).decisions
    assert one.intent is not None
    assert (one.intent.candidate_traffic.mirror, one.rises) == (100, True)


def test_what_the_rule_book_refuses_leaves_no_note_and_no_progress() -> None:
    trial = ready(strategy.canary())
    result = decided(trial, capabilities=Capabilities(gateway=False))
    (one,) = result.decisions
    assert (one.intent, one.notes, one.progress) == (None, (), trial.progress())
    assert Code.STEP_REFUSED in {condition.code for condition in result.conditions}
    assert result.intent == trial.intent


@pytest.mark.parametrize(
    ("answer", "code", "wake_in"),
    [
        (Done(), None, AGAIN_S),
        (Conflict("409"), None, AGAIN_S),
        (Refused("policy"), Code.WRITE_REFUSED, None),
        (Unavailable("timed out"), Code.WRITE_UNANSWERED, BACK_OFF_S),
    ],
)
def test_what_came_of_a_write_is_told_and_says_when_to_look_again(
    answer: WriteResult, code: Code | None, wake_in: float | None
) -> None:
    trial = ready(strategy.canary())
    result = decided(trial)
    (write,) = result.writes
    after = conclude(result, [(write, answer)])
    codes = {condition.code for condition in after.conditions} - {c.code for c in result.conditions}
    assert codes == ({code} if code else set())
    least = [wake_in] if wake_in is not None else []
    assert after.wake_at == min([trial.lab.clock() + each for each in least] + [result.wake_at or 0.0])


def test_a_refused_write_is_not_planned_again_before_its_interval() -> None:
    trial = ready(strategy.canary())
    trial.store(result := decided(trial))
    (write,) = result.writes
    refused = conclude(result, [(write, Refused("policy"))])
    later = decided(trial, failed_writes=refused.failed_writes)
    assert later.writes == ()
    assert later.failed_writes == refused.failed_writes
    trial.lab.clock.advance(later.retry.seconds)
    assert decided(trial, failed_writes=refused.failed_writes).writes != ()


def test_a_fenced_endpoint_keeps_what_was_remembered() -> None:
    trial = ready(strategy.canary())
    result = decided(trial, intent=replace(trial.intent, generation=1))
    assert (result.kind, result.decisions, result.writes) == (Kind.FENCED, (), ())
    assert [condition.code for condition in result.conditions] == [Code.DATABASE_OLDER]
    assert result.memory == trial.memory

"""One pass: it names the check that it lacks, makes notes only for what it takes, remembers what
came to nothing."""

from dataclasses import replace

import pytest

from tests.simulation.outside import Outside
from tests.simulation.simulation import Simulation
from tidegate.core import strategy
from tidegate.core.checks import BytesCheck, Check, Checks, ContractCheck, MarkCheck, WarmUpCheck
from tidegate.core.conditions import Code
from tidegate.core.contract import Compatibility, Contract
from tidegate.core.drift import Drift
from tidegate.core.intent import Mode, Pods
from tidegate.core.known import Known, RolloutState
from tidegate.core.load import Load
from tidegate.core.planned_writes import AGAIN_S, BACK_OFF_S
from tidegate.core.ports import Capabilities, Conflict, Done, Refused, Unavailable, WriteResult
from tidegate.core.reconcile import reconcile
from tidegate.core.reporting import report
from tidegate.core.result import Kind, Result, conclude
from tidegate.core.rollout import Action, ActionKind
from tidegate.core.strategy import Strategy

NOBODY = Checks(cold={})


def ready(plan: Strategy, *, mutable: bool = False) -> Simulation:
    """r1 serves, and r2 is up and gets nothing yet."""
    simulation = Simulation(Mode.STANDARD)
    simulation.deploy()
    simulation.start(plan, simulation.revision(mutable=mutable))
    simulation.one_pass()
    simulation.lab.settle(15)
    simulation.one_pass()
    simulation.lab.settle(15)
    return simulation


def known(simulation: Simulation, **changes: object) -> Known:
    states = tuple(RolloutState(rollout, progress, ()) for rollout, progress in simulation.rollouts)
    whole = Known(
        simulation.intent,
        simulation.revisions,
        simulation.platform,
        states,
        memory=simulation.memory,
        mark="drawn",
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def once(simulation: Simulation, checks: Checks, **changes: object) -> Result | Check:
    return reconcile(
        known(simulation, **changes),
        simulation.lab.cluster.observe(simulation.key),
        None,
        checks,
        simulation.lab.clock(),
    )


def decided(simulation: Simulation, **changes: object) -> Result:
    result = once(simulation, replace(NOBODY, marks=dict.fromkeys(range(9))), **changes)
    assert isinstance(result, Result)
    return result


def test_a_pass_names_each_check_that_it_lacks_and_decides_nothing_before() -> None:
    simulation = ready(strategy.canary(), mutable=True)
    outside = Outside(contract=Contract(Compatibility.COMPATIBLE))
    checks = Checks(compares=True)
    named = []
    result = once(simulation, checks)
    while not isinstance(result, Result):
        named.append(type(result))
        checks = outside.answered(result, checks)
        result = once(simulation, checks)
    assert named == [WarmUpCheck, ContractCheck, BytesCheck]
    assert [note.action for decision in result.decisions for note in decision.notes] == [
        "contract",
        "step",
    ]


def test_a_cluster_behind_this_intent_is_asked_for_its_own_intents_mark() -> None:
    simulation = ready(strategy.canary())
    ahead = replace(simulation.intent, generation=simulation.intent.generation + 1)
    assert once(simulation, NOBODY, intent=ahead) == MarkCheck(
        simulation.key, simulation.intent.generation
    )
    checks = replace(NOBODY, marks={simulation.intent.generation: None})
    assert isinstance(once(simulation, checks, intent=ahead), Result)


def test_a_new_intent_carries_the_mark_that_the_caller_drew() -> None:
    (decision,) = decided(ready(strategy.canary())).decisions
    assert decision.intent is not None
    assert (decision.intent.mark, decision.intent.candidate_traffic.percent, decision.rises) == (
        "drawn",
        1,
        True,
    )


def test_copies_are_a_rise_that_an_accepted_action_stops() -> None:
    (decision,) = decided(ready(strategy.shadow(100))).decisions
    assert decision.intent is not None
    assert (decision.intent.candidate_traffic.mirror, decision.rises) == (100, True)


def test_what_the_rule_book_refuses_leaves_no_note_and_no_progress() -> None:
    simulation = ready(strategy.canary())
    result = decided(simulation, capabilities=Capabilities(gateway=False))
    (decision,) = result.decisions
    assert (decision.intent, decision.notes, decision.progress) == (None, (), simulation.progress())
    assert Code.STEP_REFUSED in {condition.code for condition in result.conditions}
    assert result.intent == simulation.intent


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
    simulation = ready(strategy.canary())
    result = decided(simulation)
    (write,) = result.writes
    after = conclude(result, [(write, answer)])
    codes = {condition.code for condition in after.conditions} - {c.code for c in result.conditions}
    assert codes == ({code} if code else set())
    least = []
    if wake_in is not None:
        least = [wake_in]
    assert after.wake_at == min(
        [simulation.lab.clock() + each for each in least] + [result.wake_at or 0.0]
    )


def test_a_refused_write_is_not_planned_again_before_its_interval() -> None:
    simulation = ready(strategy.canary())
    simulation.store(result := decided(simulation))
    (write,) = result.writes
    refused = conclude(result, [(write, Refused("policy"))])
    later = decided(simulation, failed_writes=refused.failed_writes)
    assert later.writes == ()
    assert later.failed_writes == refused.failed_writes
    simulation.lab.clock.advance(later.retry.seconds)
    assert decided(simulation, failed_writes=refused.failed_writes).writes != ()


def test_a_fenced_endpoint_keeps_what_was_remembered() -> None:
    simulation = ready(strategy.canary())
    result = decided(simulation, intent=replace(simulation.intent, generation=1))
    assert (result.kind, result.decisions, result.writes) == (Kind.FENCED, (), ())
    assert [condition.code for condition in result.conditions] == [Code.DATABASE_OLDER]
    assert result.memory == simulation.memory


def test_a_pass_that_compares_nothing_says_of_no_drift_that_it_was_put_back() -> None:
    simulation = ready(strategy.canary())
    lasts = (Drift("HTTPRoute fraud", "spec.hostnames", "1", "2", seen_at=simulation.lab.clock()),)
    older = replace(simulation.intent, generation=simulation.intent.generation - 1)
    fenced = decided(simulation, intent=older, drift=lasts)
    assert fenced.kind is Kind.FENCED
    assert fenced.drift == lasts
    compared = decided(simulation, drift=lasts)
    assert [drift.put_back for drift in compared.drift] == [True]


@pytest.mark.parametrize("mode", Mode)
def test_a_rollout_of_a_revision_with_fields_more_is_no_drift(mode: Mode) -> None:
    simulation = Simulation(mode)
    simulation.deploy()
    number = simulation.revision()
    pods = Pods(node_selector=(("pool", "gpu"),), storage_secret="keys", service_account="reader")
    plain = simulation.revisions[number]
    simulation.revisions[number] = replace(plain, runtime=replace(plain.runtime, pods=pods))
    simulation.start(strategy.canary((10, 50), bake=10.0), number)
    for _ in range(30):
        simulation.one_pass()
        assert simulation.drift == ()
        simulation.lab.settle(5)
    assert simulation.observation.of(number) is not None


def measuring(simulation: Simulation, load: Load) -> Result:
    """A pass that measures, if it is time."""
    whole = known(simulation, load=load, load_interval=300.0)
    now = simulation.lab.clock()
    scrape = None
    if whole.measures(now):
        scrape = simulation.scrape()
    snapshot = simulation.lab.cluster.observe(simulation.key)
    result = reconcile(whole, snapshot, scrape, NOBODY, now)
    assert isinstance(result, Result)
    return result


def test_an_endpoint_without_a_rollout_is_measured_and_wakes_for_it() -> None:
    simulation = Simulation(Mode.STANDARD, rate=20.0)
    simulation.deploy()
    simulation.run(60)
    first = measuring(simulation, Load())
    now = simulation.lab.clock()
    assert first.rates.requests_per_second is None, "the first scrape is the base line"
    assert first.wake_at == now + 60.0
    simulation.run(60)
    second = measuring(simulation, first.load)
    assert second.rates.requests_per_second == pytest.approx(20.0, rel=0.1)
    assert second.rates.error_rate == pytest.approx(0.002, abs=0.003)
    assert report(second).requests_per_second == second.rates.requests_per_second
    assert second.wake_at == simulation.lab.clock() + 300.0
    simulation.run(10)
    assert measuring(simulation, second.load).load == second.load, "not yet"


def test_no_measurement_keeps_a_person_waiting_who_goes_back() -> None:
    simulation = ready(strategy.canary())
    abort = Action(1, ActionKind.ABORT, "bob")
    rollout, progress = simulation.rollouts[-1]
    states = (RolloutState(rollout, progress, (abort,)),)
    whole = known(simulation, rollouts=states, load=Load(), load_interval=300.0)
    assert not whole.measures(simulation.lab.clock())


def test_without_an_interval_only_rollouts_are_measured() -> None:
    simulation = Simulation(Mode.STANDARD)
    simulation.deploy()
    simulation.run(60)
    assert not known(simulation).measures(simulation.lab.clock())

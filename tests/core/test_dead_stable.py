"""The candidate is healthy, and stable never served or has died: the way is forward."""

from dataclasses import replace

import pytest

from tests.simulation.desk import Desk
from tests.simulation.simulation import Simulation
from tidegate.core import strategy
from tidegate.core.evidence import Metric, MetricKind
from tidegate.core.intent import Mode
from tidegate.core.rollout import ActionKind, Outcome
from tidegate.core.strategy import Strategy, Until

STEPS = strategy.canary((10, 50), bake=20)
PLAN = replace(STEPS, deadlines=replace(STEPS.deadlines, data=120.0, decision=600.0))
OPEN_AB = replace(
    strategy.ab(bake=5, until=Until.PASS),
    metrics=(Metric(MetricKind.EXPERIMENT, fail_margin=1.0, pass_margin=0.5),),
)


def over_a_dead_stable(mode: Mode, plan: Strategy = PLAN) -> Simulation:
    """A rollout of a healthy r2 over an r1 whose pods never got ready, for 20 minutes at most."""
    rollout = Simulation(mode)
    rollout.lab.kubelet.crash("model-1")
    rollout.deploy()
    rollout.start(plan, rollout.revision())
    rollout.until_over(1200)
    return rollout


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("plan", [PLAN, strategy.blue_green()], ids=lambda plan: plan.kind)
def test_the_command_that_goes_forward_is_told(mode: Mode, plan: Strategy) -> None:
    rollout = over_a_dead_stable(mode, plan)
    assert any("tidegate rollout promote" in line for line in rollout.diary), rollout.diary


def test_a_candidate_that_serves_is_not_aborted_toward_nobody() -> None:
    rollout = over_a_dead_stable(Mode.STANDARD)
    assert rollout.progress().outcome is not Outcome.ABORTED, rollout.diary[-5:]


def test_the_stable_that_never_served_is_blamed_not_the_candidate() -> None:
    rollout = over_a_dead_stable(Mode.KNATIVE)
    assert not any("r2 was not ready" in line for line in rollout.diary), rollout.diary
    assert any("r2 waits for r1" in line for line in rollout.diary), rollout.diary


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("plan", [PLAN, OPEN_AB], ids=lambda plan: plan.kind)
def test_an_end_names_no_promotion(mode: Mode, plan: Strategy) -> None:
    """A rollout that has ended takes none. Stable dies, gets well once the time is over, and nobody
    decides."""
    rollout = Simulation(mode)
    rollout.deploy()
    soon = replace(plan.deadlines, data=60.0, decision=600.0)
    rollout.start(replace(plan, deadlines=soon), rollout.revision())
    rollout.run(60)
    rollout.lab.kubelet.crash("model-1")
    rollout.until_over(300)
    rollout.lab.kubelet.heal("model-1")
    end = rollout.until_over(1800).end
    assert end.toward is not None, rollout.diary[-5:]
    assert "promote" not in end.message


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("verb", ["abort", "undo", "supersede"])
def test_the_way_forward_stays_open_after_the_way_back(mode: Mode, verb: str) -> None:
    """An end toward a stable that never gets well ends all the same, and the next candidate can be
    promoted over it."""
    rollout = Simulation(mode)
    rollout.deploy()
    rollout.start(PLAN, rollout.revision())
    rollout.run(60)
    rollout.lab.kubelet.crash("model-1")
    rollout.run(30)
    desk = Desk(rollout)
    if verb == "undo":
        desk.undo()
    else:
        rollout.action(ActionKind(verb))
    rollout.until_over(300)
    rollout.start(PLAN, rollout.revision())
    rollout.run(60)
    desk.act("promote", force=True)
    assert rollout.until_over(300).outcome is Outcome.PROMOTED, rollout.diary[-8:]
    assert rollout.lab.shares("fraud") == {"r3": 100.0}

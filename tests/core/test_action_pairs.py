"""People who act twice: every pair of actions in every situation, and how each was answered. The
tables in golden/ are read like code."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.core.scenarios.book import begin, reach
from tests.golden_files import check_golden
from tests.simulation.desk import Desk
from tests.simulation.simulation import Simulation
from tidegate.core import strategy
from tidegate.core.intent import CandidateTraffic, Mode
from tidegate.core.rollout import ActionKind
from tidegate.core.strategy import Step, Until

GOLDEN = Path(__file__).parent / "golden"
CANARY = strategy.canary((10, 50), bake=600)
ASKING = replace(
    CANARY,
    steps=(
        Step(CandidateTraffic(percent=10), Until.APPROVAL, 0.0),
        Step(CandidateTraffic(percent=10), Until.APPROVAL, 0.0),
        CANARY.steps[1],
    ),
)
Deed = Callable[[Desk, int | None], str]

DEEDS: dict[str, Deed] = {
    "pause": lambda desk, page: desk.act("pause"),
    "resume": lambda desk, page: desk.act("resume"),
    "approve": lambda desk, page: desk.act("approve", step=page),
    "promote": lambda desk, page: desk.act("promote", step=page),
    "promote --force": lambda desk, page: desk.act("promote", force=True),
    "set canary 30 --force": lambda desk, page: desk.set_percent(30, force=True),
    "set canary 0": lambda desk, page: desk.set_percent(0),
    "reject": lambda desk, page: desk.act("reject"),
    "abort": lambda desk, page: desk.act("abort"),
    "undo": lambda desk, page: desk.undo(),
    "undo --to r1": lambda desk, page: desk.undo(1),
    "undo --to r2": lambda desk, page: desk.undo(2),
    "undo --to what is stable": lambda desk, page: desk.undo_to_stable(),
}


def serving_r2(mode: Mode) -> Simulation:
    """r2 was promoted over r1, which is on standby in standard mode."""
    simulation = Simulation(mode)
    begin(simulation, strategy.blue_green())
    simulation.run(30)
    simulation.action(ActionKind.PROMOTE)
    simulation.until_over()
    simulation.run(simulation.interval)
    return simulation


def with_r3(mode: Mode, plan: strategy.Strategy, step: int = 0) -> Simulation:
    simulation = serving_r2(mode)
    simulation.start(plan, simulation.revision())
    reach(simulation, step)
    return simulation


def a_step_runs(mode: Mode) -> Simulation:
    return with_r3(mode, CANARY)


def a_step_waits_for_an_approval(mode: Mode) -> Simulation:
    return with_r3(mode, ASKING)


def a_promotion_is_not_shown_yet(mode: Mode) -> Simulation:
    simulation = with_r3(mode, ASKING)
    Desk(simulation).act("promote", force=True)
    simulation.one_pass(writes=0)
    assert simulation.intent.stable == 3
    return simulation


def an_abort_runs(mode: Mode) -> Simulation:
    simulation = with_r3(mode, CANARY)
    Desk(simulation).act("abort")
    simulation.one_pass(writes=0)
    return simulation


def an_abort_has_ended(mode: Mode) -> Simulation:
    simulation = with_r3(mode, CANARY)
    Desk(simulation).act("abort")
    simulation.until_over()
    return simulation


def an_undo_runs(mode: Mode) -> Simulation:
    simulation = serving_r2(mode)
    Desk(simulation).undo()
    while simulation.intent.stable != 1:
        simulation.lab.settle(simulation.interval)
        simulation.one_pass()
    return simulation


def an_undo_has_ended(mode: Mode) -> Simulation:
    simulation = serving_r2(mode)
    Desk(simulation).undo()
    simulation.until_over()
    return simulation


def a_rollout_is_paused(mode: Mode) -> Simulation:
    simulation = with_r3(mode, CANARY)
    Desk(simulation).act("pause")
    simulation.one_pass(writes=0)
    assert simulation.progress().pause is not None
    return simulation


def an_undo_is_paused(mode: Mode) -> Simulation:
    """Before it has made r1 stable."""
    simulation = serving_r2(mode)
    Desk(simulation).undo()
    Desk(simulation, "cat").act("pause")
    simulation.one_pass(writes=0)
    assert simulation.intent.stable == 2
    return simulation


def an_undo_is_superseded(mode: Mode) -> Simulation:
    """After it has made r1 stable."""
    simulation = an_undo_runs(mode)
    Desk(simulation).supersede(CANARY, simulation.revision())
    return simulation


SITUATIONS = (
    a_step_runs,
    a_rollout_is_paused,
    a_step_waits_for_an_approval,
    a_promotion_is_not_shown_yet,
    an_abort_runs,
    an_abort_has_ended,
    an_undo_runs,
    an_undo_is_paused,
    an_undo_is_superseded,
    an_undo_has_ended,
)


@contextmanager
def unchanged(simulation: Simulation) -> Iterator[None]:
    """What is stored meanwhile is forgotten again; nothing was written to the cluster."""
    lists = (simulation.intents, simulation.rollouts, simulation.actions, simulation.diary)
    before = [list(each) for each in lists]
    yield
    for each, kept in zip(lists, before, strict=True):
        each[:] = kept  # type: ignore[index]


def answers(situation: Simulation, first: str, second: str) -> Iterator[str]:
    """How the second of two people is answered: at once, and after the controller's next pass. Both
    saw the same page."""
    for passes in (0, 1):
        with unchanged(situation):
            ann = Desk(situation, "ann")
            bob = Desk(situation, "bob")
            page = ann.page()
            DEEDS[first](ann, page)
            for _ in range(passes):
                situation.one_pass(writes=0)
            yield DEEDS[second](bob, page)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
def test_every_pair_of_actions_has_its_answer(
    situation: Callable[[Mode], Simulation], mode: Mode
) -> None:
    simulation = situation(mode)
    lines = []
    for first, act in DEEDS.items():
        with unchanged(simulation):
            ann = Desk(simulation, "ann")
            lines.append(f"{first}: {act(ann, ann.page())}")
        for second in DEEDS:
            at_once, later = answers(simulation, first, second)
            lines.append(f"    then {second}: {at_once}; after a pass: {later}")
    name = situation.__name__.replace("_", "-")
    check_golden(GOLDEN / f"{name}-{mode}.txt", "\n".join(lines) + "\n")


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    "situation",
    [situation for situation in SITUATIONS if situation is not an_undo_has_ended],
    ids=lambda situation: situation.__name__,
)
def test_going_back_is_refused_to_nobody(
    situation: Callable[[Mode], Simulation], mode: Mode
) -> None:
    """Abort and reject of what runs, or went back already, whoever acted before. What was promoted
    is undone, and not aborted."""
    simulation = situation(mode)
    for first in DEEDS:
        for second in ("abort", "reject"):
            at_once, _ = answers(simulation, first, second)
            assert at_once.startswith("accepted"), (first, second, at_once)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
def test_what_is_stable_is_refused_to_nobody(
    situation: Callable[[Mode], Simulation], mode: Mode
) -> None:
    simulation = situation(mode)
    for first in DEEDS:
        for answer in answers(simulation, first, "undo --to what is stable"):
            assert answer.startswith("accepted"), (first, answer)

"""Undos without a revision, by seeded chance, over promotions, aborts and undos of every kind: none
leads to a revision that a rollback left, by a book that is kept apart from the core's own."""

import random

import pytest

from tests.simulation.desk import Desk
from tests.simulation.left import RECENT_S, Left
from tests.simulation.simulation import Simulation
from tidegate.core import strategy
from tidegate.core.intent import Mode

SEEDS = 3
DEEDS = 40
KINDS = (
    *("start", "grow", "grow", "promote", "abort", "undo", "undo", "undo to", "pause"),
    *("later", "later", "over"),
)


def deed(simulation: Simulation, book: Left, dice: random.Random) -> bool:
    """Something that chance chooses; whether an undo without a revision went back."""
    desk = Desk(simulation)
    match dice.choice(KINDS):
        case "start" if not desk.open():
            simulation.start(strategy.manual(), simulation.revision())
        case "grow" if not desk.open():
            simulation.start(strategy.blue_green(), simulation.revision())
            desk.act("promote", force=True)
            simulation.until_over()
        case "over" if desk.open():
            simulation.until_over()
        case "promote":
            desk.act("promote", force=True)
        case "abort" | "pause" as verb:
            desk.act(verb)
        case "undo":
            answer = desk.undo()
            simulation.note(f"undo: {answer}")
            book.check(answer)
            return answer.startswith("accepted: back")
        case "undo to":
            desk.undo(dice.choice(list(simulation.revisions)))
        case "later":
            simulation.lab.clock.advance(RECENT_S + 1)
    for _ in range(dice.choice((0, 1, 4))):
        simulation.run(simulation.interval)
        book.read()
    return False


@pytest.mark.parametrize("mode", Mode)
def test_an_undo_by_chance_never_leads_to_what_a_rollback_left(mode: Mode) -> None:
    undone = 0
    for seed in range(SEEDS):
        dice = random.Random(seed)
        simulation = Simulation(mode, rate=5.0)
        book = Left(simulation)
        simulation.deploy()
        try:
            for _ in range(DEEDS):
                undone += deed(simulation, book, dice)
        except AssertionError as broken:
            lines = [*simulation.diary, f"seed {seed}, {mode}: {broken}"]
            raise AssertionError("\n".join(lines)) from broken
    assert undone >= SEEDS, "chance has to come to it often"

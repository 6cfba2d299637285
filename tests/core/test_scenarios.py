"""Whole rollouts as text, compared exactly with tests/golden."""

from pathlib import Path

import pytest

from tests.core.scenarios import (
    adopting,
    by_itself,
    checks,
    incidents,
    judging,
    noise,
    people,
    pipelines,
    rejecting,
    rollbacks,
    strangers,
    traffic,
    without_gateway,
)
from tests.core.scenarios.book import SCENARIOS, Scenario
from tests.golden_files import check_golden
from tests.simulation.simulation import Simulation
from tidegate.core.intent import Mode

GOLDEN = Path(__file__).parent.parent / "golden"
# Importing them fills the book
CHAPTERS = (
    adopting,
    by_itself,
    checks,
    incidents,
    judging,
    noise,
    people,
    pipelines,
    rejecting,
    rollbacks,
    strangers,
    traffic,
    without_gateway,
)
TOLD = [(each, mode) for each in SCENARIOS for mode in each.modes]


@pytest.mark.parametrize(
    ("scenario", "mode"), TOLD, ids=[f"{each.name}-{mode}" for each, mode in TOLD]
)
def test_scenario(scenario: Scenario, mode: Mode) -> None:
    simulation = Simulation(mode, gateway=scenario.gateway)
    scenario.tell(simulation)
    message = "\n".join(simulation.diary) + "\n"
    check_golden(GOLDEN / f"{scenario.name}-{mode}.txt", message)


def test_every_golden_file_has_its_scenario() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {
        f"{each.name}-{mode}" for each, mode in TOLD
    }

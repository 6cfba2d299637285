"""Whole rollouts as text, compared exactly with tests/golden.

After a deliberate change: UPDATE_GOLDEN=1 pytest tests/core/test_stories.py, then read the difference.
"""

import os
from pathlib import Path

import pytest

from tests.core.stories import adopting, by_itself, checks, incidents, people, pipelines, strangers, without_gateway
from tests.core.stories.book import STORIES, Story
from tests.simulation.trial import Trial
from tidegate.core.intent import Mode

GOLDEN = Path(__file__).parent.parent / "golden"
CHAPTERS = (
    adopting,
    by_itself,
    checks,
    incidents,
    people,
    pipelines,
    strangers,
    without_gateway,
)  # importing them fills the book
TOLD = [(each, mode) for each in STORIES for mode in each.modes]


@pytest.mark.parametrize(("story", "mode"), TOLD, ids=[f"{each.name}-{mode}" for each, mode in TOLD])
def test_story(story: Story, mode: Mode) -> None:
    trial = Trial(mode, gateway=story.gateway)
    story.tell(trial)
    told = "\n".join(trial.diary) + "\n"
    golden = GOLDEN / f"{story.name}-{mode}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(told)
    assert told == golden.read_text(), f"{golden.name} differs; UPDATE_GOLDEN=1 rewrites it"


def test_every_golden_file_has_its_story() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {f"{each.name}-{mode}" for each, mode in TOLD}

"""Every script against the fake control plane, in virtual time."""

import pytest

from tests.conformance.fake import FakeWorld
from tests.conformance.play import Play
from tests.conformance.scripts import RUNS, Script
from tidegate.core.intent import Mode


@pytest.mark.parametrize(
    ("script", "mode"), RUNS, ids=lambda value: getattr(value, "name", str(value)).lower()
)
def test_the_script_runs_and_comes_to_rest(script: Script, mode: Mode) -> None:
    play = Play(mode, FakeWorld(), scaling=script.scaling)
    script.act(play)
    play.ends()

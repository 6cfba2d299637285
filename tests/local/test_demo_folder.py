"""Where a demo runs: in a folder of its own, never in somebody else's."""

from pathlib import Path

import pytest

from tidegate.cli.errors import CliError
from tidegate_local.commands.plane import emptied


def test_what_an_earlier_demo_left_is_removed(tmp_path: Path) -> None:
    folder = emptied(tmp_path / "build" / "demo")
    (folder / "logs").mkdir()
    assert emptied(folder) == folder
    assert not (folder / "logs").exists()


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / "demo" / "thesis.txt"
    theirs.parent.mkdir()
    theirs.write_text("four years")
    with pytest.raises(CliError, match="is not of a demo"):
        emptied(theirs.parent)
    assert theirs.read_text() == "four years"

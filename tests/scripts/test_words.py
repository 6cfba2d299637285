"""The check of words and habits: what it counts, what it allows, and where it points."""

import json
import subprocess
from pathlib import Path

import pytest

from scripts import words
from scripts.words import Occurrence, complaints, count, lowered, parts, scan

PYTHON = "services/tidegate/core/example.py"


def rules(path: str, source: str) -> list[str]:
    """The rules that a file meets, in the order of its lines."""
    occurrences = sorted(scan(path, source), key=lambda each: each.line)
    return [each.rule for each in occurrences]


def test_names_are_split_into_words() -> None:
    assert parts("_HTTPRoundTrip_of_wishes2") == {"http", "round", "trip", "of", "wishes2"}


def test_a_name_that_is_bound_counts_and_one_that_is_read_does_not() -> None:
    assert rules(PYTHON, "found = 1\n") == ["code: found"]
    assert rules(PYTHON, "print(found)\n") == []
    assert rules(PYTHON, "def told(said: int) -> None: ...\n") == ["code: told", "code: said"]
    assert rules(PYTHON, "class A:\n    one: int = 1\n") == ["code: one"]
    assert rules(PYTHON, "match x:\n    case {'a': heard}:\n        pass\n") == ["code: heard"]


def test_pythons_round_is_not_ours() -> None:
    assert rules(PYTHON, "seconds = round(2.5)\n") == []
    assert rules(PYTHON, "def round(seconds: float) -> int: ...\n") == ["code: round"]
    assert rules(PYTHON, "label = 'a round, found by one pilot'\n") == []


def test_a_term_counts_as_a_part_of_a_name_and_as_a_files_name() -> None:
    assert rules(PYTHON, "class PilotTurn: ...\n") == ["code: pilot"]
    assert rules(PYTHON, "next_wish = 1\n") == ["code: wish"]
    assert rules("tests/core/test_pilot.py", "") == ["code: pilot"]
    assert rules(PYTHON, "wishful = 1\n") == []


def test_imported_names_belong_to_the_module_that_defines_them() -> None:
    assert rules(PYTHON, "from a import pilot\n") == []


def test_habits_of_style() -> None:
    assert rules(PYTHON, "a = b if c else d\n") == ["style: conditional expressions"]
    nested = "style: nested conditional expressions"
    conditional = "style: conditional expressions"
    assert rules(PYTHON, "a = b if c else d if e else f\n") == [conditional, nested, conditional]
    assert rules(PYTHON, "a, b = 1, 2\n") == ["style: tuple assignments"]
    assert rules(PYTHON, "a, b = pair()\n") == []
    assert rules(PYTHON, "if (a := b()): ...\n") == ["style: walruses"]
    assert rules(PYTHON, f"a = '{'x' * 94}'\n") == []
    assert rules(PYTHON, f"a = '{'x' * 95}'\n") == ["style: lines over 100 columns"]


def test_pages_are_read_as_text() -> None:
    assert rules("docs/a.md", "The pilot waits.\n\nIt rounds up each round.\n")[0] == "text: pilot"
    assert rules("README.md", "a Wish and two wishes\n") == ["text: wish", "text: wish"]
    assert rules("docs/a.md", "pilotage, outlook, a room\n") == ["text: room"]


def test_the_commands_help_is_read_and_other_packages_strings_are_not() -> None:
    help_text = '"""Say your wish."""\n'
    assert rules("services/tidegate/cli/a.py", help_text) == ["text: wish"]
    assert rules(PYTHON, help_text) == []


def test_an_openapi_document_is_read_where_people_read_it() -> None:
    source = '{\n "when_gone": {\n  "description": "a wish",\n  "const": "pilot"\n }\n}\n'
    assert rules("docs/openapi.json", source) == ["text: when_gone", "text: wish"]


def test_migrations_keep_the_words_of_their_time() -> None:
    assert rules("services/tidegate/store/migrations/versions/0001_a.py", "wishes = 1\n") == []


def occurrences(*lines: int) -> list[Occurrence]:
    return [Occurrence("code: wish", "services/a.py", line) for line in lines]


def test_as_many_as_before_are_allowed_and_one_more_is_not() -> None:
    assert complaints(occurrences(1, 5), {"code: wish": {"services": 2}}, frozenset()) == []
    (message,) = complaints(occurrences(1, 5, 9), {"code: wish": {"services": 2}}, frozenset())
    assert message.startswith("code: wish: 3 in services, allowed 2; say action")
    assert "services/a.py:9" in message


def test_the_occurrence_on_a_changed_line_is_the_one_that_is_named() -> None:
    new = frozenset({("services/a.py", 5)})
    (message,) = complaints(occurrences(1, 5, 9), {"code: wish": {"services": 2}}, new)
    assert message.splitlines()[1:] == ["  services/a.py:5"]


def test_another_folder_has_its_own_count() -> None:
    assert complaints(occurrences(1), {"code: wish": {"tests": 7}}, frozenset())


def test_lowering_lowers_and_never_raises() -> None:
    allowed = {"code: wish": {"services": 2, "tests": 4}, "code: pilot": {"tests": 1}}
    present = {"code: wish": {"services": 3, "tests": 1}, "code: look": {"tests": 9}}
    assert lowered(present, allowed) == {"code: wish": {"services": 2, "tests": 1}}


def test_counts_are_by_rule_and_folder() -> None:
    assert count(occurrences(1, 2)) == {"code: wish": {"services": 2}}


def git(*arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one banned name, whose counts were just written."""
    monkeypatch.chdir(tmp_path)
    for folder in ("scripts", "services"):
        (tmp_path / folder).mkdir()
    (tmp_path / "services/a.py").write_text("wish = 1\n")
    git("init", "-q")
    assert words.main(["--lower"]) == 0
    git("add", "-A")
    git("commit", "-q", "-m", "a")
    return tmp_path


def test_the_command_passes_as_long_as_nothing_is_added(repository: Path) -> None:
    assert words.main([]) == 0


@pytest.mark.parametrize("committed", [False, True])
def test_the_command_names_file_and_line_of_what_is_new(
    repository: Path, committed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "services/a.py").write_text("wish = 1\nprint(2)\nwish_id = 3\n")
    if committed:
        git("commit", "-q", "-a", "-m", "b")
    assert words.main([]) == 1
    printed = capsys.readouterr().out
    assert "  services/a.py:3\n" in printed
    assert "  services/a.py:1\n" not in printed


def test_a_new_file_counts_before_git_knows_it(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "services/b.py").write_text("pilot = 1\n")
    assert words.main([]) == 1
    assert "  services/b.py:1\n" in capsys.readouterr().out


def test_lowering_in_place(repository: Path) -> None:
    (repository / "services/a.py").write_text("action = 1\n")
    assert words.main(["--lower"]) == 0
    assert json.loads((repository / "scripts/words.json").read_text()) == {}

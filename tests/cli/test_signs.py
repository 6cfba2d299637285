"""The signs of the output: in blocks that terminals have, one column wide, each with one meaning
and with a word."""

import ast
from pathlib import Path

import pytest
from rich.cells import cell_len

import tidegate.cli
from tests.cli import answers as a
from tests.cli.fakes import Cli, FakeApi
from tidegate.cli import words

SIGNS = (
    words.OK,
    words.BAD,
    words.GOING,
    words.PAUSED,
    words.WAITING,
    words.WARNING,
    words.NEUTRAL,
    words.UNKNOWN,
)
BLOCKS = (
    (0x0020, 0x007E),  # Basic Latin
    (0x2010, 0x205E),  # General Punctuation
    (0x2190, 0x21FF),  # Arrows
    (0x25A0, 0x25FF),  # Geometric Shapes
    (0x2600, 0x26FF),  # Miscellaneous Symbols
    (0x2700, 0x27BF),  # Dingbats
)
MODULES = sorted(Path(tidegate.cli.__file__).parent.glob("*.py"))


def foreign(text: str) -> list[str]:
    """The characters of a text that a terminal's font may lack."""
    known = (
        char in "\b\r\n" or any(first <= ord(char) <= last for first, last in BLOCKS)
        for char in text
    )
    return [char for char, is_known in zip(text, known, strict=True) if not is_known]


def test_every_sign_is_one_column_of_a_common_block_and_stands_for_one_thing() -> None:
    assert len(set(SIGNS)) == len(SIGNS)
    assert [sign for sign in SIGNS if foreign(sign) or cell_len(sign) != 1] == []
    assert foreign("॥ paused") == ["॥"]


@pytest.mark.parametrize("module", MODULES, ids=[path.stem for path in MODULES])
def test_no_text_of_the_cli_needs_another_block(module: Path) -> None:
    tree = ast.parse(module.read_text())
    texts = [
        each.value
        for each in ast.walk(tree)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]
    assert [text for text in texts if foreign(text)] == []


def test_a_count_has_its_word(api: FakeApi, cli: Cli) -> None:
    paused = a.with_candidate(name="held", rollout=a.rollout(phase="paused"))
    api.on(
        "GET",
        "/endpoints",
        a.page(a.endpoint(), a.endpoint("other"), paused, a.endpoint("gone", phase="deleting")),
    )
    assert (
        cli("status").out.splitlines()[0]
        == "4 endpoints  ‖ 1 rollout paused  ◌ 1 deleting  ✔ 2 ready"
    )

"""Text that others wrote, before people read it."""

import pytest

from tidegate.core.foreign_text import (
    LOG_LINE_LENGTH,
    LOG_LINES,
    MESSAGE_LENGTH,
    first_words,
    last_lines,
    last_words,
)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Back-off pulling image", "Back-off pulling image"),
        ("\x1b[31mred\x1b[0m and \x1b]0;title\x07plain", "red and plain"),
        ("a\tb\x00c\x08d", "a bcd"),
        ("first\n\n  second \r\nthird", "first / second / third"),
        ("safe\u202egnirts\u2066", "safegnirts"),
        ("over\rwritten", "over / written"),
        ("\x9b31mc1", "31mc1"),
        ("", ""),
    ],
)
def test_a_message_is_one_line_without_hidden_characters(text: str, plain: str) -> None:
    assert first_words(text) == last_words(text) == plain


def test_a_long_message_keeps_its_beginning_or_its_end() -> None:
    text = "begin " + "x" * 1000 + " end"
    first = first_words(text)
    last = last_words(text)
    assert len(first) == len(last) == MESSAGE_LENGTH
    assert first.startswith("begin x")
    assert first.endswith("x…")
    assert last.startswith("…x")
    assert last.endswith("x end")


def test_a_log_is_told_by_its_last_lines() -> None:
    lines = [f"line {number}" for number in range(100)]
    assert last_lines("\n".join(lines) + "\n\n") == tuple(lines[-LOG_LINES:])
    assert last_lines(" \n\x07\n") == ()
    (only,) = last_lines("y" * 5000)
    assert len(only) == LOG_LINE_LENGTH

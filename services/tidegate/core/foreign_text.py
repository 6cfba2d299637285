"""Text that others wrote, such as messages of the cluster and logs, made fit for one line.

Whoever runs a container chooses what it prints, and people read it in a terminal and on a page: no
control character passes, no change of direction, and no more than a bounded number of characters.
"""

import re
import unicodedata

MESSAGE_LENGTH = 300  # characters of one message
LOG_LINES = 5
LOG_LINE_LENGTH = 160  # characters of one line of a log
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})  # categories of Unicode


def first_words(text: str, most: int = MESSAGE_LENGTH) -> str:
    """The text in one line, cut at its end."""
    line = " / ".join(_lines(text))
    if len(line) <= most:
        return line
    return line[: most - 1].rstrip() + "…"


def last_words(text: str, most: int = MESSAGE_LENGTH) -> str:
    """The text in one line, cut at its beginning: what a process prints last tells why it ended."""
    line = " / ".join(_lines(text))
    if len(line) <= most:
        return line
    return "…" + line[len(line) - most + 1 :].lstrip()


def last_lines(text: str) -> tuple[str, ...]:
    """The last LOG_LINES lines of a log that are not empty, each of a bounded length."""
    return tuple(first_words(line, LOG_LINE_LENGTH) for line in _lines(text)[-LOG_LINES:])


def _lines(text: str) -> list[str]:
    lines = (_plain(line) for line in re.split(r"\r\n|[\r\n\v\f\x85\u2028\u2029]", text))
    return [line for line in lines if line]


def _plain(line: str) -> str:
    """The line without escape sequences and hidden characters; every space is one space."""
    bare = _ESCAPE.sub("", line).replace("\t", " ")
    visible = "".join(c for c in bare if unicodedata.category(c) not in _HIDDEN)
    return " ".join(visible.split())

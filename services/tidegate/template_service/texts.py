"""Texts that reach KFP as they were written, or not at all.

KFP writes the values of a run as JSON into an argument of an Argo workflow, and its name into a
command line. Argo evaluates `{{=…}}` and `{{workflow.…}}` in both: such a text would be another
program's instruction by the time it reaches a task, which holds the namespace's token. And KFP's
database holds characters up to U+FFFF: it refuses the others after the workflow has begun.
"""

import json
from collections.abc import Iterator
from typing import Any

from tidegate.core.errors import Problem, Remediation, shown

OPENING = "{{"
HIGHEST = "\uffff"  # the database's `utf8` has three bytes for a character
DEEPEST = 32  # levels of lists and objects
# Linux takes 131,072 bytes for one argument, and KFP's driver gets all values as one
MOST_BYTES = 100_000
_SURROGATES = ("\ud800", "\udfff")
_ESCAPED = 6  # bytes of an escaped character: \u003c


def check_text(field: str, text: str, where: str = "") -> Iterator[Problem]:
    """What KFP would not hand on unchanged. where: path within the field, for people."""
    fault = _fault(text)
    if fault is None:
        return
    rule, remediation = fault
    name = where or field
    yield Problem(field, f"{name}: {shown(text)} {rule}", Remediation(remediation))


def check_length(field: str, text: str, most: int) -> Iterator[Problem]:
    """A text that is longer than KFP's column."""
    if len(text) > most:
        detail = f"{field}: {shown(text)} has {len(text)} characters, KFP holds {most}"
        yield Problem(field, detail, Remediation("shorten it"))


def check_value(field: str, value: Any) -> Iterator[Problem]:
    """The first text in a value, at any depth, that KFP would not hand on unchanged."""
    for where, text in _texts(field, value):
        if text is None:
            detail = f"{field} has more than {DEEPEST} levels"
            yield Problem(field, detail, Remediation("nest it less"))
            return
        problems = tuple(check_text(field, text, where))
        if problems:
            yield from problems
            return


def check_size(values: dict[str, Any]) -> Iterator[Problem]:
    """Values that are together too long for one argument; the longest is named."""
    sizes = {name: _bytes(value) for name, value in values.items()}
    total = sum(sizes.values())
    if total > MOST_BYTES:
        longest = max(sizes, key=lambda name: sizes[name])
        detail = (
            f"{longest} has {sizes[longest]} bytes as JSON: all values together have {total}, "
            f"and a task takes {MOST_BYTES}"
        )
        yield Problem(longest, detail, Remediation("shorten it"))


def harmless(text: str) -> str:
    """A name that nobody can choose anew, such as the caller's, as KFP can hold it."""
    kept = "".join(char if _fault(char) is None else "\ufffd" for char in text)
    while OPENING in kept:
        kept = kept.replace(OPENING, "{ {")
    return kept


def _fault(text: str) -> tuple[str, str] | None:
    """The rule that a text breaks, and what to do."""
    if OPENING in text:
        return (
            f"contains {OPENING!r}, which Argo would evaluate on the way to the task",
            "write '{ {', or leave it out",
        )
    for char in text:
        code = f"U+{ord(char):04X}"
        if char > HIGHEST:
            return (f"contains {code}: KFP's database ends at U+FFFF", "write it in other words")
        if char == "\0" or _SURROGATES[0] <= char <= _SURROGATES[1]:
            return (f"contains {code}, which no text may hold", "leave it out")
    return None


def _texts(field: str, value: Any) -> Iterator[tuple[str, str | None]]:
    """Every text in a value with its path, keys too; None where it is too deep."""
    stack = [(field, value, 0)]
    while stack:
        where, item, depth = stack.pop()
        if depth > DEEPEST:
            yield where, None
            return
        match item:
            case str():
                yield where, item
            case dict():
                for key in item:
                    yield f"{where} (a name in it)", str(key)
                stack += [(f"{where}.{key}", each, depth + 1) for key, each in item.items()]
            case list() | tuple():
                stack += [(f"{where}[{n}]", each, depth + 1) for n, each in enumerate(item)]


def _bytes(value: Any) -> int:
    """As JSON, the way Go writes it: `<`, `>` and `&` escaped."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    escaped = sum(text.count(char) for char in "<>&")
    return len(text.encode("utf-8", "replace")) + escaped * (_ESCAPED - 1)

"""The tokens of PromQL, as far as `promql` reads it. Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a token is."""

    NAME = "name"
    STRING = "string"
    NUMBER = "number"
    PLACE = "placeholder"  # $pods
    SIGN = "sign"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """One token as it was written, and where it begins. END has no text."""

    kind: Kind
    text: str
    at: int


class Refused(Exception):  # noqa: N818  (an expected answer within this package)
    """A query that is not read. detail: value and rule. remediation: what to write instead."""

    def __init__(self, detail: str, remediation: str) -> None:
        super().__init__(f"{detail}: {remediation}")
        self.detail = detail
        self.remediation = remediation


_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<placeholder>\$[a-zA-Z_]+)
    |(?P<sign>=~|!~|!=|[=(){}\[\],+\-*/])""",
    re.VERBOSE,
)
_SUBSET = "write one query of selectors, functions, aggregations and + - * /"


def tokens(text: str) -> tuple[Token, ...]:
    """The tokens of a query, END last. Raises Refused at what is none: comments, raw strings, @ and
    comparisons are not read."""
    result = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Refused(f"{text[at : at + 10]!r} at character {at + 1} is not read", _SUBSET)
        kind = str(match.lastgroup)
        if kind != "space":
            result.append(Token(Kind(kind), match[0], at))
        at = match.end()
    return (*result, Token(Kind.END, "", at))

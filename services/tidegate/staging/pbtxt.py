"""Protocol buffers' text format, as `config.pbtxt` is written in: to values, without a schema.

A parser of our own because the one of Google's library wants Triton's schema, which comes with the
whole tritonclient only, and follows a hostile file as deep as it nests. This one reads a file once,
in bounded depth and size. https://protobuf.dev/reference/protobuf/textformat-spec/ says the
grammar; extensions and Any are left out.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from tidegate.core.errors import TidegateError

MOST_BYTES = 1 << 20
MOST_DEPTH = 32

_TOKEN = re.compile(
    r"(?P<space>(?:\s|\#[^\n]*)+)"
    r"|(?P<text>\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')"
    r"|(?P<number>-?\s*(?:0[xX][0-9a-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)[fF]?)"
    r"|(?P<word>-?[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign>[{}\[\]<>:,;])"
)
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|(.))", re.DOTALL)
_CONTROL = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_CLOSES = {"{": "}", "<": ">"}


class PbtxtError(TidegateError):
    """The text cannot be read; names the line and what was expected."""


@dataclass(frozen=True, slots=True)
class Word:
    """A bare word: a name of an enum, true or false."""

    text: str


Value: TypeAlias = "str | int | float | Word | Message"
Message: TypeAlias = Mapping[str, tuple[Value, ...]]  # fields may repeat


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


def parse(text: str) -> Message:
    """The message that the text is. Raises PbtxtError."""
    if len(text) > MOST_BYTES:
        raise PbtxtError(f"it is longer than {MOST_BYTES} characters")
    return _Reader(text).message("", 0)


class _Reader:
    """One pass over the tokens, with one token of look-ahead."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._next = next(self._tokens)

    def message(self, end: str, depth: int) -> Message:
        """Fields up to `end`, '' being the end of the file."""
        if depth > MOST_DEPTH:
            raise PbtxtError(f"line {self._next.line}: nested deeper than {MOST_DEPTH}")
        fields: dict[str, list[Value]] = {}
        while self._next.text != end or self._next.kind == "text":
            name = self._take("word", "a field's name")
            fields.setdefault(name.text, []).extend(self._values(depth))
            if self._is(",", ";"):
                self._advance()
        if end:
            self._advance()
        return {name: tuple(values) for name, values in fields.items()}

    def _values(self, depth: int) -> Iterator[Value]:
        if self._is(":"):
            self._advance()
        elif not self._is("{", "<", "["):
            raise self._expected("':' or '{'")
        if not self._is("["):
            yield self._value(depth)
            return
        self._advance()
        while not self._is("]"):
            yield self._value(depth)
            if self._is(","):
                self._advance()
            elif not self._is("]"):
                raise self._expected("',' or ']'")
        self._advance()

    def _value(self, depth: int) -> Value:
        token = self._next
        if token.kind == "sign" and token.text in _CLOSES:
            self._advance()
            return self.message(_CLOSES[token.text], depth + 1)
        if token.kind == "text":
            return "".join(self._texts())
        if token.kind == "number":
            self._advance()
            return _number(token)
        return Word(self._take("word", "a value").text)

    def _texts(self) -> Iterator[str]:
        """Texts beside each other are one."""
        while self._next.kind == "text":
            yield _ESCAPE.sub(_unescaped, self._advance().text[1:-1])

    def _is(self, *signs: str) -> bool:
        return self._next.kind == "sign" and self._next.text in signs

    def _take(self, kind: str, what: str) -> _Token:
        if self._next.kind != kind:
            raise self._expected(what)
        return self._advance()

    def _advance(self) -> _Token:
        token = self._next
        self._next = next(self._tokens, _Token("end", "", token.line))
        return token

    def _expected(self, what: str) -> PbtxtError:
        value = "the end"
        if self._next.text:
            value = repr(self._next.text[:40])
        return PbtxtError(f"line {self._next.line}: found {value}, expected {what}")


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    line = 1
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise PbtxtError(
                f"line {line}: found {text[at : at + 20]!r}, which is no token of the text format"
            )
        if match.lastgroup != "space":
            assert match.lastgroup is not None
            yield _Token(match.lastgroup, match[0], line)
        line += match[0].count("\n")
        at = match.end()
    yield _Token("end", "", line)


def _number(token: _Token) -> int | float:
    digits = re.sub(r"\s", "", token.text)
    try:
        if re.fullmatch(r"-?0[xX][0-9a-fA-F]+", digits):
            return int(digits, 16)
        if re.fullmatch(r"-?0[0-7]+", digits):
            return int(digits, 8)
        if re.fullmatch(r"-?\d+", digits):
            return int(digits)
        return float(digits.rstrip("fF"))
    except ValueError:
        raise PbtxtError(f"line {token.line}: {digits[:40]!r} is no number") from None


def _unescaped(match: re.Match[str]) -> str:
    octal, hexadecimal, sign = match.groups()
    if octal:
        return chr(int(octal, 8))
    if hexadecimal:
        return chr(int(hexadecimal, 16))
    return _CONTROL.get(sign, sign)

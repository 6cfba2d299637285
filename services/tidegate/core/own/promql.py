"""People's PromQL, bound to one namespace. Pure.

A query is read by a parser of its own, which knows a part of the language and refuses all else, so
that every selector is seen: each gets `namespace="…"` of the endpoint, and a query in which one
names another namespace is refused. What could reach past that is not read at all: offset, @,
subqueries, functions that bring in series of their own (`info`), quoted names of metrics and labels.
Text that is not part of a string is written anew from what was understood, never copied.

Placeholders stand for what differs between revisions: `$pods`, `$revision`, `$namespace` within a
string, `$window` as the range of a selector.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tidegate.core.own.tokens import Kind, Refused, Token, tokens

LONGEST = 2000  # characters of a query
MOST_SELECTORS = 8
DEEPEST = 20
NAMESPACE = "namespace"

FUNCTIONS = frozenset(
    {
        "abs",
        "avg_over_time",
        "clamp",
        "clamp_max",
        "clamp_min",
        "count_over_time",
        "delta",
        "exp",
        "histogram_quantile",
        "increase",
        "ln",
        "max_over_time",
        "min_over_time",
        "quantile_over_time",
        "rate",
        "round",
        "scalar",
        "sqrt",
        "sum_over_time",
    }
)
AGGREGATIONS = frozenset({"avg", "count", "max", "min", "quantile", "sum"})
_LISTS = frozenset({"by", "without"})
_JOINS = frozenset({"on", "ignoring"})
_GROUPS = frozenset({"group_left", "group_right"})
# Words of the language: none is the name of a metric here
_WORDS = frozenset({"and", "or", "unless", "bool", "offset", "inf", "nan", "atan2"})
_NOT_NAMES = _WORDS | AGGREGATIONS | _LISTS | _JOINS | _GROUPS
_PLACES = ("$pods", "$revision", "$namespace")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_QUOTED_PLACE = re.compile(r"\$[a-zA-Z_]*")


@dataclass(frozen=True, slots=True)
class Subject:
    """What the placeholders of a query stand for. pods: names. revision: its label, such as r2.
    window: seconds."""

    namespace: str
    revision: str = "r1"
    pods: tuple[str, ...] = ("pod",)
    window: float = 60.0

    @property
    def texts(self) -> Mapping[str, str]:
        """The text of each placeholder within a string. Raises Refused at a name that is none of
        Kubernetes: then nothing is asked."""
        for name in (self.namespace, self.revision, *self.pods):
            if not _NAME.fullmatch(name):
                raise Refused(f"{name!r} is no name of an object", "name it by DNS labels")
        pods = "|".join(re.escape(name).replace("\\-", "-") for name in self.pods)
        return {
            "$namespace": self.namespace,
            "$revision": self.revision,
            # A regular expression within a string of PromQL
            "$pods": f"(?:{pods})".replace("\\", "\\\\"),
        }


@dataclass(frozen=True, slots=True)
class Bound:
    """A query as it is sent. selectors: each of its selectors, bound, without a range. of_revision:
    whether each names the revision, by its pods or its label."""

    text: str
    selectors: tuple[str, ...]
    of_revision: bool


def expression(text: str, subject: Subject) -> Bound:
    """A query that gives one value, bound. Raises Refused."""
    reader = _Reader(text, subject)
    written = reader.expression(0)
    reader.expect_end()
    return reader.bound(written)


def counters(text: str, subject: Subject) -> Bound:
    """Counters that are added up: selectors, each alone or within sum(), with + between them.
    Raises Refused."""
    reader = _Reader(text, subject)
    written = reader.counter()
    while reader.take("+"):
        written += f" + {reader.counter()}"
    reader.expect_end(
        "write a selector of a counter, or sums of them: counted is what came on top between two "
        "scrapes, so no rate() or increase()"
    )
    return reader.bound(written)


class _Reader:
    """Recursive descent over the tokens. Each method returns the text of what it has read."""

    def __init__(self, text: str, subject: Subject) -> None:
        if not text.strip():
            raise Refused("the query is empty", "write PromQL")
        if len(text) > LONGEST:
            raise Refused(
                f"the query has {len(text)} characters", f"write at most {LONGEST} characters"
            )
        self._tokens = tokens(text)
        self._subject = subject
        self._texts = subject.texts
        self._next = 0
        self._selectors: list[str] = []
        self._of_revision: list[bool] = []

    def bound(self, text: str) -> Bound:
        return Bound(text, tuple(self._selectors), all(self._of_revision) and self._reads)

    @property
    def _reads(self) -> bool:
        return bool(self._selectors)

    def expression(self, depth: int) -> str:
        written = self._operand(depth)
        while (sign := self._sign("+-*/")) is not None:
            written += f" {sign}{self._joined()} {self._operand(depth)}"
        return written

    def counter(self) -> str:
        token = self._peek()
        if token.text.lower() == "sum" and self._peek(1).text == "(":
            self._next += 2
            written = f"sum({self._selector(ranged=False)})"
            self._expect(")")
            return written
        return self._selector(ranged=False)

    def take(self, text: str) -> bool:
        """Whether the next token is this sign, which is then read."""
        if self._peek().kind is not Kind.SIGN or self._peek().text != text:
            return False
        self._next += 1
        return True

    def expect_end(self, remediation: str = "write one query") -> None:
        if self._peek().kind is not Kind.END:
            raise self._unread(remediation)

    def _operand(self, depth: int) -> str:
        self._check_depth(depth)
        sign = self._sign("+-")
        if sign is not None:
            return f"{sign}{self._operand(depth + 1)}"
        token = self._peek()
        if token.kind is Kind.NUMBER:
            self._next += 1
            return token.text
        if self.take("("):
            inner = self.expression(depth + 1)
            self._expect(")")
            return f"({inner})"
        word = token.text.lower()
        if token.kind is Kind.NAME and word in AGGREGATIONS:
            return self._aggregation(word, depth)
        if token.kind is Kind.NAME and self._peek(1).text == "(":
            return self._function(token, depth)
        return self._selector(ranged=True)

    def _check_depth(self, depth: int) -> None:
        if depth > DEEPEST:
            raise Refused("the query is nested too deeply", f"nest at most {DEEPEST} levels")

    def _aggregation(self, word: str, depth: int) -> str:
        self._next += 1
        before = self._list(_LISTS)
        arguments = self._arguments(depth)
        after = ""
        if not before:
            after = self._list(_LISTS)
        return f"{word}{before}{arguments}{after}"

    def _function(self, token: Token, depth: int) -> str:
        if token.text not in FUNCTIONS:
            raise Refused(
                f"the function {token.text!r} is not read",
                f"use {', '.join(sorted(FUNCTIONS))} or {', '.join(sorted(AGGREGATIONS))}",
            )
        self._next += 1
        return f"{token.text}{self._arguments(depth)}"

    def _arguments(self, depth: int) -> str:
        self._expect("(")
        written = [self.expression(depth + 1)]
        while self.take(","):
            written.append(self.expression(depth + 1))
        self._expect(")")
        return f"({', '.join(written)})"

    def _list(self, words: frozenset[str]) -> str:
        """`by (a, b)`, or nothing."""
        token = self._peek()
        word = token.text.lower()
        if token.kind is not Kind.NAME or word not in words:
            return ""
        self._next += 1
        self._expect("(")
        labels = []
        while self._peek().kind is Kind.NAME:
            labels.append(self._label())
            if not self.take(","):
                break
        self._expect(")")
        return f" {word} ({', '.join(labels)})"

    def _joined(self) -> str:
        """What says how two sides go together, after an operator."""
        joined = self._list(_JOINS)
        if not joined:
            return ""
        token = self._peek()
        if token.kind is not Kind.NAME or token.text.lower() not in _GROUPS:
            return joined
        if self._peek(1).text == "(":
            return joined + self._list(_GROUPS)
        self._next += 1
        return f"{joined} {token.text.lower()} ()"

    def _selector(self, *, ranged: bool) -> str:
        token = self._peek()
        name = ""
        if token.kind is Kind.NAME:
            if token.text.lower() in _NOT_NAMES:
                raise self._unread("write the name of a metric here")
            name = token.text
            self._next += 1
        elif token.text != "{":
            raise self._unread('write a selector here, such as requests_total{pod=~"$pods"}')
        matchers = list(self._matchers())
        if not name and not matchers:
            raise Refused("a selector selects everything", "name a metric")
        if len(self._selectors) >= MOST_SELECTORS:
            raise Refused("the query has too many selectors", f"write at most {MOST_SELECTORS}")
        self._of_revision.append(any(revision for _, revision in matchers))
        own = f'{NAMESPACE}="{self._subject.namespace}"'
        written = f"{name}{{{','.join([*(text for text, _ in matchers), own])}}}"
        self._selectors.append(written)
        if ranged and self.take("["):
            written += self._range()
        return written

    def _range(self) -> str:
        token = self._peek()
        if token.text != "$window":
            raise Refused(
                f"the range {token.text!r} is not read",
                "write [$window]: the interval that is judged, and nothing before it",
            )
        self._next += 1
        self._expect("]")
        return f"[{max(1, round(self._subject.window))}s]"

    def _matchers(self) -> Iterator[tuple[str, bool]]:
        """Each matcher but of the namespace, and whether it names the revision."""
        if not self.take("{"):
            return
        while self._peek().kind is Kind.NAME:
            label = self._label()
            sign = self._peek().text
            if sign not in ("=", "!=", "=~", "!~"):
                raise self._unread("write =, !=, =~ or !~ after a label")
            self._next += 1
            value = self._peek()
            if value.kind is not Kind.STRING:
                raise self._unread("write a value in quotes")
            self._next += 1
            if label == NAMESPACE:
                self._check_namespace(sign, value.text[1:-1])
            else:
                places = set(_QUOTED_PLACE.findall(value.text))
                positive = sign in ("=", "=~")
                names = positive and bool(places & {"$pods", "$revision"})
                yield f"{label}{sign}{self._filled(value.text, sign)}", names
            if not self.take(","):
                break
        self._expect("}")

    def _check_namespace(self, sign: str, value: str) -> None:
        own = self._subject.namespace
        if sign == "=" and value in (own, "$namespace"):
            return
        raise Refused(
            f"a selector has {NAMESPACE}{sign}{value!r}, and series of {own!r} alone may be read",
            f"leave {NAMESPACE} out: it is added to every selector",
        )

    def _filled(self, quoted: str, sign: str) -> str:
        def fill(match: re.Match[str]) -> str:
            text = self._texts.get(match[0])
            if text is not None and (match[0] != "$pods" or sign in ("=~", "!~")):
                return text
            if match[0] == "$":
                return "$"  # the end of a regular expression
            known = ", ".join(_PLACES)
            raise Refused(
                f"{match[0]!r} cannot stand after {sign}",
                f"use {known} in quotes ($pods after =~), and $window as a range",
            )

        body = _QUOTED_PLACE.sub(fill, quoted[1:-1])
        return f"{quoted[0]}{body}{quoted[0]}"

    def _label(self) -> str:
        token = self._peek()
        if token.kind is not Kind.NAME or ":" in token.text:
            raise self._unread("write the name of a label here")
        self._next += 1
        return token.text

    def _sign(self, signs: str) -> str | None:
        token = self._peek()
        if token.kind is not Kind.SIGN or token.text not in tuple(signs):
            return None
        self._next += 1
        return token.text

    def _expect(self, text: str) -> None:
        if not self.take(text):
            raise self._unread(f"write {text} here")

    def _peek(self, ahead: int = 0) -> Token:
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)]

    def _unread(self, remediation: str) -> Refused:
        token = self._peek()
        text = token.text or "the end"
        return Refused(f"{text!r} at character {token.at + 1} is not read", remediation)

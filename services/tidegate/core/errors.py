"""Problems: what is wrong with an input, by field, value, rule and remediation (RFC 9457 on the
API)."""

from dataclasses import dataclass

VALUE_LIMIT = 80  # characters of a refused value that are quoted back


@dataclass(frozen=True, slots=True)
class Remediation:
    """What to do about a problem.

    text: in words that fit every client. request: the call of the API that does it, command: the
    command or the options of the CLI; each is empty where the text says it all.
    """

    text: str
    request: str = ""
    command: str = ""

    def __str__(self) -> str:
        if self.request:
            return f"{self.text} ({self.request})"
        return self.text


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input.

    field: JSON pointer into the body, or the name of a parameter or header. detail: names the value
    and the rule.
    """

    field: str
    detail: str
    remediation: Remediation

    @property
    def sentence(self) -> str:
        """Value, rule and remediation in one line, in the words of the API."""
        return f"{self.detail}: {self.remediation}"


class Unfit(ValueError):  # noqa: N818  (the reader's word: a field's value does not fit)
    """A value that one of our own validators refuses: detail names value and rule."""

    def __init__(self, detail: str, remediation: str) -> None:
        super().__init__(f"{detail}: {remediation}")
        self.detail = detail
        self.remediation = Remediation(remediation)


class TidegateError(Exception):
    """Base of the errors that callers are expected to handle."""


def step(name: str) -> str:
    """A name as one step of a JSON pointer (RFC 6901, 3)."""
    return name.replace("~", "~0").replace("/", "~1")


def shown(value: object) -> str:
    """A refused value, quoted back at a bounded length."""
    if isinstance(value, int) and not -(10**VALUE_LIMIT) < value < 10**VALUE_LIMIT:
        return "an integer of more than 80 digits"
    text = repr(value)
    if len(text) <= VALUE_LIMIT:
        return text
    return text[:VALUE_LIMIT] + "…"

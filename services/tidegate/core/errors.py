"""Problems: what is wrong with an input, by field, value, rule and way out (RFC 9457 on the API)."""

from dataclasses import dataclass

VALUE_LIMIT = 80  # characters of a refused value that are quoted back


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input.

    field: JSON pointer into the body, or the name of a parameter or header. detail: names the value, the
    rule and the way out, for a person.
    """

    field: str
    detail: str


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
    return text if len(text) <= VALUE_LIMIT else text[:VALUE_LIMIT] + "…"

"""Users by buckets: an A/B that gives each user one revision.

Clients know their users, gateways do not. So the client hashes a user to a whole number from 0 to
99, in decimal and without leading zeros, and sends it as a header; the buckets below a percent are
the candidate's. The same user has the same number in every request, so that nothing flips, and no
gateway has to remember anybody: an abort takes the rule away, and the next request reaches stable.

An HTTPRoute compares headers whole or by a regular expression; a range is written as the latter.
"""

import re
from functools import lru_cache

BUCKETS = 100
HEADER = "x-tidegate-bucket"


def name(percent: int) -> str:
    """The buckets of a percent, 1..99, as people read them: `0-19`."""
    if percent == 1:
        return "0"
    return f"0-{percent - 1}"


@lru_cache(maxsize=1)
def names() -> frozenset[str]:
    """Every range that begins at 0 and leaves somebody to stable."""
    return frozenset(name(percent) for percent in range(1, BUCKETS))


@lru_cache(maxsize=BUCKETS)
def pattern(buckets: str) -> str:
    """The regular expression (RE2) that takes whole values within `name(percent)`. Anchored, for
    some gateways search and others compare the whole value."""
    tens, ones = divmod(_percent(buckets), 10)
    parts = []
    if tens:
        parts.append("[0-9]")
    if tens == 2:
        parts.append("1[0-9]")
    if tens > 2:
        parts.append(f"[1-{tens - 1}][0-9]")
    if ones:
        parts.append(f"{tens or ''}{_digits(ones)}")
    return f"^(?:{'|'.join(parts)})$"


@lru_cache(maxsize=BUCKETS)
def within(expression: str) -> str | None:
    """The buckets that `pattern` writes as `expression`; None where it writes no such one."""
    return next((each for each in names() if pattern(each) == expression), None)


def takes(buckets: str, value: str) -> bool:
    """Whether a header's value lies within."""
    return re.search(pattern(buckets), value) is not None


def _percent(buckets: str) -> int:
    return int(buckets.rpartition("-")[2]) + 1


def _digits(count: int) -> str:
    if count == 1:
        return "0"
    return f"[0-{count - 1}]"

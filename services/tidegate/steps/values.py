"""How values arrive from a pipeline: every flag is always given, "" means absent, whole numbers may
carry `.0`.

Pipelines cannot leave out a flag, and their numbers are doubles: both are read here, once, so that
no command has to know. Each function raises ValueError with the rule; argparse says the flag's
name.
"""

import json
import math
import re

from tidegate.core.on_fail import OnFail

TRUE = ("true", "1", "yes")
_HEADER = re.compile(r"([^:=]*[^:=\s])\s*[:=]\s*(.*\S)", re.DOTALL)
FALSE = ("false", "0", "no", "")


def flag(text: str) -> bool:
    """true or false; "" is false."""
    word = text.strip().lower()
    if word in TRUE or word in FALSE:
        return word in TRUE
    raise ValueError(f"{text!r} is not true or false")


def whole(text: str) -> int | None:
    """A whole number; "" is None."""
    if not text.strip():
        return None
    value = number(text)
    assert value is not None
    if value != int(value):
        raise ValueError(f"{text!r} is not a whole number")
    return int(value)


def number(text: str) -> float | None:
    """A finite number; "" is None."""
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a number")
    return value


def percents(text: str) -> tuple[int, ...]:
    """`[1, 5, 25]` (a pipeline's list) or `1,5,25`; "" is (). Whether they rise is the service's
    rule."""
    word = text.strip()
    if not word:
        return ()
    try:
        content = json.loads(word if word.startswith("[") else f"[{word}]")
        fine = isinstance(content, list) and all(
            float(item) == int(item) and not isinstance(item, bool) for item in content
        )
    except (ValueError, TypeError, OverflowError):
        fine = False
    if not fine:
        raise ValueError(f"{text!r} is not a list of whole percents: write [1, 5, 10, 25, 50]")
    return tuple(int(item) for item in content)


def header(text: str) -> tuple[str, str] | None:
    """`name: value` or `name=value`, by the first of the two signs; "" is None."""
    if not text.strip():
        return None
    parts = _HEADER.fullmatch(text.strip())
    if parts is None:
        raise ValueError(f"{text!r} is not a header match: write 'x-group: beta'")
    return parts[1].strip(), parts[2].strip()


def on_fail(text: str) -> dict[str, str]:
    """`restarts=notify, latency=pause`: what a fail does, by metric; "" is nothing. Whether there
    is such a metric is the service's rule."""
    follows = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        metric, sign, then = (each.strip() for each in part.partition("="))
        if not (sign and metric and then in tuple(OnFail)):
            raise ValueError(f"{part!r} is not METRIC=abort, pause or notify: write latency=pause")
        follows[metric] = then
    return follows

"""Names that come from outside: they end up in headers, logs and the ledger, so only visible ASCII
is taken."""

import re
from typing import Any

from tidegate.web.auth import unauthorized

MOST_GROUPS = 500
_VISIBLE = re.compile(r"[!-~]{1,250}")


def clean_name(value: Any, what: str) -> str:
    """Raises ApiError (401) for what is no name."""
    if not isinstance(value, str) or not _VISIBLE.fullmatch(value):
        raise unauthorized(f"{what} is no name of 1 to 250 visible ASCII characters", "name")
    return value


def clean_groups(value: Any) -> tuple[str, ...]:
    """The groups that are names; anything else gives no right, so it is left out."""
    if isinstance(value, str):
        listed = [value]
    elif isinstance(value, list):
        listed = value
    else:
        listed = []
    results = (
        item
        for item in listed
        if isinstance(item, str) and _VISIBLE.fullmatch(item) and "," not in item
    )
    return tuple(dict.fromkeys(results))[:MOST_GROUPS]

"""Keyset pages: a page ends with the key of its last row, so inserts before it never shift the next
one."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from tidegate.store.errors import BadPageToken

T = TypeVar("T")
LIMIT = 100  # rows of a page when nobody says, and the most there are


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items and the opaque token of what follows; None at the end."""

    items: tuple[T, ...]
    next_token: str | None = None


def page(items: Sequence[T], limit: int, key: Callable[[T], tuple[str | int, ...]]) -> Page[T]:
    """A page from `limit + 1` rows: the extra one only tells that more follow."""
    kept = tuple(items[:limit])
    return Page(kept, encode(key(kept[-1])) if len(items) > limit else None)


def size(limit: int) -> int:
    """The page size that is served for the one that was asked for: 1..LIMIT."""
    return max(1, min(limit, LIMIT))


def encode(key: tuple[str | int, ...]) -> str:
    """An opaque token for a row's key."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def decode(token: str | None, *kinds: type) -> tuple[str | int, ...] | None:
    """The key in a token whose parts have these types, None without a token. Raises
    BadPageToken."""
    if token is None:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, binascii.Error) as error:
        raise BadPageToken(f"page_token {token!r} is not one of this list") from error
    if (
        not isinstance(key, list)
        or tuple(type(part) for part in key) != kinds
        or not all(map(_in_range, key))
    ):
        raise BadPageToken(f"page_token {token!r} belongs to another list")
    return tuple(key)


def _in_range(part: str | int) -> bool:
    return isinstance(part, str) or 0 <= part < 2**62

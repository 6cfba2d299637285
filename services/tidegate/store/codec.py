"""Core values to and from jsonb, and the canonical bytes of the ledger.

pydantic's TypeAdapter reads plain frozen dataclasses: a stored value that lacks a newer field gets
the field's default, one with an unknown field loses it, so that a rolling update reads both shapes.
"""

import json
import math
import re
from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

# JSON has none; pydantic reads these words
_NOT_FINITE = {
    "inf": "Infinity",
    "-inf": "-Infinity",
    "nan": "NaN",
}

T = TypeVar("T")
Json = Mapping[str, Any]

# Postgres stores neither NUL nor half a surrogate pair; a container's last words may hold both.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast(Any, kind))


def plain(value: object) -> Any:
    """A dataclass, enum or container as what JSON knows: dict, list, str, int, float, bool,
    None."""
    # not mode="json": it writes infinities as null, which a float field cannot read back
    return _clean(_adapter(cast(Hashable, type(value))).dump_python(value))


def dumps(value: object) -> str:
    """The JSON text of a core value, for a jsonb parameter. NaN and infinities become words, which
    `loads` reads back where the type says float."""
    return _text(plain(value))


def loads(kind: type[T], stored: Any) -> T:
    """The core value from what a jsonb column gave. Raises pydantic's ValidationError when it does
    not fit."""
    value: T = _adapter(cast(Hashable, kind)).validate_python(stored)
    return value


def canonical(value: object) -> str:
    """JSON with sorted keys, no spaces, no escapes beyond JSON's own; UTF-8 encodes it to the
    ledger's bytes."""
    return _text(_clean(value))


def _text(value: object) -> str:
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def clean(text: str) -> str:
    """Text without what Postgres cannot store (each replaced by U+FFFD)."""
    return _UNSTORABLE.sub("\ufffd", text)


def _clean(value: object) -> object:
    if isinstance(value, str):
        return clean(str(value))
    if isinstance(value, float) and not math.isfinite(value):
        return _NOT_FINITE[str(value)]
    if isinstance(value, Mapping):
        return {clean(str(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value

"""How writes change objects: server-side apply with one field manager, and JSON merge patch.

Apply remembers what the manager applied last: what it no longer names goes, what others set stays.
Lists are replaced whole, as the lists of the kinds used here that matter (HTTPRoute rules,
backendRefs) are atomic.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

Json = Mapping[str, Any]
# replaced whole: of a Service a map, of a Deployment a LabelSelector, both atomic (core/v1,
# meta/v1)
ATOMIC = "selector"


def merge(live: Json, before: Json, after: Json) -> dict[str, Any]:
    """`live` with the manager's fields moved from `before` to `after` (Kubernetes server-side
    apply, forced)."""
    result: dict[str, Any] = {}
    for key, value in live.items():
        if key in after:
            continue
        if key not in before:
            result[key] = value
        elif (rest := _rest(value, before[key])) is not None:
            result[key] = rest
    for key, value in after.items():
        old = live.get(key)
        prior = before.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping) and key != ATOMIC:
            result[key] = merge(old, prior if isinstance(prior, Mapping) else {}, value)
        else:
            result[key] = deepcopy(value)
    return result


def _rest(value: Any, before: Any) -> dict[str, Any] | None:
    """What others set below a field that the manager gave up; None: nothing."""
    if isinstance(value, Mapping) and isinstance(before, Mapping) and before:
        return merge(value, before, {}) or None
    return None


def patch(live: Json, change: Json) -> dict[str, Any]:
    """JSON merge patch (RFC 7386): None removes."""
    result = dict(live)
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            old = result.get(key)
            result[key] = patch(old if isinstance(old, Mapping) else {}, value)
        else:
            result[key] = deepcopy(value)
    return result


def prune(value: Any) -> Any:
    """A deep copy without nulls: to an API server a null field is an absent one."""
    if isinstance(value, str):  # most are
        return value
    if isinstance(value, Mapping):
        return {key: prune(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [prune(item) for item in value]
    return value

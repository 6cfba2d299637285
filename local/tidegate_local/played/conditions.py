"""Status conditions as Kubernetes and Knative write them."""

from collections.abc import Mapping, Sequence
from typing import Any

from tidegate_local.played.objects import Object, timestamp

Condition = dict[str, Any]


def status_of(obj: Object | None, kind: str) -> str:
    """`True`, `False` or `Unknown` (also when it is not there)."""
    manifest = find(obj, kind)
    if manifest:
        return str(manifest["status"])
    return "Unknown"


def find(obj: Object | None, kind: str) -> Mapping[str, Any] | None:
    """The condition of this type."""
    conditions = (obj or {}).get("status", {}).get("conditions", ())
    return next((c for c in conditions if c["type"] == kind), None)


def condition(
    kind: str, status: str | bool | None, reason: str = "", message: str = ""
) -> Condition:
    """One condition; None is Unknown."""
    word = status
    if not isinstance(status, str):
        word = {True: "True", False: "False", None: "Unknown"}[status]
    return {"type": kind, "status": word, "reason": reason, "message": message}


def stamped(
    old: Sequence[Mapping[str, Any]], new: Sequence[Condition], now: float
) -> list[Condition]:
    """`new` with lastTransitionTime: kept from `old` while the status of the type is the same."""
    before = {c["type"]: c for c in old}
    result = []
    for entry in new:
        same = before.get(entry["type"])
        if same and same["status"] == entry["status"]:
            kept = same["lastTransitionTime"]
        else:
            kept = timestamp(now)
        result.append({**entry, "lastTransitionTime": kept})
    return result


def ready_from(parts: Sequence[Condition], kind: str = "Ready") -> Condition:
    """The happy condition over its parts: the first False, else the first Unknown, else True
    (Knative)."""
    for word in ("False", "Unknown"):
        for part in parts:
            if part["status"] == word:
                return condition(kind, word, part["reason"], part["message"])
    return condition(kind, True)

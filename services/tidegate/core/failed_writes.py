"""Writes that came to nothing: a webhook or a policy refused them, or what they changed was changed
back while the API server took them. They are tried again only for another intent, another object,
or after an interval: a short one on the way back, a long one elsewhere."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.core.conditions import Code, Condition
from tidegate.core.drivers.rendering import covers
from tidegate.core.intent import Intent
from tidegate.core.observation import Observation
from tidegate.core.ports import Apply, Manifest, Snapshot, Write
from tidegate.core.rollout import Progress
from tidegate.core.traffic import Traffic, desired

LONG_S = 300.0
SOON_S = 10.0  # toward stable, also where somebody has to change a policy first
# Of metadata: they move without what a write says
_UNSAID = (
    "resourceVersion",
    "managedFields",
    "generation",
)


@dataclass(frozen=True, slots=True)
class FailedWrite:
    """`write`: digest of the write. `at`: epoch seconds by the database's clock. `seen`: digest of
    the object that a write was taken for; it came to nothing where the next reconcile finds the
    object the same. "": it was refused."""

    write: str
    generation: int
    detail: str
    at: float
    seen: str = ""

    def covers(
        self, action: Write, live: Manifest | None, generation: int, now: float, wait: float
    ) -> bool:
        """Whether this very write would only come to nothing again. wait: seconds until it is tried
        once more."""
        same = self.generation == generation and self.write == _digest(action)
        return same and now - self.at < wait and self.seen in ("", _content(live))

    def condition(self, action: Write, live: Manifest | None) -> Condition:
        """What people are told about it."""
        if not self.seen or not isinstance(action, Apply):
            return refused(action, self.detail)
        path = ".".join(_difference(live or {}, action.manifest))
        message = f"changed back by the cluster's admission: {path} of {object_name(action)}"
        return Condition(Code.WRITE_UNDONE, message, {"object": object_name(action), "path": path})


def refused(action: Write, detail: str) -> Condition:
    """The condition of a write that admission refused."""
    message = f"refused by the cluster: {detail}"
    return Condition(Code.WRITE_REFUSED, message, {"object": object_name(action), "detail": detail})


def object_name(action: Write) -> str:
    """Of the object that a write is about: `Service fraud`."""
    return f"{kind(action)} {_name(action)}"


def _name(action: Write) -> str:
    if isinstance(action, Apply):
        return str(action.manifest["metadata"]["name"])
    return action.name


def remember(action: Write, generation: int, detail: str, now: float) -> FailedWrite:
    """The refusal of a write."""
    return FailedWrite(_digest(action), generation, detail, now)


def taken(action: Write, live: Manifest | None, generation: int, now: float) -> FailedWrite | None:
    """What the next reconcile is compared with, after a write that was taken; None for one that
    makes or removes."""
    if not isinstance(action, Apply) or live is None:
        return None
    return FailedWrite(_digest(action), generation, "", now, _content(live))


def interval(intent: Intent, observation: Observation, progress: Iterable[Progress]) -> float:
    """Seconds until such a write is tried again."""
    ending = any(item.end.toward is not None and item.outcome is None for item in progress)
    if ending or _falls(intent, observation):
        return SOON_S
    return LONG_S


def met(snapshot: Snapshot, action: Write) -> Manifest | None:
    """The object that a write meets."""
    return snapshot.get(kind(action), _name(action))


def kind(action: Write) -> str:
    """The kind of the object that a write is about."""
    if isinstance(action, Apply):
        return str(action.manifest["kind"])
    return action.kind


def _falls(intent: Intent, observation: Observation) -> bool:
    """Whether something else than stable has more of the traffic than it should, or everything
    goes."""
    target = desired(intent)
    seen = observation.traffic
    if target is None:
        return True
    if seen is None:
        return False
    others = seen.served - {intent.stable}
    return any(_has_more(revision, seen, target) for revision in others)


def _has_more(revision: int, seen: Traffic, target: Traffic) -> bool:
    """Whether a revision has more than it should of the requests of any rule, or of copies."""
    more = any(
        rule.percent(revision) > target.percent_of(rule.match, revision) for rule in seen.rules
    )
    return more or seen.mirrored(revision) > target.mirrored(revision)


def _digest(action: Write) -> str:
    return _hash(
        action.manifest
        if isinstance(action, Apply)
        else [action.kind, action.namespace, action.name, action.uid]
    )


def _content(live: Manifest | None) -> str:
    """Of what a write could change: no status, nothing that every write moves."""
    if live is None:
        return "none"
    metadata = {name: value for name, value in live["metadata"].items() if name not in _UNSAID}
    return _hash({**live, "metadata": metadata, "status": None})


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _difference(live: Any, desired: Any) -> tuple[str, ...]:
    """The path to the first field that `live` does not hold as `desired` says."""
    if not isinstance(desired, Mapping) or not isinstance(live, Mapping):
        return ()
    name = next((k for k, v in desired.items() if k not in live or not covers(live[k], v)), None)
    if name is None:
        return ()
    return (name, *_difference(live.get(name), desired[name]))

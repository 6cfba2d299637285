"""Which revision a gateway's counters belong to, and since when.

Envoy Gateway names its clusters by index: `backend/0` counts for whatever stands first in the list.
So the list is part of every source's name, and nothing that was counted before the list last
changed may be counted for it.
"""

from dataclasses import dataclass
from datetime import datetime

from tidegate.core.drivers.route import parse, slots_of
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Manifest


@dataclass(frozen=True, slots=True)
class Slots:
    """An endpoint's split. revisions: by position in the backendRefs, () where names tell the
    revision. serving: those with a share. copies: the mirrored revisions, by position in the rule's
    mirrors. since: when the split was last written (epoch seconds): every worker must see the same,
    so it comes from the object, never from a worker's clock."""

    revisions: tuple[int, ...]
    serving: frozenset[int]
    since: float
    copies: tuple[int, ...] = ()


def slots_of_route(key: EndpointKey, route: Manifest) -> Slots | str:
    """The slots of the endpoint's HTTPRoute, or why they cannot be told, for a person.

    `since` is the newest time in `metadata.managedFields` that is not of the status: a write that
    changes nothing does not move it, so that every reconcile gives the same.
    """
    traffic, drift = parse(key, route)
    if drift:
        return (
            f"the HTTPRoute is not as Tidegate wrote it, so its counters tell nothing: {drift[0]}"
        )
    since = last_written(route)
    if since is None:
        return "the HTTPRoute does not tell when it was last written (metadata.managedFields): no evidence can begin"
    serving = frozenset(
        share.revision for rule in traffic.rules for share in rule.shares if share.percent
    )
    copies = dict.fromkeys(mirror.revision for rule in traffic.rules for mirror in rule.mirrors)
    return Slots(slots_of(traffic), serving, since, tuple(copies))


def last_written(item: Manifest) -> float | None:
    """When anything but the status of an object was last written, epoch seconds; None where it does
    not tell."""
    entries = item["metadata"].get("managedFields") or ()
    times = (
        entry["time"]
        for entry in entries
        if entry.get("subresource") != "status" and entry.get("time")
    )
    return max((datetime.fromisoformat(time).timestamp() for time in times), default=None)

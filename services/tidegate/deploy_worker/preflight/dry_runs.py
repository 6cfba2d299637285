"""Every object on every reachable intent through the cluster's admission, without a write.

What refuses is named with the step that it would have stopped. Where the cluster gives no path, the
place is where the refused object differs from the one that was admitted before it: of a route that
is refused at 25 %, the weight.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tidegate.core.drivers.planned import Planned
from tidegate.core.ports import (
    Apply,
    Cluster,
    Conflict,
    Done,
    Manifest,
    Refused,
    Snapshot,
    Unavailable,
)
from tidegate.core.preflight import Finding, Level

Say = Callable[[str], None]
Name = tuple[str, str]


def through(
    cluster: Cluster,
    reached: Sequence[Planned],
    snapshot: Snapshot,
    say: Say,
    in_time: Callable[[], bool],
) -> tuple[tuple[Finding, ...], int] | Unavailable:
    """What was refused, each refusal with its first step, and how many objects were asked about."""
    admitted: dict[Name, Manifest] = {}
    values: dict[tuple[str, str], Finding] = {}
    for count, planned in enumerate(reached):
        if not in_time():
            left = f"{len(reached) - count} of {len(reached)} objects: the cluster's admission took too long"
            values["", left] = Finding(
                Level.UNCHECKED, "admission", left, planned.step, planned.index
            )
            return tuple(values.values()), count
        say(f"{count} of {len(reached)} objects went through the cluster's admission")
        name = (str(planned.manifest["kind"]), str(planned.manifest["metadata"]["name"]))
        live = snapshot.get(*name)
        result = cluster.write(
            Apply(planned.manifest, live["metadata"]["uid"] if live else None, planned.step),
            dry_run=True,
        )
        match result:
            case Done():
                admitted[name] = planned.manifest
            case Unavailable():
                return result
            case Refused(detail, path):
                path = path or differs(admitted.get(name) or live, planned.manifest)
                values.setdefault(("/".join(name), detail), _refused(planned, detail, path))
            case Conflict(detail):
                values.setdefault(
                    ("/".join(name), detail),
                    _refused(planned, f"{detail}; look, then ask again", ""),
                )
    return tuple(values.values()), len(reached)


def _refused(planned: Planned, detail: str, path: str) -> Finding:
    meta = planned.manifest["metadata"]
    where = f"{planned.manifest['kind']} {meta['namespace']}/{meta['name']}"
    return Finding(Level.PROBLEM, planned.rule, detail, planned.step, planned.index, where, path)


def differs(before: Any, after: Any, path: str = "") -> str:
    """The first place where `after` says something that `before` does not; '' where there is none,
    or no `before`."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        pairs = [
            (f".{key}", before.get(key), after[key])
            for key in after
            if before.get(key) != after[key]
        ]
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        both = enumerate(zip(before, after, strict=True))
        pairs = [(f"[{index}]", first, other) for index, (first, other) in both if first != other]
    elif before is None:
        return ""
    else:
        return path.removeprefix(".")
    deeper = (
        differs(first, other, path + step) or (path + step).removeprefix(".")
        for step, first, other in pairs
    )
    return next((place for place in deeper if not place.startswith("metadata")), "")

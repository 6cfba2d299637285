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
    found: dict[tuple[str, str], Finding] = {}
    for count, one in enumerate(reached):
        if not in_time():
            left = f"{len(reached) - count} of {len(reached)} objects: the cluster's admission took too long"
            found["", left] = Finding(Level.UNCHECKED, "admission", left, one.step, one.index)
            return tuple(found.values()), count
        say(f"{count} of {len(reached)} objects went through the cluster's admission")
        name = (str(one.manifest["kind"]), str(one.manifest["metadata"]["name"]))
        live = snapshot.get(*name)
        result = cluster.write(
            Apply(one.manifest, live["metadata"]["uid"] if live else None, one.step), dry_run=True
        )
        match result:
            case Done():
                admitted[name] = one.manifest
            case Unavailable():
                return result
            case Refused(detail, path):
                path = path or differs(admitted.get(name) or live, one.manifest)
                found.setdefault(("/".join(name), detail), _refused(one, detail, path))
            case Conflict(detail):
                found.setdefault(
                    ("/".join(name), detail), _refused(one, f"{detail}; look, then ask again", "")
                )
    return tuple(found.values()), len(reached)


def _refused(one: Planned, detail: str, path: str) -> Finding:
    meta = one.manifest["metadata"]
    where = f"{one.manifest['kind']} {meta['namespace']}/{meta['name']}"
    return Finding(Level.PROBLEM, one.rule, detail, one.step, one.index, where, path)


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
        pairs = [(f"[{index}]", one, other) for index, (one, other) in both if one != other]
    else:
        return "" if before is None else path.removeprefix(".")
    deeper = (
        differs(one, other, path + step) or (path + step).removeprefix(".")
        for step, one, other in pairs
    )
    return next((place for place in deeper if not place.startswith("metadata")), "")

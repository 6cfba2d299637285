"""Drift: a field of an object of ours that is not as Tidegate wrote it, because somebody else wrote
it since. Pure.

A field that differs from what is planned is no drift by itself: a plan changes fields all the time.
It is drift where the API server records another owner for it, or none while the object already
follows the present intent. Values are told where they are plain and no secret; all else is hidden,
and so is the content of environments, arguments, headers and annotations of others.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from tidegate.core.conditions import Code, Condition, Param
from tidegate.core.drift_values import VALUE_LENGTH, readable
from tidegate.core.drivers.pod_template import Starts, starts
from tidegate.core.drivers.rendering import GENERATION, REVISION, ours
from tidegate.core.field_owners import Owner, Path, leaves, of_others, owner, value
from tidegate.core.foreign_text import first_words
from tidegate.core.intent import Adopted, Intent, Mode
from tidegate.core.ports import Apply, Manifest, Snapshot, Write
from tidegate.core.written_fields import Written, named

MANAGER = "tidegate"  # our field manager
MOST = 5  # fields of one object
KEPT = 10  # fields of one endpoint
KEPT_S = 600.0  # how long a field is told after it was put back
_WHOLE = frozenset({("Service", "selector")})  # maps that a write replaces whole, by kind
_PASSING = frozenset({"canaryTrafficPercent", "autoscaling.knative.dev/initial-scale"})
_STAMPS = (  # where an object says what it follows; in Knative mode one holds each revision in turn
    ("metadata", "annotations", GENERATION),
    ("spec", "predictor", "labels", REVISION),
)
_EMPTY: tuple[Any, ...] = (None, "", {}, [])  # what the API server may leave out
NOBODY = Owner("", None)


@dataclass(frozen=True, slots=True)
class Drift:
    """One field that somebody else changed.

    object: `HTTPRoute fraud`. field: its path, as `kubectl explain` writes it. observed, desired:
    values for people, "nothing" where there is none. manager: who wrote it, as the API server
    recorded it (the name is the client's choice), "" where nobody is recorded. written_at: when,
    None where unknown. starts: what a change of this field starts. seen_at: when a reconcile first
    saw it, and once it is put back, saw that. put_back: whether it is as planned again. Times are
    epoch seconds.
    """

    object: str
    field: str
    observed: str
    desired: str
    manager: str = ""
    written_at: float | None = None
    starts: Starts = Starts.NOTHING
    seen_at: float = 0.0
    put_back: bool = False

    @property
    def message(self) -> str:
        """One line for people."""
        line = f"{self.object}: {self.field} is {self.observed}, desired {self.desired}"
        line += f"; {_author(self.manager, self.written_at)}"
        if self.starts is not Starts.NOTHING:
            line += f"; a change of it starts {_STARTED[self.starts]}"
        return line

    @property
    def condition(self) -> Condition:
        """The condition that holds while it lasts."""
        params: dict[str, Param] = {
            "object": self.object,
            "field": self.field,
            "observed": self.observed,
            "desired": self.desired,
            "manager": self.manager,
            "starts": self.starts.value,
        }
        if self.written_at is not None:
            params["written_at"] = self.written_at
        return Condition(Code.DRIFT, self.message, params)


_STARTED = {Starts.PODS: "new pods", Starts.REVISION: "a new revision"}


def of_write(
    live: Manifest,
    desired: Manifest,
    mode: Mode,
    *,
    current: bool,
    written: Written | None = None,
) -> tuple[Drift, ...]:
    """The drift of one object, as a planned write meets it. current: the endpoint's objects follow
    the present intent; where this one does, too, what is missing was taken away. written: the
    fields that Tidegate remembers writing, None where it remembers none of this object."""
    entries = of_others(live["metadata"].get("managedFields") or (), MANAGER)
    kind = str(live["kind"])
    current = current and _follows(live, desired)
    drifts = []
    for path in _differences(kind, live, desired, ()):
        if value(live, path) is None and value(desired, path) in _EMPTY:
            continue
        if written is not None and not _was_ours(written, kind, path):
            continue
        author = owner(entries, live, path)
        if author is None and not (current and _taken_away(live, path)):
            continue
        drifts.append(_drift(live, desired, path, author or NOBODY, mode))
    return tuple(drifts[:MOST])


def added(live: Manifest, mode: Mode, now: float) -> tuple[Drift, ...]:
    """Fields that only somebody else owns, that start something, and that were written within the
    last KEPT_S: no write of ours takes them away, yet pods restarted for them. live: an object of
    ours."""
    entries = of_others(live["metadata"].get("managedFields") or (), MANAGER)
    kind = str(live["kind"])
    fields = [
        (path, author)
        for path, author in leaves(entries, live)
        if starts(kind, path, mode) is not Starts.NOTHING and now - (author.at or 0.0) < KEPT_S
    ]
    return tuple(_drift(live, {}, path, author, mode) for path, author in fields[:MOST])


def observed(
    writes: Iterable[Write],
    snapshot: Snapshot,
    intent: Intent,
    generation: int | None,
    adopted: Adopted | None,
    written: Iterable[Written] = (),
) -> tuple[Drift, ...]:
    """Everything of an endpoint that is not as Tidegate wrote it. writes: planned on this snapshot,
    as the cluster has it. generation: that the cluster's objects follow. written: what Tidegate
    remembers writing."""
    remembering = {each.object: each for each in written}
    current = generation == intent.generation
    drifts: list[Drift] = []
    for write in writes:
        if isinstance(write, Apply) and not write.adopts:
            manifest = write.manifest
            live = snapshot.get(manifest["kind"], manifest["metadata"]["name"])
            if live is not None and ours(live, intent.key):
                known = remembering.get(named(manifest))
                drifts += of_write(live, manifest, intent.mode, current=current, written=known)
    for live in snapshot.all("InferenceService"):
        # what an adopted one carries beside ours is its owner's, from before
        theirs = adopted is not None and live["metadata"].get("uid") == adopted.uid
        if ours(live, intent.key) and not theirs:
            planned = {(drift.object, drift.field) for drift in drifts}
            drifts += [
                drift
                for drift in added(live, intent.mode, snapshot.at)
                if (drift.object, drift.field) not in planned
            ]
    return tuple(drifts[:KEPT])


def conditions(drifts: Iterable[Drift]) -> tuple[Condition, ...]:
    """One condition for each object that differs now."""
    by_object: dict[str, list[Drift]] = {}
    for drift in drifts:
        if not drift.put_back:
            by_object.setdefault(drift.object, []).append(drift)
    return tuple(_condition(fields) for fields in by_object.values())


def _condition(fields: Sequence[Drift]) -> Condition:
    first = fields[0].condition
    if len(fields) == 1:
        return first
    return replace(first, message=f"{first.message}; {len(fields) - 1} more of its fields differ")


def remembered(before: Iterable[Drift], now_seen: Sequence[Drift], now: float) -> tuple[Drift, ...]:
    """What is told: all that differs now, and for KEPT_S what was put back, the newest first. What
    stays as it was is told as before, so that nobody is notified of it again."""
    known = {(drift.object, drift.field): drift for drift in before}
    present = tuple(_seen(drift, known.get((drift.object, drift.field)), now) for drift in now_seen)
    places = {(drift.object, drift.field) for drift in present}
    over = [_over(drift, now) for place, drift in known.items() if place not in places]
    kept = [drift for drift in over if now - drift.seen_at < KEPT_S]
    return (*present, *sorted(kept, key=lambda drift: -drift.seen_at))[:KEPT]


def _seen(drift: Drift, before: Drift | None, now: float) -> Drift:
    if before is None or before.put_back:
        return replace(drift, seen_at=now)
    return replace(drift, seen_at=before.seen_at)


def _over(drift: Drift, now: float) -> Drift:
    if drift.put_back:
        return drift
    return replace(drift, put_back=True, seen_at=now)


def _drift(live: Manifest, desired: Manifest, path: Path, author: Owner, mode: Mode) -> Drift:
    kind = str(live["kind"])
    return Drift(
        f"{kind} {live['metadata']['name']}",
        dotted(path),
        readable(path, value(live, path)),
        readable(path, value(desired, path)),
        first_words(author.manager, VALUE_LENGTH),
        author.at,
        starts(kind, path, mode),
    )


def _differences(kind: str, live: Any, desired: Any, path: Path) -> Iterator[Path]:
    """Paths at which an object does not hold what is planned, the deepest that both have."""
    if live == desired:
        return
    if isinstance(desired, Mapping) and isinstance(live, Mapping):
        names = list(desired)
        if path and (kind, path[-1]) in _WHOLE:
            names += [name for name in live if name not in desired]
        for name in names:
            if name in live and name in desired:
                yield from _differences(kind, live[name], desired[name], (*path, name))
            else:
                yield (*path, name)
    elif isinstance(desired, list) and isinstance(live, list) and len(live) == len(desired):
        for index, (theirs, ours) in enumerate(zip(live, desired, strict=True)):
            yield from _differences(kind, theirs, ours, (*path, index))
    else:
        yield path


def _was_ours(written: Written, kind: str, path: Path) -> bool:
    """Whether Tidegate has written a field, or the whole map that it stands in."""
    if written.holds(path):
        return True
    return len(path) > 1 and (kind, path[-2]) in _WHOLE and written.holds(path[:-1])


def _follows(live: Manifest, desired: Manifest) -> bool:
    """Whether an object's own stamps, where it has any, are the planned ones: else the write that
    brings the fields of this intent has not landed yet."""
    return all(value(live, path) in (None, value(desired, path)) for path in _STAMPS)


def _taken_away(live: Manifest, path: Path) -> bool:
    return value(live, path) is None and path[-1] not in _PASSING


def _author(manager: str, at: float | None) -> str:
    if not manager:
        return "nobody is recorded as its writer, as after a removal"
    if at is None:
        return f"written by {manager}"
    when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"written by {manager} at {when}"


def dotted(path: Path) -> str:
    """`spec.rules[0].weight`, `metadata.annotations[a/b]`."""
    text = ""
    for step in path:
        if isinstance(step, int) or not step.replace("-", "").replace("_", "").isalnum():
            text += f"[{step}]"
        else:
            text += f".{step}"
    return first_words(text.removeprefix("."), 3 * VALUE_LENGTH)

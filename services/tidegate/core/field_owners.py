"""Who wrote which field of an object, as the API server records it in `metadata.managedFields`.

Each entry names a manager and, in `fieldsV1`, a tree of the fields that are its own: `f:name` for a
field, `k:{…}` for an element of a list by its keys, `v:…` by its value, `.` for the node itself;
an empty tree is a field as a whole, also a list that has one owner only (Kubernetes, "Server-Side
Apply"). A field may have several owners with the same value. One that was removed has none.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Entry = Mapping[str, Any]
Tree = Mapping[str, Any]
Step = str | int
Path = tuple[Step, ...]
DEPTH = 40  # of a tree: deeper ones are taken as owned as a whole


@dataclass(frozen=True, slots=True)
class Owner:
    """The manager that wrote a field, and when (epoch seconds, None where not recorded)."""

    manager: str
    at: float | None


def of_others(entries: Iterable[Entry], ours: str) -> tuple[Entry, ...]:
    """The entries of others, of fields that `ours` does not own as well. What is written to the
    status is left out, and an entry of which nothing is left."""
    return tuple(entry for entry in slim(tuple(entries), ours) if "fieldsV1" in entry)


def slim(entries: Sequence[Entry], ours: str) -> tuple[Entry, ...]:
    """Every entry, with no more fields than `of_others` needs: most of an object's size are those
    of ours and of the status."""
    mine: Tree = {}
    for entry in entries:
        if entry.get("manager") == ours and not entry.get("subresource"):
            mine = _union(mine, entry.get("fieldsV1") or {})
    return tuple(_slim(entry, ours, mine) for entry in entries)


def _slim(entry: Entry, ours: str, mine: Tree) -> Entry:
    bare = {key: content for key, content in entry.items() if key != "fieldsV1"}
    if entry.get("subresource") or entry.get("manager") == ours:
        return bare
    fields = _without(entry.get("fieldsV1") or {}, mine)
    if not fields:
        return bare
    return {**bare, "fieldsV1": fields}


def owner(entries: Sequence[Entry], live: Any, path: Path) -> Owner | None:
    """Who of these entries owns a field, or something in it; the newest of several."""
    owners = [_owner(entry) for entry in entries if _owns(entry.get("fieldsV1") or {}, live, path)]
    return max(owners, key=lambda each: each.at or 0.0, default=None)


def leaves(entries: Sequence[Entry], live: Any) -> Iterator[tuple[Path, Owner]]:
    """Every field that these entries own, as far as the object still has it."""
    for entry in entries:
        for path in _leaves(entry.get("fieldsV1") or {}, live, ()):
            yield path, _owner(entry)


def value(live: Any, path: Path) -> Any:
    """What an object has at a path; None where it has nothing there."""
    for step in path:
        if isinstance(live, Mapping):
            live = live.get(str(step))
        elif isinstance(live, list) and isinstance(step, int) and step < len(live):
            live = live[step]
        else:
            return None
    return live


def _owner(entry: Entry) -> Owner:
    time = entry.get("time")
    at = None
    if time:
        at = datetime.fromisoformat(str(time)).timestamp()
    return Owner(str(entry.get("manager") or ""), at)


def _children(tree: Tree) -> Tree:
    return {key: child for key, child in tree.items() if key != "."}


def _owns(tree: Tree, live: Any, path: Path) -> bool:
    for step in path:
        if not tree:
            return True
        key = _key(_children(tree), live, step)
        if key is None:
            return False
        tree = tree[key]
        live = value(live, (step,))
    return True


def _key(children: Tree, live: Any, step: Step) -> str | None:
    """Under which key a tree holds a field, or an element of a list."""
    if isinstance(step, str):
        key = f"f:{step}"
        if key in children:
            return key
        return None
    element = value(live, (step,))
    return next((key for key in children if _names(key, element, step)), None)


def _names(key: str, element: Any, index: int) -> bool:
    kind, _, text = key.partition(":")
    if kind == "i":
        return text == str(index)
    try:
        named = json.loads(text)
    except ValueError:
        return False
    if kind == "v":
        return bool(named == element)
    by_keys = kind == "k" and isinstance(named, Mapping) and isinstance(element, Mapping)
    return by_keys and all(element.get(name) == each for name, each in named.items())


def _leaves(tree: Tree, live: Any, path: Path) -> Iterator[Path]:
    if not tree or len(path) >= DEPTH:
        if live is not None and path:
            yield path
        return
    for key, child in _children(tree).items():
        step = _step(key, live)
        if step is not None:
            yield from _leaves(child, value(live, (step,)), (*path, step))


def _step(key: str, live: Any) -> Step | None:
    """Where in the object a key of the tree points; None where it is not there any more."""
    if key.startswith("f:"):
        name = key.removeprefix("f:")
        if isinstance(live, Mapping) and name in live:
            return name
        return None
    if not isinstance(live, list):
        return None
    numbered = enumerate(live)
    return next((index for index, element in numbered if _names(key, element, index)), None)


def _union(first: Tree, second: Tree, depth: int = 0) -> Tree:
    """Both trees; a node that either owns as a whole is owned as a whole."""
    if depth >= DEPTH:
        return {}
    both = {**first, **second}
    for key in first.keys() & second.keys():
        if first[key] and second[key]:
            both[key] = _union(first[key], second[key], depth + 1)
        else:
            both[key] = {}
    return both


def _without(tree: Tree, mine: Tree, depth: int = 0) -> Tree:
    """The tree without what `mine` owns, too."""
    if depth >= DEPTH:
        return {}
    left = {}
    for key, child in tree.items():
        if key == ".":
            continue
        if key not in mine or (mine[key] and not child):
            left[key] = child
            continue
        rest: Tree = {}
        if mine[key]:
            rest = _without(child, mine[key], depth + 1)
        if rest:
            left[key] = rest
    return left

"""Which fields of an object Tidegate has written: only those can drift.

The API server records owners, but not who had a field before: whoever edits a field of ours takes
it over. So the paths of what was written are remembered, shortened to a few digits each; a field
that a plan, or a new version of Tidegate, writes for the first time is nobody's change.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from tidegate.core.field_owners import Path
from tidegate.core.ports import Manifest

DIGITS = 8  # of a path's SHA-256; two paths of one object that share them only tell one drift more


@dataclass(frozen=True, slots=True)
class Written:
    """The fields of one object. object: `HTTPRoute fraud`. fields: of every path in it, sorted."""

    object: str
    fields: tuple[str, ...]

    def holds(self, path: Path) -> bool:
        """Whether Tidegate has written the field at this path, or something in it."""
        return _short(path) in self.fields


def of_manifest(manifest: Manifest) -> Written:
    """What a write of this object writes."""
    return Written(named(manifest), tuple(sorted({_short(path) for path in _paths(manifest, ())})))


def named(manifest: Manifest) -> str:
    """An object as people call it: `HTTPRoute fraud`."""
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def kept(before: Iterable[Written], present: Iterable[Manifest]) -> tuple[Written, ...]:
    """What is still remembered. present: the objects that there are; of others nothing is kept,
    since whoever makes one again writes all of it."""
    names = {named(manifest) for manifest in present}
    return tuple(each for each in before if each.object in names)


def added(before: Iterable[Written], applied: Iterable[Manifest]) -> tuple[Written, ...]:
    """What is remembered after these objects were written."""
    known = {each.object: each for each in before}
    known |= {named(manifest): of_manifest(manifest) for manifest in applied}
    return tuple(known.values())


def _paths(content: Any, path: Path) -> Iterator[Path]:
    if path:
        yield path
    if isinstance(content, Mapping):
        for name, inner in content.items():
            yield from _paths(inner, (*path, name))
    elif isinstance(content, list):
        for index, inner in enumerate(content):
            yield from _paths(inner, (*path, index))


def _short(path: Path) -> str:
    return sha256(repr(path).encode()).hexdigest()[:DIGITS]

"""Bring a model into the store, under the name of its own bytes: `<store>/sha256-<digest>/`.

What lies there never changes, so revisions that point at it cannot either. Importing the same bytes
again changes nothing; an import that broke off is completed by the next, which sends only what is
not there in full.

A folder appears with everything in it, or not at all. An S3 prefix cannot, so it is its name that
publishes it: nobody learns it, and no version is registered under it, before every byte was read
back and hashes to it.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tidegate.core.errors import TidegateError
from tidegate.core.intent import Batcher
from tidegate.core.ports import Unresolved
from tidegate.core.shown_address import shown_address
from tidegate.staging.incoming import Edited, Progress, Ways, incoming
from tidegate.staging.layout import Layout, examine, models, wrong
from tidegate.staging.model_config import Facts, batched, problems
from tidegate.staging.pbtxt import MOST_BYTES
from tidegate.staging.sources import (
    Access,
    Entry,
    FolderSource,
    S3Source,
    Source,
    SourceError,
    open_source,
)

_CONFIG = "config.pbtxt"


@dataclass(frozen=True, slots=True)
class Imported:
    """A model in the store. models: by name, with their versions. size: bytes."""

    uri: str
    digest: str
    models: tuple[tuple[str, tuple[int, ...]], ...]
    files: int
    size: int


class RefusedError(TidegateError):
    """The model cannot be imported as it is."""


def import_model(
    uri: str,
    store: str,
    access: Access,
    *,
    ways: Ways | None = None,
    batcher: Batcher | None = None,
    dry_run: bool = False,
) -> Imported | Unresolved:
    """Copy the model repository below `uri` to `<store>/sha256-<digest>/` and check what arrived.

    uri: see incoming. store: `file://` or `s3://`. batcher: dynamic batching that is written into
    each model's config.pbtxt on the way. dry_run: only look. Says no with everything that is wrong,
    before a byte is written.
    """
    ways = ways or Ways(access)
    try:
        with incoming(uri, ways) as result:
            source = _checked(result, batcher)
            layout = _examined(_Counted(source, ways, "reading"))
            target = open_source(f"{store.rstrip('/')}/{layout.digest}/", access)
            if not dry_run:
                _copy(_Counted(source, ways, "sending"), layout, target)
                _verify(source, layout, target, ways)
    except (SourceError, RefusedError) as error:
        return Unresolved(str(error))
    except OSError as error:
        return Unresolved(f"{shown_address(uri)} cannot be imported into {store}: {error}")
    named = tuple((model.name, model.versions) for model in layout.models)
    return Imported(target.uri, layout.digest, named, layout.files, layout.size)


def _examined(source: Source) -> Layout:
    layout = examine(source)
    if isinstance(layout, Unresolved):
        raise RefusedError(layout.detail)
    return layout


def _checked(source: Source, batcher: Batcher | None) -> Source:
    """The source, with the batcher written into it. Raises RefusedError with everything wrong with
    its models."""
    entries = source.entries()
    message = wrong(source.uri, entries)
    if message:
        raise RefusedError(message)
    facts = [_facts(source, entries, model.name, model.versions) for model in models(entries)]
    results = [problem for fact in facts for problem in problems(fact)]
    if results:
        raise RefusedError(f"{source.uri}: {'; '.join(results)}")
    if batcher is None:
        return source
    changed = {}
    for fact in facts:
        text = batched(fact, batcher)
        if isinstance(text, str):
            raise RefusedError(f"{source.uri}: {text}")
        changed[f"{fact.name}/{_CONFIG}"] = text
    return Edited(source, changed)


def _facts(
    source: Source, entries: tuple[Entry, ...], name: str, versions: tuple[int, ...]
) -> Facts:
    files = {
        e.path.removeprefix(f"{name}/"): e.size for e in entries if e.path.startswith(f"{name}/")
    }
    text = None
    if _CONFIG in files:
        if files[_CONFIG] > MOST_BYTES:
            raise RefusedError(
                f"{source.uri}: {name}/{_CONFIG} has {files[_CONFIG]} bytes, more than {MOST_BYTES}"
            )
        text = b"".join(source.read(f"{name}/{_CONFIG}"))
    return Facts(name, versions, tuple(files), text)


class _Counted:
    """A source that tells how far it has been read. The total is that of all its files."""

    def __init__(self, source: Source, ways: Ways, what: str) -> None:
        self.uri = source.uri
        self._source = source
        self._ways = ways
        self._what = what
        self._done = 0
        self._total = sum(entry.size for entry in source.entries())

    def entries(self) -> tuple[Entry, ...]:
        """See Source."""
        return self._source.entries()

    def read(self, path: str) -> Iterator[bytes]:
        """See Source."""
        for chunk in self._source.read(path):
            self.passed(len(chunk))
            yield chunk

    def passed(self, size: int) -> None:
        """So many bytes more are done with."""
        self._done += size
        self._ways.tell(Progress(self._what, self._done, self._total))


def _copy(source: _Counted, layout: Layout, target: Source) -> None:
    if isinstance(target, FolderSource):
        if not target.root.exists():
            _copy_folder(source, target.root, layout)
    elif isinstance(target, S3Source):
        _copy_s3(source, target)
    else:
        raise SourceError(f"{target.uri}: nothing can be written there")


def _copy_folder(source: Source, root: Path, layout: Layout) -> None:
    """Built beside and renamed: the name appears with everything in it, or not at all."""
    root.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".importing-", dir=root.parent))
    try:
        write_folder(source, beside)
        arrived = _examined(FolderSource(beside))
        if arrived.digest != layout.digest:
            raise SourceError(f"{source.uri} changed while it was read: import it again")
        beside.chmod(0o755)
        beside.rename(root)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def write_folder(source: Source, root: Path) -> int:
    """Write every file of a source below a folder; returns how many. Raises SourceError."""
    entries = source.entries()
    for entry in entries:
        if entry.path.startswith("/") or ".." in entry.path.split("/"):
            raise SourceError(f"{source.uri}: {entry.path!r} would leave the folder; rename it")
        file = root / entry.path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as out:
            for chunk in source.read(entry.path):
                out.write(chunk)
    return len(entries)


def _copy_s3(source: _Counted, target: S3Source) -> None:
    """Only what is not there yet in full. Bytes are verified afterwards by reading them back."""
    desired = source.entries()
    there = set(target.entries())
    extra = sorted({entry.path for entry in there} - {entry.path for entry in desired})
    if extra:
        raise SourceError(
            f"{target.uri} holds {extra[0]!r}, which the model does not have; remove it"
        )
    with tempfile.TemporaryDirectory() as scratch:
        part = Path(scratch) / "part"
        for entry in desired:
            if entry in there:
                source.passed(entry.size)
            else:
                _send(source, target, entry.path, part)


def _send(source: Source, target: S3Source, path: str, part: Path) -> None:
    with part.open("wb") as out:
        for chunk in source.read(path):
            out.write(chunk)
    target.put(path, part)


def _verify(source: Source, layout: Layout, target: Source, ways: Ways) -> None:
    """Read everything back. What an import that broke off left wrong in S3 is sent once more."""
    value = _examined(_Counted(target, ways, "verifying")).digest
    if value != layout.digest and isinstance(target, S3Source):
        _mend(source, target)
        value = _examined(_Counted(target, ways, "verifying")).digest
    if value != layout.digest:
        raise SourceError(
            f"{target.uri} holds {value}, not what its name says; remove it and import the model "
            "again"
        )


def _mend(source: Source, target: S3Source) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        for entry in source.entries():
            if _hash(source, entry.path) != _hash(target, entry.path):
                _send(source, target, entry.path, Path(scratch) / "part")


def _hash(source: Source, path: str) -> bytes:
    checksum = hashlib.sha256()
    for chunk in source.read(path):
        checksum.update(chunk)
    return checksum.digest()

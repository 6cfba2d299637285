"""Bring a model into the store, under the name of its own bytes: `<store>/sha256-<digest>/`.

What lies there never changes, so revisions that point at it cannot either. Importing the same bytes again changes
nothing; an import that broke off is completed by the next.
"""

import shutil
import tempfile
from pathlib import Path

from tidegate.core.ports import Resolved, Unresolved
from tidegate.staging.layout import Layout, Staging, examine
from tidegate.staging.sources import Access, FolderSource, S3Source, Source, SourceError, open_source


def import_model(uri: str, store: str, access: Access) -> Resolved | Unresolved:
    """Copy the model repository below `uri` to `<store>/sha256-<digest>/` and check what arrived. Both may be
    `file://` or `s3://`."""
    try:
        source = open_source(uri, access)
        layout = examine(source)
        if isinstance(layout, Unresolved):
            return layout
        target = open_source(f"{store.rstrip('/')}/{layout.digest}/", access)
        _copy(source, layout, target)
    except SourceError as error:
        return Unresolved(str(error))
    except OSError as error:
        return Unresolved(f"{uri} cannot be imported into {store}: {error}")
    return Staging(access).resolve(target.uri)


def _copy(source: Source, layout: Layout, target: Source) -> None:
    if isinstance(target, FolderSource):
        if not target.root.exists():
            _copy_folder(source, target.root)
    elif isinstance(target, S3Source):
        _copy_s3(source, target)
    else:
        raise SourceError(f"{target.uri}: nothing can be written there")


def _copy_folder(source: Source, root: Path) -> None:
    """Built beside and renamed: the name appears with everything in it, or not at all."""
    root.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".importing-", dir=root.parent))
    try:
        write_folder(source, beside)
        beside.chmod(0o755)
        beside.rename(root)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def write_folder(source: Source, root: Path) -> int:
    """Write every file of a source below a folder; returns how many."""
    entries = source.entries()
    for entry in entries:
        file = root / entry.path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as out:
            for chunk in source.read(entry.path):
                out.write(chunk)
    return len(entries)


def _copy_s3(source: Source, target: S3Source) -> None:
    """Only what is not there yet in full. Bytes are verified afterwards by reading them back."""
    wanted, there = source.entries(), set(target.entries())
    if extra := sorted({entry.path for entry in there} - {entry.path for entry in wanted}):
        raise SourceError(f"{target.uri} holds {extra[0]!r}, which the model does not have; remove it")
    with tempfile.TemporaryDirectory() as scratch:
        part = Path(scratch) / "part"
        for entry in wanted:
            if entry in there:
                continue
            with part.open("wb") as out:
                for chunk in source.read(entry.path):
                    out.write(chunk)
            target.put(entry.path, part)

"""What `tidegate model import` may be given: a folder, an archive, either of them on S3, an archive
behind https."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx2

from tidegate.core.shown_address import shown_address
from tidegate.staging.archives import Limits, is_archive, unpack
from tidegate.staging.download import HttpsFile, RemoteFile, digest, fetch, forget
from tidegate.staging.s3_file import S3File
from tidegate.staging.sources import Access, Entry, FolderSource, Source, SourceError, open_source


@dataclass(frozen=True, slots=True)
class Progress:
    """One line of a progress bar. what: fetching, unpacking, reading, sending or verifying. total:
    bytes, None where it is not known."""

    what: str
    done: int
    total: int | None


def silent(_: Progress) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Ways:
    """How to reach what is imported. cache: where fetches that broke off are kept; None: they begin
    anew. sha256: what the archive must hash to, in hex. transport: the way to https, None: the
    network."""

    access: Access
    cache: Path | None = None
    sha256: str | None = None
    limits: Limits = field(default_factory=Limits)
    tell: Callable[[Progress], None] = silent
    transport: httpx2.BaseTransport | None = None


@contextmanager
def incoming(uri: str, ways: Ways) -> Iterator[Source]:
    """The files that a URI or a path stands for. What is fetched or unpacked for it is gone
    afterwards, but for a fetch that broke off. Raises SourceError."""
    remote = _remote(uri, ways)
    archive = _local(uri, ways)
    if remote is None and archive is None:
        if ways.sha256 is not None:
            raise SourceError(
                f"{shown_address(uri)} is no archive: --sha256 is of an archive's bytes, "
                "leave it out"
            )
        yield _checked(open_source(_as_uri(uri), ways.access), ways.limits)
        return
    with tempfile.TemporaryDirectory(prefix="tidegate-import-") as scratch:
        fetched = None
        if remote is not None:
            fetched = _fetched(remote, Path(scratch), ways)
        file = fetched or archive
        assert file is not None
        if (
            fetched is None
            and ways.sha256 is not None
            and (value := digest(file)) != ways.sha256.lower()
        ):
            raise SourceError(
                f"{shown_address(uri)} has the SHA-256 {value}, expected {ways.sha256}: these "
                "are other bytes"
            )
        ways.tell(Progress("unpacking", 0, None))
        folder = Path(scratch) / "unpacked"
        folder.mkdir()
        unpack(file, folder, shown_address(uri), ways.limits)
        source = FolderSource(folder)
        source.uri = shown_address(uri)
        yield source
        if fetched is not None:
            forget(fetched)


class Edited:
    """A source with some files of other content."""

    def __init__(self, source: Source, files: Mapping[str, bytes]) -> None:
        self.uri = source.uri
        self._source = source
        self._files = files

    def entries(self) -> tuple[Entry, ...]:
        """See Source."""
        return tuple(
            Entry(e.path, len(self._files.get(e.path, b"")) or e.size)
            for e in self._source.entries()
        )

    def read(self, path: str) -> Iterator[bytes]:
        """See Source."""
        if path in self._files:
            return iter((self._files[path],))
        return self._source.read(path)


def _remote(uri: str, ways: Ways) -> RemoteFile | None:
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https"):
        return HttpsFile(uri, ways.transport)
    if parts.scheme == "s3" and is_archive(parts.path) and ways.access.s3 is not None:
        return S3File(uri, parts.netloc, parts.path.lstrip("/"), ways.access.s3)
    return None


def _local(uri: str, ways: Ways) -> Path | None:
    if not ways.access.files:
        return None
    parts = urlsplit(uri)
    if parts.scheme == "file":
        path = Path(unquote(parts.path))
    else:
        path = Path(uri).expanduser()
    if parts.scheme in ("", "file") and path.is_file():
        return path
    return None


def _as_uri(uri: str) -> str:
    if "://" in uri:
        return uri
    return Path(uri).expanduser().absolute().as_uri()


def _fetched(remote: RemoteFile, scratch: Path, ways: Ways) -> Path:
    def tell(done: int, total: int | None) -> None:
        ways.tell(Progress("fetching", done, total))

    return fetch(remote, ways.cache or scratch, ways.limits.size, tell, ways.sha256)


def _checked(source: Source, limits: Limits) -> Source:
    entries = source.entries()
    if len(entries) > limits.files:
        raise SourceError(
            f"{source.uri} holds {len(entries)} files, more than {limits.files}: name the model's "
            "folder"
        )
    size = sum(entry.size for entry in entries)
    if size > limits.size:
        raise SourceError(
            f"{source.uri} has {size} bytes, more than {limits.size}: raise --max-size"
        )
    return source

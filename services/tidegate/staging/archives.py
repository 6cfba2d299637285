"""Unpack an archive that somebody else made: a model repository as .tar, .tar.gz, .tar.bz2, .tar.xz
or .zip.

What comes from outside may be hostile: names that leave the folder, links, devices, a few bytes
that become many, a header that fills the memory. Plain files and folders only, every byte counted
as it is written, nothing overwritten.
"""

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tidegate.staging.sources import SourceError

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".zip")
_CHUNK = 1 << 20
_HEADER = 1 << 20  # bytes that one header may have; tarfile reads it whole
_LONG = 1024  # characters of a path

# Names with bytes; None: a folder
Members = Generator[tuple[str, Iterator[bytes] | None], None, None]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one archive may become. size: bytes when unpacked. ratio: of that to its own size, above
    `small` bytes: weights may be zeros."""

    files: int = 100_000
    size: int = 1 << 40
    ratio: int = 200
    small: int = 1 << 30


def is_archive(name: str) -> bool:
    """Whether a path or URI names one."""
    return name.lower().endswith(SUFFIXES)


def unpack(archive: Path, folder: Path, uri: str, limits: Limits = Limits()) -> None:
    """Write its files below `folder`, which must be empty. uri: what the archive is called in
    errors. Raises SourceError; what was written until then stays, for the caller to throw away."""
    budget = _Budget(uri, archive.stat().st_size, limits)
    try:
        if zipfile.is_zipfile(archive):
            members = _zipped(archive, uri)
        else:
            members = _tarred(archive, budget)
        with closing(members):
            for name, chunks in members:
                _write(folder, name, chunks, budget)
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        EOFError,
        lzma.LZMAError,
        ValueError,
        NotImplementedError,
    ) as error:
        raise SourceError(
            f"{uri} is no archive that can be read (.tar, .tar.gz, .zip, ...): {error}"
        ) from None
    except RecursionError:  # tarfile follows a long name's header into the next one
        raise SourceError(f"{uri} has headers upon headers: not unpacked") from None
    except (gzip.BadGzipFile, FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise SourceError(f"{uri} cannot be unpacked: {error.strerror or error}") from None


@dataclass(slots=True)
class _Budget:
    """Counts what is written, and stops at the limits."""

    uri: str
    packed: int
    limits: Limits
    files: int = 0
    size: int = 0

    def file(self) -> None:
        self.files += 1
        if self.files > self.limits.files:
            raise SourceError(
                f"{self.uri} holds more than {self.limits.files} files and folders: not unpacked"
            )

    def bytes(self, size: int) -> None:
        """size: bytes unpacked so far."""
        if size > self.limits.size:
            raise SourceError(
                f"{self.uri} is larger than {self.limits.size} bytes when unpacked: raise "
                "--max-size"
            )
        if size > self.limits.small and size > self.limits.ratio * self.packed:
            raise SourceError(
                f"{self.uri} grows more than {self.limits.ratio} times when unpacked: it looks "
                "like an archive bomb; "
                "unpack it yourself and import the folder"
            )


def _write(folder: Path, name: str, chunks: Iterator[bytes] | None, budget: _Budget) -> None:
    """One file, or a folder where `chunks` is None."""
    budget.file()
    path = _safe(name, budget.uri)
    if path is None:
        return
    file = folder / path
    if chunks is None:
        file.mkdir(parents=True, exist_ok=True)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("xb") as out:  # a name that comes twice is refused, not overwritten
        for chunk in chunks:
            budget.size += len(chunk)
            budget.bytes(budget.size)
            out.write(chunk)


def _safe(name: str, uri: str) -> str | None:
    """The path below the folder; None for the folder itself."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if (
        name.startswith("/")
        or ".." in parts
        or "\\" in name
        or not name.isprintable()
        or len(name) > _LONG
    ):
        raise SourceError(
            f"{uri} holds {name[:80]!r}: names must stay below the folder, without .., a leading "
            "slash, backslashes or "
            "control characters"
        )
    if len(parts) > 1 and parts[0] == "__MACOSX":
        return None
    return "/".join(parts) or None


def _zipped(archive: Path, uri: str) -> Members:
    with zipfile.ZipFile(archive) as zip_file:
        for info in zip_file.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise SourceError(
                    f"{uri} holds {info.filename[:80]!r}, a link or a device: only files and "
                    "folders may"
                )
            if info.flag_bits & 1:
                raise SourceError(f"{uri} is encrypted: import it unencrypted")
            if info.is_dir():
                yield info.filename, None
                continue
            with zip_file.open(info) as body:
                yield info.filename, _chunks(body)


def _tarred(archive: Path, budget: _Budget) -> Members:
    with (
        _opened(archive) as plain,
        tarfile.open(fileobj=_Metered(plain, budget), mode="r:") as tar_file,
    ):
        for member in tar_file:
            if member.isdir():
                yield member.name, None
                continue
            if not member.isreg() or member.issparse():
                raise SourceError(
                    f"{budget.uri} holds {member.name[:80]!r}, a link, a device or a sparse file: "
                    "only plain files may"
                )
            body = tar_file.extractfile(member)
            assert body is not None
            yield member.name, _chunks(body)


def _opened(archive: Path) -> Any:
    """The archive without its compression, known by its first bytes."""
    with archive.open("rb") as file:
        start = file.read(6)
    ways: tuple[tuple[bytes, Callable[[Path], Any]], ...] = (
        (b"\x1f\x8b", gzip.open),
        (b"BZh", bz2.open),
        (b"\xfd7zXZ\x00", lzma.open),
    )
    return next(
        (way(archive) for magic, way in ways if start.startswith(magic)), None
    ) or archive.open("rb")


class _Metered(io.RawIOBase):
    """A file for tarfile that is never read in one piece nor beyond the budget: tarfile takes the
    size of a header's body from the archive and reads all of it."""

    def __init__(self, plain: Any, budget: _Budget) -> None:
        self._plain = plain
        self._budget = budget

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= _HEADER:
            raise SourceError(f"{self._budget.uri} has a header of {size} bytes: not unpacked")
        result: bytes = self._plain.read(size)
        self._budget.bytes(self.tell())
        return result

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_SET:
            self._budget.bytes(offset)
        return int(self._plain.seek(offset, whence))

    def tell(self) -> int:
        return int(self._plain.tell())


def _chunks(body: IO[bytes]) -> Iterator[bytes]:
    while chunk := body.read(_CHUNK):
        yield chunk

"""Fetch one file into a folder, so that a fetch that broke off goes on where it stopped.

What is there is kept as `<name>.part` with the remote's own name of its bytes (ETag) beside it:
other bytes under the same URL begin anew. A file without such a name cannot be told from another
and begins anew too.
"""

import fcntl
import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urljoin, urlsplit

import httpx2

from tidegate.core.shown_address import shown_address
from tidegate.staging import outbound
from tidegate.staging.sources import SourceError

Tell = Callable[[int, int | None], None]  # bytes so far, of how many (None: not known)
_HOPS = 5
_TIMEOUT = 30.0
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


@dataclass(frozen=True, slots=True)
class Part:
    """What a remote sends from `start` on. total: bytes of the whole file, None where it does not
    say. tag: its name of these bytes, '' without."""

    start: int
    total: int | None
    tag: str
    chunks: Iterator[bytes]


class RemoteFile(Protocol):
    """One file elsewhere."""

    @property
    def uri(self) -> str:
        """Where it is."""

    def open(self, start: int, tag: str) -> AbstractContextManager[Part]:
        """Its bytes from `start` on, if they still are those that `tag` names, else all of them.
        May raise SourceError."""


@dataclass(frozen=True, slots=True)
class HttpsFile:
    """A file behind an https URL. transport: the way there, None: the network, with
    its hosts judged (see outbound). Redirects stay on https."""

    uri: str
    transport: httpx2.BaseTransport | None = None

    @contextmanager
    def open(self, start: int, tag: str) -> Iterator[Part]:
        """See RemoteFile."""
        headers = {"accept-encoding": "identity"}
        if start and tag:
            headers |= {"range": f"bytes={start}-", "if-range": tag}
        try:
            with self._answer(headers) as answer:
                yield _part(answer, start, tag)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise SourceError(
                f"{shown_address(self.uri)} cannot be fetched: {error or type(error).__name__}"
            ) from None

    @contextmanager
    def _answer(self, headers: dict[str, str]) -> Iterator[httpx2.Response]:
        """Each hop is judged as if it had been named: a proxy may be there for one host and not for
        the next."""
        url = self.uri
        for _ in range(_HOPS):
            if urlsplit(url).scheme != "https":
                raise SourceError(
                    f"{shown_address(self.uri)} leads to {shown_address(url)}: models are "
                    "fetched over https only"
                )
            transport = self.transport or outbound.way(url)
            with (
                httpx2.Client(
                    timeout=_TIMEOUT, transport=transport, follow_redirects=False
                ) as client,
                client.stream("GET", url, headers=headers) as answer,
            ):
                if not answer.is_redirect:
                    if answer.status_code not in (200, 206, 416):
                        raise SourceError(
                            f"{shown_address(self.uri)} cannot be fetched: HTTP "
                            f"{answer.status_code}"
                        )
                    yield answer
                    return
                url = urljoin(url, answer.headers.get("location", ""))
        raise SourceError(
            f"{shown_address(self.uri)} redirects more than {_HOPS} times: name the last of them"
        )


def fetch(
    remote: RemoteFile, folder: Path, most: int, tell: Tell, sha256: str | None = None
) -> Path:
    """The file's bytes below `folder`; one that is there in part is completed. most: bytes. sha256:
    what they must hash to, in hex. Raises SourceError."""
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(remote.uri.encode()).hexdigest()
    with (folder / f"{name}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SourceError(
                f"{shown_address(remote.uri)} is being fetched already: wait until that has ended"
            ) from None
        return _fetch(remote, folder / f"{name}.part", most, tell, sha256)


def _fetch(remote: RemoteFile, file: Path, most: int, tell: Tell, sha256: str | None) -> Path:
    note = file.with_suffix(".etag")
    there = 0
    if file.exists():
        there = file.stat().st_size
    tag = ""
    if there and note.exists():
        tag = note.read_text()
    with remote.open(there if tag else 0, tag) as part:
        if part.start not in (0, there):
            raise SourceError(
                f"{shown_address(remote.uri)} sends bytes from {part.start} on, asked for "
                "those from "
                f"{there} on"
            )
        if part.start == 0:
            file.unlink(missing_ok=True)  # first: no crash may leave these bytes under the new name
        note.write_text(part.tag)
        _append(remote.uri, part, file, most, tell)
    if part.total is not None and file.stat().st_size != part.total:
        raise SourceError(
            f"{shown_address(remote.uri)} broke off at {file.stat().st_size} of {part.total} "
            "bytes: repeat "
            "it"
        )
    if sha256 is not None and (value := digest(file)) != sha256.lower():
        forget(file)
        raise SourceError(
            f"{shown_address(remote.uri)} has the SHA-256 {value}, expected {sha256}: these "
            "are other bytes"
        )
    return file


def forget(file: Path) -> None:
    """Throw a fetched file away."""
    file.unlink(missing_ok=True)
    for suffix in (".etag", ".lock"):
        file.with_suffix(suffix).unlink(missing_ok=True)


def digest(file: Path) -> str:
    """SHA-256 of its bytes, in hex."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _append(uri: str, part: Part, file: Path, most: int, tell: Tell) -> None:
    done = part.start
    with file.open("ab" if part.start else "wb") as out:
        tell(done, part.total)
        for chunk in part.chunks:
            done += len(chunk)
            if done > most:
                raise SourceError(
                    f"{shown_address(uri)} is larger than {most} bytes: raise --max-size"
                )
            out.write(chunk)
            tell(done, part.total)


def _part(answer: httpx2.Response, requested: int, named: str) -> Part:
    if answer.status_code == 416:  # nothing is left to send: all of it is there already
        if answer.headers.get("content-range") != f"bytes */{requested}":
            raise SourceError(f"the server refuses to send bytes from {requested} on")
        return Part(requested, requested, named, iter(()))
    tag = answer.headers.get("etag", "")
    # a weak one does not say that the bytes are the same
    if tag.startswith("W/"):
        tag = ""
    length = answer.headers.get("content-length", "")
    start = 0
    total = None
    if length.isdecimal():
        total = int(length)
    if answer.status_code == 206 and (
        match := _RANGE.fullmatch(answer.headers.get("content-range", ""))
    ):
        start = int(match[1])
        total = int(match[2])
    elif answer.status_code == 206:
        raise SourceError("the server sends a part of the file and does not say which")
    return Part(start, total, tag, answer.iter_raw())

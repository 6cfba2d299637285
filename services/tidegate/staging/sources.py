"""Where model bytes lie: a folder (`file:///...`) or an S3 prefix (`s3://bucket/prefix`), read the
same way.

Empty files are left out everywhere: KServe's storage initializer never delivers them from S3, so
they must count for nothing, wherever a model lies.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from tidegate.core.errors import TidegateError
from tidegate.core.shown_address import shown_address

_CHUNK = 1 << 20
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")


class SourceError(TidegateError):
    """A URI that cannot be read; names it, the rule and the way out."""


@dataclass(frozen=True, slots=True)
class S3Access:
    """How to reach S3. None: boto3's own ways (environment, profile, instance role). Secrets are
    never shown."""

    endpoint: str | None = None
    region: str | None = None
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Access:
    """What may be read and written. files: `file://` is allowed, on the local plane only: on a
    server it would read the server's own disk."""

    files: bool = False
    s3: S3Access | None = None

    @property
    def schemes(self) -> tuple[str, ...]:
        """The supported schemes."""
        return tuple(name for name, on in (("file", self.files), ("s3", self.s3 is not None)) if on)


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A file below the URI: its path with `/`, relative, and its size in bytes (above 0)."""

    path: str
    size: int


class Source(Protocol):
    """Files below one URI. Every method may raise SourceError."""

    uri: str

    def entries(self) -> tuple[Entry, ...]:
        """All files, by path."""

    def read(self, path: str) -> Iterator[bytes]:
        """The bytes of one of them, in chunks."""


def open_source(uri: str, access: Access, *, leaky: bool = False) -> Source:
    """The source behind a URI; `.uri` ends in a slash. leaky: list S3 by the prefix as it stands,
    as KServe's storage initializer does, so that `s3://b/add` also finds `add_sub/...` unless it
    ends in a slash."""
    parts = urlsplit(uri)
    if parts.scheme not in access.schemes:
        supported = " and ".join(f"{scheme}://" for scheme in access.schemes) or "no scheme"
        raise SourceError(
            f"{shown_address(uri)!r}: the scheme {parts.scheme or '(none)'!r} cannot be read "
            f"here, {supported} can"
        )
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
            raise SourceError(
                f"{shown_address(uri)!r}: a file URI names an absolute path, such as "
                "file:///srv/models/add_sub"
            )
        return FolderSource(Path(unquote(parts.path)))
    if not parts.netloc:
        raise SourceError(
            f"{shown_address(uri)!r}: an S3 URI names a bucket, such as s3://models/add_sub/"
        )
    if not _BUCKET.fullmatch(parts.netloc):  # an ARN or a user name would lead elsewhere
        place = shown_address(uri)
        bucket = shown_address(parts.netloc)
        raise SourceError(
            f"{place!r}: {bucket!r} is no name of a bucket: letters, digits, '.', '_' and '-'"
        )
    assert access.s3 is not None
    return S3Source(parts.netloc, parts.path.lstrip("/"), access.s3, leaky=leaky)


class FolderSource:
    """A folder. Links that lead out of it are refused: they would not be there on another machine.
    `__pycache__` is passed over: whoever tried a Python model would have changed its digest."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.uri = f"{root.absolute().as_uri()}/"

    def entries(self) -> tuple[Entry, ...]:
        """See Source."""
        if not self.root.is_dir():
            raise SourceError(f"{self.uri}: there is no such folder")
        real = self.root.resolve()
        entries = []
        for folder, below, names in os.walk(self.root):
            below[:] = [name for name in below if name != "__pycache__"]
            for file in (Path(folder, name) for name in names):
                if not file.resolve().is_relative_to(real) or not file.is_file():
                    raise SourceError(
                        f"{self.uri}: {file} is a link out of the folder or no plain file; copy it"
                    )
                size = file.stat().st_size
                if size:
                    entries.append(Entry(file.relative_to(self.root).as_posix(), size))
        return tuple(sorted(entries))

    def read(self, path: str) -> Iterator[bytes]:
        """See Source."""
        with (self.root / path).open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk


class S3Source:
    """Objects below a prefix. Also the way to write them (`put`), for imports."""

    def __init__(self, bucket: str, prefix: str, access: S3Access, *, leaky: bool = False) -> None:
        self.bucket = bucket
        if leaky or not prefix:
            self.prefix = prefix
        else:
            self.prefix = f"{prefix.rstrip('/')}/"
        if prefix:
            self.uri = f"s3://{bucket}/{prefix.rstrip('/')}/"
        else:
            self.uri = f"s3://{bucket}/"
        self._client = client(access)
        self._keys: dict[
            str, str
        ] = {}  # path -> key: in a leaky listing a path does not say its key

    def entries(self) -> tuple[Entry, ...]:
        """See Source."""
        result = {}
        with self._told():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self.prefix
            )
            for item in (item for page in pages for item in page.get("Contents", ())):
                path = (
                    item["Key"].removeprefix(self.prefix).lstrip("/")
                    or item["Key"].rpartition("/")[2]
                )
                if ".." in path.split("/"):
                    raise SourceError(
                        f"{self.uri}: the object {item['Key']!r} would leave the folder; rename it"
                    )
                if item["Size"]:
                    result[path] = Entry(path, int(item["Size"]))
                    self._keys[path] = item["Key"]
        return tuple(sorted(result.values()))

    def read(self, path: str) -> Iterator[bytes]:
        """See Source."""
        with self._told():
            key = self._keys.get(path, self.prefix + path)
            body = self._client.get_object(Bucket=self.bucket, Key=key)["Body"]
            yield from body.iter_chunks(_CHUNK)

    def put(self, path: str, file: Path) -> None:
        """Upload one file."""
        with self._told():
            self._client.upload_file(str(file), self.bucket, self.prefix + path)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """boto's errors, told with the URI."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise SourceError(f"{self.uri}: S3 says: {error}") from error


def client(access: S3Access) -> Any:
    """A boto3 client with short time-outs; a clear error where the extra is not installed."""
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise SourceError("s3:// needs boto3: install tidegate[s3]") from error
    # Addressing by path: what stand-ins for S3 (and most that are not AWS) understand.
    style = {}
    if access.endpoint:
        style = {"addressing_style": "path"}
    return boto3.client(
        "s3",
        endpoint_url=access.endpoint,
        region_name=access.region,
        aws_access_key_id=access.access_key,
        aws_secret_access_key=access.secret_key,
        config=Config(
            connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 3}, s3=style
        ),
    )

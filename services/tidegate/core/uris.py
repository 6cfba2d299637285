"""Addresses of models, judged as text: whether one says plainly where it leads, and whether it lies
below another.

Nothing is looked up here. What would make two readers see two places (dot segments, escaped ones,
backslashes, a user name before the host) is refused, so that a prefix means what it says to
everybody who reads the address after us.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from tidegate.core.errors import Remediation
from tidegate.core.shown_address import shown_address

_STRANGE = re.compile(r"[\x00-\x20\x7f\\]")
_WRITE = Remediation("write it as s3://bucket/folder/")
_LISTED = ("s3://", "gs://", "http://", "https://")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://")


@dataclass(frozen=True, slots=True)
class NotPlain:
    """Why an address is not plain, and what to do about it."""

    detail: str
    remediation: Remediation

    def __str__(self) -> str:
        return f"{self.detail}: {self.remediation}"


def check_uri(uri: str) -> NotPlain | None:
    """Why an address is not plain; None where it is."""
    text = repr(shown_address(uri[:200]))
    if not _SCHEME.match(uri):
        return NotPlain(f"{text} has no scheme in small letters", _WRITE)
    strange = _STRANGE.search(uri)
    if strange:
        return NotPlain(
            f"{text} holds {strange[0]!r}, which readers take differently",
            Remediation("leave it out"),
        )
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        return NotPlain(f"{text} is no address ({error})", _WRITE)
    if "@" in parts.netloc:
        return NotPlain(
            f"{text} names a user before the host",
            Remediation("put credentials into a Secret (storageSecret)"),
        )
    if {".", ".."} & set(unquote(parts.path).split("/")) or _escaped_slash(parts.path):
        return NotPlain(
            f"{text} has a '.' or '..' segment or an escaped slash",
            Remediation("write the path that is meant"),
        )
    return None


def _escaped_slash(path: str) -> bool:
    return "%2f" in path.lower() or "%5c" in path.lower()


def below(uri: str, prefix: str) -> bool:
    """Whether an address lies below a prefix, by whole segments: `s3://b/add` holds `s3://b/add/1`,
    not `s3://b/add_sub`. The prefix `s3://` holds every address of its scheme. An object store is
    listed by the beginning of names, so there the prefix itself needs its slash: KServe would
    take `s3://b/add` for `s3://b/add_sub/…` as well."""
    whole = f"{prefix.rstrip('/')}/"
    if prefix.endswith("://"):
        whole = prefix
    if uri.startswith(_LISTED):
        return uri.startswith(whole)
    return f"{uri.rstrip('/')}/".startswith(whole)

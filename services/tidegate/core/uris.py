"""Addresses of models, judged as text: whether one says plainly where it leads, and whether it lies below another.

Nothing is looked up here. What would make two readers see two places (dot segments, escaped ones, backslashes, a user
name before the host) is refused, so that a prefix means what it says to everybody who reads the address after us.
"""

import re
from urllib.parse import unquote, urlsplit

_STRANGE = re.compile(r"[\x00-\x20\x7f\\]")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://")


def check_uri(uri: str) -> str | None:
    """Why an address is not plain, with the way out; None where it is."""
    shown = repr(uri[:200])
    if not _SCHEME.match(uri):
        return f"{shown} has no scheme in small letters: write it as s3://bucket/folder/"
    if strange := _STRANGE.search(uri):
        return f"{shown} holds {strange[0]!r}, which readers take differently: leave it out"
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        return f"{shown} is no address ({error}): write it as s3://bucket/folder/"
    if "@" in parts.netloc:
        return f"{shown} names a user before the host: credentials belong into a Secret (storageSecret)"
    if {".", ".."} & set(unquote(parts.path).split("/")) or _escaped_slash(parts.path):
        return f"{shown} has a '.' or '..' segment or an escaped slash: write the path that is meant"
    return None


def _escaped_slash(path: str) -> bool:
    return "%2f" in path.lower() or "%5c" in path.lower()


def below(uri: str, prefix: str) -> bool:
    """Whether an address lies below a prefix, by whole segments: `s3://b/add` holds `s3://b/add/1`, not
    `s3://b/add_sub`. The prefix `s3://` holds every address of its scheme."""
    whole = prefix if prefix.endswith("/") else f"{prefix}/"
    return f"{uri.rstrip('/')}/".startswith(whole)

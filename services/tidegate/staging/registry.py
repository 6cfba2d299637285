"""The registry that the services use: what can be read here is checked, what only the cluster can read is marked."""

import hashlib
import os
from urllib.parse import urlsplit

from tidegate.core.ports import Resolved, Unresolved
from tidegate.staging.layout import Staging
from tidegate.staging.sources import Access, S3Access

_READABLE = ("file", "s3")


class StagedRegistry:
    """core.ports.Registry. `schemes`: those that model URIs may have here.

    Folders and S3 are read and digested. The others (gs, pvc, hf, ...) are readable from the cluster alone: they
    are taken as they are, marked mutable, with a digest of the URI in place of one of the bytes.
    """

    def __init__(self, schemes: tuple[str, ...], s3: S3Access | None = None) -> None:
        self._schemes = schemes
        found = s3 or S3Access(endpoint=os.environ.get("AWS_ENDPOINT_URL"))
        self._staging = Staging(Access(files="file" in schemes, s3=found if "s3" in schemes else None))

    def resolve(self, uri: str) -> Resolved | Unresolved:
        """Check what lies below the URI."""
        scheme = urlsplit(uri).scheme
        if scheme not in self._schemes:
            supported = ", ".join(f"{one}://" for one in self._schemes)
            return Unresolved(f"{uri!r}: the storage scheme {scheme or '(none)'!r} is not supported; use {supported}")
        if scheme in _READABLE:
            return self._staging.resolve(uri)
        return Resolved(uri, f"sha256-{hashlib.sha256(uri.encode()).hexdigest()}", mutable=True)

"""The registry that the services use: what can be read here is checked, what only the cluster can
read is marked."""

import hashlib
import os

from tidegate.core.ports import Resolved, Unresolved
from tidegate.core.shown_address import shown_address
from tidegate.staging import outbound
from tidegate.staging.layout import Staging
from tidegate.staging.sources import Access, S3Access

_READABLE = ("file", "s3")
_HOSTLESS = ("gs", "hf", "pvc")  # their schemes say where they lead


class StagedRegistry:
    """core.ports.Registry. `schemes`: those that model URIs may have here.

    Folders and S3 are read and digested. The others (gs, pvc, hf, ...) are readable from the
    cluster alone: they are taken as they are, marked mutable, with a digest of the URI in place of
    one of the bytes; whoever reads them must not be sent to a host inside (outbound). places: which
    hosts may be named.
    """

    def __init__(
        self,
        schemes: tuple[str, ...],
        s3: S3Access | None = None,
        places: outbound.Places | None = None,
    ) -> None:
        self._schemes = schemes
        self._places = places or outbound.Places()
        s3_access = s3 or S3Access(endpoint=os.environ.get("AWS_ENDPOINT_URL"))
        self._staging = Staging(
            Access(files="file" in schemes, s3=s3_access if "s3" in schemes else None)
        )

    def resolve(self, uri: str) -> Resolved | Unresolved:
        """Check what lies below the URI."""
        scheme = uri.partition("://")[0]
        if scheme not in self._schemes:
            supported = ", ".join(f"{item}://" for item in self._schemes)
            return Unresolved(
                f"{shown_address(uri)!r}: the storage scheme {scheme or '(none)'!r} is not "
                "supported; use "
                f"{supported}"
            )
        if scheme in _READABLE:
            return self._staging.resolve(uri)
        if scheme not in _HOSTLESS and (wrong := self._places.check(uri)) is not None:
            return Unresolved(wrong)
        return Resolved(uri, f"sha256-{hashlib.sha256(uri.encode()).hexdigest()}", mutable=True)

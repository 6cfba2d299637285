"""Calls of the worker that a pod answers with 403: meant, or a fault of the candidate.

Triton answers 403 where a group of calls is restricted, and the worker has no token: that is meant
where the pod's own arguments say so. A mesh's policy answers 403, too. Where a site means that, it
says so by a setting; otherwise clients would be refused as well, so the pod has failed.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from tidegate.core.shown_address import shown_address
from tidegate.core.triton.protocol import REPOSITORY_INDEX

FORBIDDEN = 403
_GROUPS = {REPOSITORY_INDEX: "model-repository"}
_ENDINGS = {"infer": "inference", "config": "model-config"}


class ForbiddenError(RuntimeError):
    """A call was forbidden that nobody restricted."""


@dataclass(frozen=True, slots=True)
class Closed:
    """What a server may refuse to the worker. groups: that its own arguments restrict. everything:
    whatever stands before it rightly forbids the worker."""

    groups: frozenset[str] = frozenset()
    everything: bool = False

    def check(self, url: str) -> None:
        """Raise ForbiddenError where a 403 from this URL is not meant."""
        path = urlsplit(url).path
        group = _GROUPS.get(path) or _ENDINGS.get(path.rpartition("/")[2], "metadata")
        if not self.everything and group not in self.groups:
            raise ForbiddenError(
                f"403 from {shown_address(url)}, which the revision does not restrict: "
                "something before the pod "
                "forbids it (a mesh's AuthorizationPolicy?); allow it, or set "
                "TIDEGATE_MESH_FORBIDS_WORKER=true"
            )

"""Values of fields for people: plain ones are shown, and whatever may hold a secret is hidden or
cut."""

from collections.abc import Mapping
from typing import Any

from tidegate.core.field_owners import Path
from tidegate.core.foreign_text import first_words
from tidegate.core.shown_address import HIDDEN, shown_address

VALUE_LENGTH = 60
NOTHING = "nothing"
_HIDING = frozenset({"env", "args", "command", "headers", "filters", "data", "annotations"})
_OURS = ("tidegate.dev/", "serving.kserve.io/", "autoscaling.knative.dev/")
_PLAIN = frozenset(
    {
        "cpu",
        "externalName",
        "kind",
        "medium",
        "mountPath",
        "name",
        "namespace",
        "protocolVersion",
        "request",
        "runtime",
        "runtimeVersion",
        "sectionName",
        "serviceAccountName",
        "sizeLimit",
        "type",
        "version",
    }
)
_PLAIN_MAPS = frozenset({"labels", "selector", "limits", "requests", "nodeSelector", "hostnames"})


def readable(path: Path, content: Any) -> str:
    """A value for people: plain, of a bounded length, and hidden where it may be a secret."""
    if content is None:
        return NOTHING
    if isinstance(content, list):
        return _counted(len(content), "element")
    if isinstance(content, Mapping):
        return _counted(len(content), "field")
    if isinstance(content, bool):
        return str(content).lower()
    if _is_hidden(path):
        return HIDDEN
    if path[-1] in _CUT:
        return first_words(shown_address(str(content)), VALUE_LENGTH)
    if isinstance(content, int | float) or _is_plain(path):
        return first_words(str(content), VALUE_LENGTH) or '""'
    return HIDDEN


def _counted(count: int, what: str) -> str:
    if count == 1:
        return f"1 {what}"
    return f"{count} {what}s"


_CUT = frozenset({"image", "path", "storageUri"})


def _is_hidden(path: Path) -> bool:
    ours = any(isinstance(step, str) and step.startswith(_OURS) for step in path)
    return not ours and any(step in _HIDING for step in path)


def _is_plain(path: Path) -> bool:
    names = [step for step in path if isinstance(step, str)]
    if not names:
        return False
    in_map = len(names) > 1 and names[-2] in _PLAIN_MAPS
    return names[-1] in _PLAIN or names[-1] in _PLAIN_MAPS or in_map or names[-1].startswith(_OURS)

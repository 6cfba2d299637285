"""What a change of one field of an object makes KServe start: in Knative mode a new revision, in
standard mode new pods.

KServe (v0.20.0) copies labels and annotations of an InferenceService into its pod template, and
most of `spec.predictor`; in Knative mode the replica bounds are annotations of the template.
"""

from enum import StrEnum

from tidegate.core.field_owners import Path
from tidegate.core.intent import Mode


class Starts(StrEnum):
    """What a change of a field starts."""

    NOTHING = "nothing"
    PODS = "new-pods"
    REVISION = "new-revision"


_METADATA = ("labels", "annotations")
_NOT_COPIED = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        "serving.knative.dev/rollout-duration",
    }
)
_TRAFFIC = "canaryTrafficPercent"
_SCALING = frozenset(
    {
        "minReplicas",
        "maxReplicas",
        "scaleTarget",
        "scaleMetric",
        "autoScaling",
        "deploymentStrategy",
    }
)


def starts(kind: str, path: Path, mode: Mode) -> Starts:
    """What a change of the field at this path starts."""
    if kind != "InferenceService" or not _in_template(path, mode):
        return Starts.NOTHING
    if mode is Mode.KNATIVE:
        return Starts.REVISION
    return Starts.PODS


def _in_template(path: Path, mode: Mode) -> bool:
    match path:
        case ("metadata", part):
            return part in _METADATA
        case ("metadata", part, name, *_):
            return part in _METADATA and name not in _NOT_COPIED
        case ("spec", "predictor", name, *_):
            return name != _TRAFFIC and (mode is Mode.KNATIVE or name not in _SCALING)
        case ("spec",) | ("spec", "predictor"):
            return True
    return False

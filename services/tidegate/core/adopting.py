"""What an InferenceService of somebody else is, and whether an endpoint can begin with it.

Pure: the worker looks, `survey` reads. Everything wrong is told at once, before anything is stored.
"""

from dataclasses import dataclass
from typing import Any

from tidegate.core import adoptable
from tidegate.core.adopted_runtime import mode_of, of_service, runtime_of
from tidegate.core.drivers.predictor import keda_metrics, predictor
from tidegate.core.drivers.rendering import AUTOSCALER, Platform
from tidegate.core.errors import Problem, Remediation
from tidegate.core.intent import Adopted, EndpointKey, Mode, Model, Revision, Runtime, Scaling
from tidegate.core.ports import Manifest, Snapshot

VERSION = "adopted"
_ANY = Platform("")


@dataclass(frozen=True, slots=True)
class Found:
    """One that can be adopted, as revision 0. url: where its clients call it now, "" where KServe
    tells none. storage_secret: of the object store, as its own annotation names it (the predictor
    has a second place for it). unshared: its labels and annotations that revisions of ours will
    not carry, by name."""

    mode: Mode
    model: Model
    runtime: Runtime
    scaling: Scaling
    adopted: Adopted
    url: str = ""
    storage_secret: str | None = None
    unshared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Survey:
    """The worker's answer: what was found, or what is in the way. trouble: why nobody could look,
    '' where one did."""

    found: Found | None = None
    problems: tuple[Problem, ...] = ()
    trouble: str = ""


def survey(
    snapshot: Snapshot, key: EndpointKey, platform: Platform = _ANY
) -> Found | tuple[Problem, ...]:
    """Return what an endpoint of this name would begin with, or everything that is in the way.

    platform: the installation, whose rendering is compared with what the InferenceService has.
    """
    live = snapshot.get("InferenceService", key.name)
    if live is None:
        listing = Remediation(f"see `kubectl get isvc -n {key.namespace}`")
        return (Problem("/name", f"there is no InferenceService {key}", listing),)
    problems = tuple(adoptable.problems(live, key))
    mode = mode_of(live)
    if mode is None or not adoptable.readable(live):
        return problems
    existing = _existing(live, key, mode)
    problems += tuple(
        adoptable.losses(live, key, existing.scaling, _next(key, existing, platform), mode)
    )
    return problems or existing


def _existing(live: Manifest, key: EndpointKey, mode: Mode) -> Found:
    spec = live["spec"]["predictor"]
    status = live.get("status") or {}
    uid = live["metadata"]["uid"]
    uri = str(spec["model"].get("storageUri") or "")
    return Found(
        mode,
        Model(key.name, VERSION, uri, f"unknown-{uid}", mutable=True),
        runtime_of(live),
        _scaling(live, mode),
        Adopted(uid, dict(spec)),
        str(status.get("url") or (status.get("address") or {}).get("url") or ""),
        of_service(live),
        adoptable.unshared(live, mode),
    )


def _scaling(live: Manifest, mode: Mode) -> Scaling:
    """Its replica bounds. KServe reads no minReplicas as 1, and in Standard mode 0 as 1, too."""
    spec = live["spec"]["predictor"]
    lowest = max(int(spec.get("minReplicas", 1)), 0)
    highest = max(int(spec.get("maxReplicas") or 0), lowest, 1)
    if mode is Mode.KNATIVE:
        return Scaling(lowest, highest)
    scaler = (live["metadata"].get("annotations") or {}).get(AUTOSCALER)
    return Scaling(max(lowest, 1), highest, keda=scaler == "keda")


def _next(key: EndpointKey, existing: Found, platform: Platform) -> dict[str, Any]:
    """`spec.predictor` of the revision after it, as we would write it: of one of its name, so that
    KEDA's query is compared by what it asks, not by whose pods."""
    following = Revision(1, existing.model, existing.runtime, existing.model.digest)
    rendered = predictor(following, existing.scaling, existing.mode, platform)
    if existing.scaling.keda:
        rendered["autoScaling"] = keda_metrics(key.name, key.namespace, platform)
    return rendered

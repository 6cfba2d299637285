"""What an InferenceService of somebody else is, and whether an endpoint can begin with it.

Pure: the worker looks, `survey` reads. Everything wrong is told at once, before anything is stored.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.core import restriction
from tidegate.core.drivers.predictor import STORAGE_SECRET
from tidegate.core.drivers.rendering import (
    DEPLOYMENT_MODE,
    ENDPOINT,
    GRPC_PORT,
    HTTP_PORT,
    NEW_NAMES,
    OLD_NAMES,
    SHM_PATH,
)
from tidegate.core.errors import Problem
from tidegate.core.intent import Adopted, EndpointKey, Mode, Model, Protocol, Runtime, Scaling
from tidegate.core.ports import Manifest, Snapshot

_MODES = {name: mode for names in (NEW_NAMES, OLD_NAMES) for mode, name in names.items()}
VERSION = "adopted"
_PROBES = ("exec", "grpc", "httpGet", "tcpSocket")


@dataclass(frozen=True, slots=True)
class Found:
    """One that can be adopted, as revision 0. url: where its clients call it now, "" where KServe tells none.
    storage_secret: of the object store, as its own annotation names it (the predictor has a second place for it)."""

    mode: Mode
    model: Model
    runtime: Runtime
    scaling: Scaling
    adopted: Adopted
    url: str = ""
    storage_secret: str | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """The worker's answer: what was found, or what is in the way. trouble: why nobody could look, '' where one did."""

    found: Found | None = None
    problems: tuple[Problem, ...] = ()
    trouble: str = ""


def survey(snapshot: Snapshot, key: EndpointKey) -> Found | tuple[Problem, ...]:
    """What an endpoint of this name would begin with, or everything that is in the way."""
    live = snapshot.get("InferenceService", key.name)
    if live is None:
        detail = f"there is no InferenceService {key}: `kubectl get isvc -n {key.namespace}` lists them"
        return (Problem("/name", detail),)
    if problems := tuple(_problems(live, key)):
        return problems
    predictor = live["spec"]["predictor"]
    mode, model = mode_of(live), predictor["model"]
    assert mode is not None
    uri = str(model["storageUri"])
    lowest = max(int(predictor.get("minReplicas", 1)), 0)
    highest = max(int(predictor.get("maxReplicas") or 0), lowest, 1)
    status = live.get("status") or {}
    return Found(
        mode,
        Model(key.name, VERSION, uri, f"unknown-{live['metadata']['uid']}", mutable=True),
        Runtime(
            name=_runtime(model, status),
            protocol=Protocol(model.get("protocolVersion") or Protocol.V2),
            version=model.get("runtimeVersion"),
            gpu=_gpus(model),
            security=restriction.written(model),
        ),
        Scaling(lowest if mode is Mode.KNATIVE else max(lowest, 1), highest),
        Adopted(live["metadata"]["uid"], dict(predictor)),
        str(status.get("url") or (status.get("address") or {}).get("url") or ""),
        (live["metadata"].get("annotations") or {}).get(STORAGE_SECRET),
    )


def _runtime(model: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    """The one that its owner named, else the one that KServe chose by the model's format."""
    chosen = status.get("servingRuntimeName") or status.get("clusterServingRuntimeName")
    return str(model.get("runtime") or chosen or Runtime().name)


def _problems(live: Manifest, key: EndpointKey) -> Iterator[Problem]:
    meta, spec = live["metadata"], live["spec"]
    predictor = spec["predictor"]
    if meta.get("deletionTimestamp"):
        yield Problem("/name", f"InferenceService {key} is being deleted")
    if ENDPOINT in (meta.get("labels") or {}):
        yield Problem("/name", f"InferenceService {key} is Tidegate's already (label {ENDPOINT}): nothing to adopt")
    if mode_of(live) is None:
        said = _said_mode(live)
        yield Problem(
            "/mode", f"InferenceService {key} has deploymentMode {said!r}: only Standard and Knative roll out"
        )
    for part in ("transformer", "explainer"):
        if spec.get(part):
            yield Problem(
                "/name", f"InferenceService {key} has a {part}, which Tidegate cannot roll out: deploy it apart"
            )
    yield from _model_problems(predictor, key)
    if mode_of(live) is Mode.KNATIVE:
        yield from _knative_problems(predictor.get("model") or {}, key)
    percent = predictor.get("canaryTrafficPercent")
    if percent not in (None, 100) or predictor.get("canary"):
        detail = f"InferenceService {key} is in a canary of its own ({percent} %): promote it or take it back first"
        yield Problem("/name", detail)
    status = live.get("status") or {}
    if _condition(status, "Ready").get("status") != "True":
        detail = f"InferenceService {key} is not ready ({_not_ready(status)}): what does not serve cannot be stable"
        yield Problem("/name", detail)


def _not_ready(status: Mapping[str, Any]) -> str:
    """Why, in KServe's words. Its Ready speaks of the route that waits, not of the pods that the route waits for, and
    of a runtime that it does not know only the model's state tells (seen with v0.20.0)."""
    said = [(status.get("modelStatus") or {}).get("lastFailureInfo") or {}]
    said += [one for one in (_condition(status, kind) for kind in ("PredictorReady", "Ready")) if one]
    words = (one.get("message") or one.get("reason") for one in said if one.get("status") != "True")
    return str(next(filter(None, words), "no word of KServe yet"))


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    return next((one for one in status.get("conditions") or () if one.get("type") == kind), {})


def _model_problems(predictor: Mapping[str, Any], key: EndpointKey) -> Iterator[Problem]:
    model = predictor.get("model")
    if not isinstance(model, Mapping):
        detail = f"InferenceService {key} has no spec.predictor.model: write it in that form (modelFormat, storageUri)"
        yield Problem("/name", detail)
        return
    named = (model.get("modelFormat") or {}).get("name")
    if named != "triton":
        yield Problem("/name", f"InferenceService {key} serves model format {named!r}: only 'triton' rolls out")
    if not model.get("storageUri"):
        yield Problem("/name", f"InferenceService {key} has no spec.predictor.model.storageUri: give its model a URI")
    protocol = model.get("protocolVersion")
    if protocol not in (None, *Protocol):
        allowed = " or ".join(Protocol)
        yield Problem("/name", f"InferenceService {key} has protocolVersion {protocol!r}: Triton speaks {allowed}")


def _knative_problems(model: Mapping[str, Any], key: EndpointKey) -> Iterator[Problem]:
    """Fields that would stay beside ours in the one InferenceService, and with which Kubernetes or Knative would refuse
    the first revision of ours: a second port, a second kind of probe, a mount whose volume was replaced."""
    grpc = model.get("protocolVersion") == Protocol.GRPC_V2
    port, probe = (GRPC_PORT, "grpc") if grpc else (HTTP_PORT, "httpGet")
    where = f"InferenceService {key} has spec.predictor.model"
    for found in model.get("ports") or ():
        if found.get("containerPort") != port:
            way = f"a Knative revision has one, and for {Protocol.GRPC_V2 if grpc else Protocol.V2} that is {port}"
            yield Problem("/name", f"{where}.ports with {found.get('containerPort')}: {way}: write that one, or none")
    for kind in _PROBES:
        if kind != probe and kind in (model.get("readinessProbe") or {}):
            way = f"Tidegate's revisions are asked by {probe}, and both at once are refused"
            yield Problem("/name", f"{where}.readinessProbe.{kind}: {way}: write {probe}, or no readinessProbe")
    for mount in model.get("volumeMounts") or ():
        if mount.get("mountPath") != SHM_PATH:
            way = "Tidegate's revisions bring their own volumes, so that its volume would be missing: remove the mount"
            yield Problem("/name", f"{where}.volumeMounts at {mount.get('mountPath')}: {way}")


def _said_mode(live: Manifest) -> str | None:
    said = (live["metadata"].get("annotations") or {}).get(DEPLOYMENT_MODE)
    return said or (live.get("status") or {}).get("deploymentMode")


def mode_of(live: Manifest) -> Mode | None:
    """How KServe runs an InferenceService, by its annotation or its status; None where it says neither of ours."""
    return _MODES.get(_said_mode(live) or "")


def _gpus(model: Mapping[str, Any]) -> int:
    limits = (model.get("resources") or {}).get("limits") or {}
    return int(limits.get("nvidia.com/gpu") or 0)

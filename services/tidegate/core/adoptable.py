"""Everything that stands in the way of an adoption, each with what its owner can do about it."""

from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.core import unrendered
from tidegate.core.adopted_runtime import mode_of, said_mode
from tidegate.core.drivers.predictor import STORAGE_SECRET
from tidegate.core.drivers.rendering import (
    AUTOSCALER,
    CLUSTER_LOCAL,
    DEPLOYMENT_MODE,
    ENDPOINT,
    SHM_PATH,
)
from tidegate.core.errors import Problem, Remediation
from tidegate.core.intent import EndpointKey, Mode, Protocol, Scaling
from tidegate.core.ports import Manifest
from tidegate.core.triton.protocol import GRPC_PORT, HTTP_PORT
from tidegate.core.triton.restriction import FLAGS
from tidegate.core.unrendered import MODEL, PREDICTOR, Loss

_PROBES = ("exec", "grpc", "httpGet", "tcpSocket")
_COMPONENTS = ("transformer", "explainer")
_SPEC = frozenset({"predictor", "canary", *_COMPONENTS})
_TAG_ROUTING = "serving.kserve.io/enable-tag-routing"
_OURS = frozenset({DEPLOYMENT_MODE, STORAGE_SECRET, AUTOSCALER, _TAG_ROUTING})
# Annotations and labels by which KServe, a mesh, a scheduler or an injector changes pods or traffic
_ACTING = (
    "serving.kserve.io/",
    "networking.kserve.io/",
    "prometheus.kserve.io/",
    "storage.kserve.io/",
    "prometheus.io/",
    "security.opendatahub.io/",
    "azure.workload.identity/",
    "cluster-autoscaler.kubernetes.io/",
    "iam.amazonaws.com/",
    "instrumentation.opentelemetry.io/",
    "k8s.v1.cni.cncf.io/",
    "karpenter.sh/",
    "kueue.x-k8s.io/",
    "linkerd.io/",
    "config.linkerd.io/",
    "vault.hashicorp.com/",
)
_MESH = ".istio.io/"  # sidecar., traffic.sidecar., proxy., …
_REMEDIATIONS = {  # by the beginning of a path, the longest first
    f"{MODEL}.resources": "write request and limit alike, of cpu, memory and one kind of GPU",
    f"{MODEL}.readinessProbe": "remove it: Tidegate's revisions have one of their own",
    f"{MODEL}.lifecycle": "remove it: Tidegate's revisions wait before they stop by themselves",
    f"{MODEL}.": "move it into a ServingRuntime of your own, for every revision, or remove it",
    f"{PREDICTOR}.workerSpec": "a model over several nodes cannot be rolled out: deploy it apart",
    f"{PREDICTOR}.initContainers": "remove it: no revision of Tidegate's has one",
    f"{PREDICTOR}.terminationGracePeriodSeconds": "lower it, or raise TIDEGATE_REQUEST_TIMEOUT",
    f"{PREDICTOR}.timeout": "remove it: TIDEGATE_REQUEST_TIMEOUT is the limit of every endpoint",
    f"{PREDICTOR}.autoScaling": "remove it: Tidegate scales by CPU, or by KEDA on Triton's queue",
    f"{PREDICTOR}.scale": "remove it: Tidegate scales by CPU, or by KEDA on Triton's queue",
}
_MOVABLE = ("affinity", "annotations", "containers", "imagePullSecrets", "labels", "volumes")
_TO_RUNTIME = _REMEDIATIONS[f"{MODEL}."]
_REMOVE = "remove it"


def readable(live: Manifest) -> bool:
    """Whether its model can be read, so that it can be compared with what we would write."""
    model = live["spec"]["predictor"].get("model")
    return isinstance(model, Mapping) and model.get("protocolVersion") in (None, *Protocol)


def problems(live: Manifest, key: EndpointKey) -> Iterator[Problem]:
    """Yield everything about it that no endpoint can begin with."""
    spec = live["spec"]
    yield from _state(live, key)
    for part in _COMPONENTS:
        if spec.get(part):
            yield _problem(
                key, f"has spec.{part}, which Tidegate cannot roll out", "deploy it apart"
            )
    yield from _model(spec["predictor"], key)
    if mode_of(live) is Mode.KNATIVE:
        yield from _knative(spec["predictor"], key)
    yield from _canary(spec, key)
    status = live.get("status") or {}
    if _condition(status, "Ready").get("status") != "True":
        detail = f"is not ready ({_not_ready(status)}), and what does not serve cannot be stable"
        yield _problem(key, detail, "make it ready first")


def losses(
    live: Manifest, key: EndpointKey, scaling: Scaling, rendered: Mapping[str, Any], mode: Mode
) -> Iterator[Problem]:
    """Yield every field of it that the revision after it would lack.

    rendered: `spec.predictor` of that revision.
    """
    lost = [*unrendered.losses(live["spec"]["predictor"], rendered, mode)]
    if mode is Mode.STANDARD:
        lost += [Loss(f"spec.{name}") for name in sorted(set(live["spec"]) - _SPEC)]
        lost += _acting(live, scaling)
    for loss in lost:
        value = ""
        if loss.value:
            value = f" {loss.value!r}"
        detail = f"has {loss.path}{value}, which the next revision would not have"
        yield _problem(key, detail, _way(loss))


def unshared(live: Manifest, mode: Mode) -> tuple[str, ...]:
    """Return its labels and annotations that later revisions lack, and that change no pods."""
    if mode is Mode.KNATIVE:
        return ()  # they stay where they are
    named = [*_named(live, "labels"), *_named(live, "annotations")]
    quiet = (name for name, _ in named if not _acts(name) and not name.startswith("kubectl."))
    return tuple(dict.fromkeys(quiet))


def _acting(live: Manifest, scaling: Scaling) -> Iterator[Loss]:
    for field in ("labels", "annotations"):
        for name, value in _named(live, field):
            if _acts(name) and (name, value) != (CLUSTER_LOCAL, "cluster-local"):
                yield Loss(f"metadata.{field}[{name}]")
    scaler = (live["metadata"].get("annotations") or {}).get(AUTOSCALER)
    scales = scaling.max_replicas > scaling.min_replicas
    same = scaling.keda or scaler in (None, "hpa") or (scaler == "none" and not scales)
    if not same:
        yield Loss(f"metadata.annotations[{AUTOSCALER}]", str(scaler))


def _named(live: Manifest, field: str) -> Iterator[tuple[str, Any]]:
    """Labels or annotations, without those that we set ourselves."""
    for name, value in (live["metadata"].get(field) or {}).items():
        if name not in _OURS:
            yield name, value


def _acts(name: str) -> bool:
    return name.startswith(_ACTING) or _MESH in name


def _way(loss: Loss) -> str:
    if loss.path == f"{MODEL}.args" and any(flag.rstrip("=") in loss.value for flag in FLAGS):
        return "one form of a restriction is taken over (docs/access-restriction.md): write that"
    for beginning, remediation in _REMEDIATIONS.items():
        if loss.path.startswith(beginning):
            return remediation
    field = loss.path.removeprefix(f"{PREDICTOR}.").partition(".")[0].partition("[")[0]
    if field in _MOVABLE:
        return _TO_RUNTIME
    return _REMOVE


def _problem(key: EndpointKey, detail: str, remediation: str) -> Problem:
    return Problem("/name", f"InferenceService {key} {detail}", Remediation(remediation))


def _state(live: Manifest, key: EndpointKey) -> Iterator[Problem]:
    meta = live["metadata"]
    if meta.get("deletionTimestamp"):
        detail = f"is being deleted (metadata.deletionTimestamp {meta['deletionTimestamp']})"
        yield _problem(key, detail, "wait until it is gone, then make a new endpoint")
    if ENDPOINT in (meta.get("labels") or {}):
        yield _problem(key, f"is Tidegate's already (label {ENDPOINT})", "go on with its endpoint")
    if mode_of(live) is None:
        detail = f"has deploymentMode {said_mode(live)!r}, in which Tidegate rolls nothing out"
        yield _problem(key, detail, f"write Standard or Knative (annotation {DEPLOYMENT_MODE})")


def _canary(spec: Mapping[str, Any], key: EndpointKey) -> Iterator[Problem]:
    """In Knative mode a percent of the predictor, in Standard mode (KServe 0.20) a list beside
    it."""
    field = "spec.canary"
    percents = [entry.get("trafficPercent") for entry in spec.get("canary") or ()]
    percent = spec["predictor"].get("canaryTrafficPercent")
    if percent not in (None, 100):
        field = f"{PREDICTOR}.canaryTrafficPercent"
        percents.append(percent)
    if percents:
        shares = ", ".join(f"{share} %" for share in percents)
        yield _problem(
            key,
            f"has {field} ({shares}): it is in a rollout of KServe's own, and only one can move "
            "its traffic",
            "promote it or roll it back first",
        )


def _not_ready(status: Mapping[str, Any]) -> str:
    """Why, in KServe's words. Its Ready speaks of the route that waits, not of the pods that the
    route waits for, and of a runtime that it does not know only the model's state tells (seen
    with v0.20.0)."""
    messages = [(status.get("modelStatus") or {}).get("lastFailureInfo") or {}]
    messages += [_condition(status, kind) for kind in ("PredictorReady", "Ready")]
    wrong = (entry for entry in messages if entry.get("status") != "True")
    words = (entry.get("message") or entry.get("reason") for entry in wrong)
    return str(next(filter(None, words), "no word of KServe yet"))


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    conditions = status.get("conditions") or ()
    return next((condition for condition in conditions if condition.get("type") == kind), {})


def _model(predictor: Mapping[str, Any], key: EndpointKey) -> Iterator[Problem]:
    model = predictor.get("model")
    if not isinstance(model, Mapping):
        yield _problem(
            key, "has no spec.predictor.model", "write it in that form (modelFormat, storageUri)"
        )
        return
    named = (model.get("modelFormat") or {}).get("name")
    if named != "triton":
        field = f"{MODEL}.modelFormat.name"
        yield _problem(key, f"has {field} {named!r}, and Tidegate rolls out Triton", "use 'triton'")
    if not model.get("storageUri"):
        yield _problem(key, *_nowhere(predictor, model))
    protocol = model.get("protocolVersion")
    if protocol not in (None, *Protocol):
        allowed = " or ".join(Protocol)
        yield _problem(
            key,
            f"has {MODEL}.protocolVersion {protocol!r}, which Triton does not speak",
            f"use {allowed}",
        )


def _nowhere(predictor: Mapping[str, Any], model: Mapping[str, Any]) -> tuple[str, str]:
    """What names its model instead of a storageUri, and what to write."""
    storage = model.get("storage") or {}
    if storage:
        place = f"s3://<bucket>/{str(storage.get('path') or '').strip('/')}"
        return (
            f"has {MODEL}.storage.key {storage.get('key')!r}",
            f"write storageUri {place} and the annotation {STORAGE_SECRET} (the Secret with its "
            "credentials) instead",
        )
    if predictor.get("storageUris"):
        return (
            f"has {PREDICTOR}.storageUris",
            "put its files below one place, a Triton model repository, and name that as "
            f"{MODEL}.storageUri",
        )
    return f"has no {MODEL}.storageUri", "give its model a URI"


def _knative(predictor: Mapping[str, Any], key: EndpointKey) -> Iterator[Problem]:
    """Fields that would stay beside ours in the one InferenceService, and with which Kubernetes or
    Knative would refuse the first revision of ours: a second port, a second kind of probe, a mount
    whose volume was replaced. And a missing maxReplicas, which to Knative is no limit, while our
    revisions have one."""
    model = predictor.get("model") or {}
    grpc = model.get("protocolVersion") == Protocol.GRPC_V2
    port, probe = (GRPC_PORT, "grpc") if grpc else (HTTP_PORT, "httpGet")
    for result in model.get("ports") or ():
        if result.get("containerPort") != port:
            spoken = Protocol.GRPC_V2 if grpc else Protocol.V2
            rule = f"a Knative revision has one, and for {spoken} that is {port}"
            yield _problem(
                key,
                f"has {MODEL}.ports with {result.get('containerPort')}: {rule}",
                "write that one, or none",
            )
    for kind in _PROBES:
        if kind != probe and kind in (model.get("readinessProbe") or {}):
            rule = f"Tidegate's revisions are asked by {probe}, and both at once are refused"
            yield _problem(
                key,
                f"has {MODEL}.readinessProbe.{kind}: {rule}",
                f"write {probe}, or no readinessProbe",
            )
    for mount in model.get("volumeMounts") or ():
        if mount.get("mountPath") != SHM_PATH:
            rule = (
                "Tidegate's revisions bring their own volumes, so that its volume would be missing"
            )
            yield _problem(
                key,
                f"has {MODEL}.volumeMounts at {mount.get('mountPath')}: {rule}",
                "remove the mount",
            )
    if not predictor.get("maxReplicas"):
        rule = "Knative reads that as no limit, and Tidegate's revisions have one"
        yield _problem(key, f"has no {PREDICTOR}.maxReplicas: {rule}", "write it")

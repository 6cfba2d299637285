"""Which fields exist: an API server refuses a server-side apply that names a field the schema does
not declare.

So a misspelt field of a driver is found here and not in a cluster, where it would cost a rollout.
"""

from collections.abc import Mapping
from typing import Any


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SPEC = frozenset({"predictor", "transformer", "explainer", "canary"})
COMPONENT = _names(
    """name minReplicas maxReplicas scaleMetric scaleTarget scaleMetricType autoScaling
    containerConcurrency timeout canaryTrafficPercent logger batcher labels annotations
    deploymentStrategy storageUris storageContainerName workerSpec confidential"""
)
MODEL = _names("modelFormat runtime protocolVersion runtimeVersion storageUri storage")
_FRAMEWORKS = _names(
    "model sklearn xgboost tensorflow pytorch triton onnx huggingface pmml lightgbm paddle"
)
CONTAINER = _names(
    """name image command args workingDir ports envFrom env resources resizePolicy restartPolicy
    volumeMounts volumeDevices livenessProbe readinessProbe startupProbe lifecycle
    terminationMessagePath terminationMessagePolicy imagePullPolicy securityContext stdin stdinOnce tty"""
)
_POD = _names(
    """activeDeadlineSeconds affinity automountServiceAccountToken containers dnsConfig dnsPolicy
    enableServiceLinks hostAliases hostIPC hostNetwork hostPID hostUsers hostname imagePullSecrets
    initContainers nodeName nodeSelector os overhead preemptionPolicy priority priorityClassName
    readinessGates resourceClaims resources restartPolicy runtimeClassName schedulerName schedulingGates
    securityContext serviceAccount serviceAccountName setHostnameAsFQDN shareProcessNamespace subdomain
    terminationGracePeriodSeconds tolerations topologySpreadConstraints volumes"""
)
_WHOLE_NUMBERS = (
    "minReplicas",
    "maxReplicas",
    "scaleTarget",
    "containerConcurrency",
    "timeout",
    "canaryTrafficPercent",
)
_TEXTS = ("runtime", "protocolVersion", "runtimeVersion", "storageUri")

# Knative Serving pkg/apis/serving/fieldmask.go and k8s_validation.go: what its webhook lets into a
# revision
_KNATIVE_CONTAINER = CONTAINER - {
    "lifecycle",
    "stdin",
    "stdinOnce",
    "tty",
    "volumeDevices",
    "resizePolicy",
}
_KNATIVE_POD = _names(
    "serviceAccountName containers volumes imagePullSecrets enableServiceLinks"
) | {
    "automountServiceAccountToken",
    "containerConcurrency",
    "timeoutSeconds",
}
_KNATIVE_FEATURES = _names("affinity nodeSelector tolerations runtimeClassName securityContext")
_KNATIVE_PORTS = ("", "h2c", "http1")


def inference_service(isvc: Mapping[str, Any]) -> str | None:
    """The first field of an InferenceService that its schema refuses, as a sentence."""
    spec = isvc.get("spec", {})
    predictor = spec.get("predictor", {})
    model = spec.get("predictor", {}).get("model", {})
    return (
        _unknown(".spec", spec, _SPEC)
        or _unknown(".spec.predictor", predictor, COMPONENT | _FRAMEWORKS | _POD)
        or _unknown(".spec.predictor.model", model, MODEL | CONTAINER)
        or _typed(".spec.predictor", predictor, _WHOLE_NUMBERS, int)
        or _typed(".spec.predictor.model", model, _TEXTS, str)
        or _ports(".spec.predictor.model", model)
    )


def knative_pod(spec: Mapping[str, Any]) -> str | None:
    """The first field of a revision template's pod that Knative's webhook refuses."""
    refused = sorted(set(spec) - _KNATIVE_POD - _KNATIVE_FEATURES)
    if refused:
        return f"must not set the field(s): spec.template.spec.{refused[0]}"
    ports = []
    for index, container in enumerate(spec["containers"]):
        disallowed = sorted(set(container) - _KNATIVE_CONTAINER)
        if disallowed:
            return (
                f"must not set the field(s): spec.template.spec.containers[{index}].{disallowed[0]}"
            )
        ports += container.get("ports", ())
    if len(ports) > 1:
        return (
            "more than one container port is set: spec.template.spec.containers[*].ports: "
            "only a single port is allowed"
        )
    if ports and ports[0].get("name", "") not in _KNATIVE_PORTS:
        return f"Port name {ports[0]['name']} is not allowed: Name must be empty, or one of: 'h2c', 'http1'"
    return None


def _unknown(path: str, value: Mapping[str, Any], known: frozenset[str]) -> str | None:
    unknown = sorted(set(value) - known)
    if not unknown:
        return None
    return f"{path}.{unknown[0]}: field not declared in schema"


def _typed(path: str, value: Mapping[str, Any], fields: tuple[str, ...], kind: type) -> str | None:
    for field in fields:
        result = value.get(field)
        if result is not None and (not isinstance(result, kind) or isinstance(result, bool)):
            word = "string"
            if kind is int:
                word = "integer"
            return f"{path}.{field}: expected {word}, got {result!r}"
    return None


def _ports(path: str, model: Mapping[str, Any]) -> str | None:
    for index, port in enumerate(model.get("ports", ())):
        if not isinstance(port.get("containerPort"), int):
            return f"{path}.ports[{index}].containerPort: Required value: an integer 1..65535"
    names = [port["name"] for port in model.get("ports", ()) if "name" in port]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not twice:
        return None
    return f'{path}.ports: Duplicate value: "{twice[0]}"'

"""The kinds the fake API server knows, and the checks that an API server makes before any webhook.

Names follow Kubernetes: a Service and an InferenceService are DNS labels that begin with a letter,
everything else is a DNS subdomain (RFC 1035, RFC 1123).
"""

import base64
import re
from collections.abc import Mapping
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """An apiVersion with a kind: two kinds are called `Service`, so the kind alone names
    nothing."""

    api_version: str
    kind: str


ISVC = Kind("serving.kserve.io/v1beta1", "InferenceService")
DEPLOYMENT = Kind("apps/v1", "Deployment")
POD = Kind("v1", "Pod")
SERVICE = Kind("v1", "Service")
CONFIG_MAP = Kind("v1", "ConfigMap")
SECRET = Kind("v1", "Secret")
HPA = Kind("autoscaling/v2", "HorizontalPodAutoscaler")
SCALED_OBJECT = Kind("keda.sh/v1alpha1", "ScaledObject")
HTTP_ROUTE = Kind("gateway.networking.k8s.io/v1", "HTTPRoute")
GATEWAY = Kind("gateway.networking.k8s.io/v1", "Gateway")
KSVC = Kind("serving.knative.dev/v1", "Service")
CONFIGURATION = Kind("serving.knative.dev/v1", "Configuration")
REVISION = Kind("serving.knative.dev/v1", "Revision")
ROUTE = Kind("serving.knative.dev/v1", "Route")
INGRESS = Kind("networking.internal.knative.dev/v1alpha1", "Ingress")
PDB = Kind("policy/v1", "PodDisruptionBudget")

_SPEC = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})
FIELDS: Mapping[Kind, frozenset[str]] = {
    **dict.fromkeys(
        (ISVC, DEPLOYMENT, POD, SERVICE, HPA, SCALED_OBJECT, HTTP_ROUTE, GATEWAY, PDB), _SPEC
    ),
    **dict.fromkeys((KSVC, CONFIGURATION, REVISION, ROUTE, INGRESS), _SPEC),
    CONFIG_MAP: frozenset({"apiVersion", "kind", "metadata", "data", "binaryData", "immutable"}),
    SECRET: frozenset({"apiVersion", "kind", "metadata", "data", "immutable", "type"}),
}

_LETTER_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?)?")
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")


def kind_of(manifest: Mapping[str, Any]) -> Kind:
    """The kind of an object or manifest."""
    return Kind(str(manifest.get("apiVersion")), str(manifest.get("kind")))


def check(manifest: Mapping[str, Any]) -> str | None:
    """What the API server itself refuses, in a sentence; None when it has nothing to say."""
    kind = kind_of(manifest)
    metadata = manifest.get("metadata", {})
    if kind not in FIELDS:
        return f'no matches for kind "{kind.kind}" in version "{kind.api_version}"'
    unknown = sorted(set(manifest) - FIELDS[kind])
    if unknown:
        return f"{kind.kind}: .{unknown[0]}: field not declared in schema; known: {', '.join(sorted(FIELDS[kind]))}"
    name = metadata.get("name", "")
    namespace = metadata.get("namespace", "")
    if not namespace or not _SUBDOMAIN.fullmatch(namespace):
        return f'{kind.kind} "{name}": metadata.namespace: Invalid value: "{namespace}": a DNS label is required'
    return (
        _check_name(kind, name)
        or _check_labels(kind, name, metadata)
        or _check_data(kind, name, manifest)
    )


def _check_data(kind: Kind, name: str, manifest: Mapping[str, Any]) -> str | None:
    keys = {}
    if kind in (CONFIG_MAP, SECRET):
        keys = manifest.get("data", {})
    bad = next((key for key in keys if not _DATA_KEY.fullmatch(key)), None)
    if bad is None:
        if kind != SECRET:
            return None
        return _check_encoded(name, keys)
    return (
        f'{kind.kind} "{name}" is invalid: data[{bad}]: Invalid value: "{bad}": a valid config key must consist of '
        "alphanumeric characters, '-', '_' or '.'"
    )


def _check_encoded(name: str, data: Mapping[str, Any]) -> str | None:
    for key, value in data.items():
        try:
            base64.b64decode(value, validate=True)
        except (ValueError, TypeError):
            # the value itself is never told
            return f'Secret "{name}": data.{key}: illegal base64 data'
    return None


def _check_name(kind: Kind, name: str) -> str | None:
    if kind in (SERVICE, ISVC, KSVC):
        pattern = _LETTER_LABEL
        longest = 63
    else:
        pattern = _SUBDOMAIN
        longest = 253
    if len(name) <= longest and pattern.fullmatch(name):
        return None
    return (
        f'{kind.kind} "{name}" is invalid: metadata.name: Invalid value: "{name}": must match {pattern.pattern} '
        f"and have no more than {longest} characters"
    )


def _check_labels(kind: Kind, name: str, metadata: Mapping[str, Any]) -> str | None:
    for key, value in metadata.get("labels", {}).items():
        if not isinstance(value, str) or len(value) > 63 or not _LABEL_VALUE.fullmatch(value):
            return (
                f'{kind.kind} "{name}" is invalid: metadata.labels: Invalid value: "{value}" of {key}: must be at '
                "most 63 characters of letters, digits, - _ . and begin and end with a letter or "
                "digit"
            )
    for key, value in metadata.get("annotations", {}).items():
        if not isinstance(value, str):
            return f'{kind.kind} "{name}": metadata.annotations.{key}: expected string, got {value!r}: quote it'
    return None

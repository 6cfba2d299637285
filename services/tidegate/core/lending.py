"""What an adopted InferenceService would lend to the revisions that come after it.

In Knative mode they are written into the same object, and a server-side apply leaves what its owner
wrote and we do not say: the new model's code would run with the owner's ServiceAccount, Secrets and
nodes. In Standard mode they take over its ServiceAccount, the Secret of the object store, and its
nodes. So these are judged by the tenant's list, as if the caller had named them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tidegate.core.adopted_runtime import toleration
from tidegate.core.adopting import Found
from tidegate.core.allowed import Allowed, check_account, check_nodes, check_one
from tidegate.core.drivers.predictor import STORAGE_SECRET
from tidegate.core.errors import Problem, step
from tidegate.core.intent import EndpointKey, Mode, Pods

_AT = "/spec/predictor"
# Core/v1: env, envFrom, volumes
_REFERENCES = (
    "secretKeyRef",
    "secretRef",
    "secret",
    "nodePublishSecretRef",
)


def check_lent(key: EndpointKey, existing: Found, allowed: Allowed) -> tuple[Problem, ...]:
    """Everything that later revisions would run with and the tenant may not name; pointers are into
    the InferenceService."""
    reachable_intent = (
        f"or remove it from InferenceService {key}, whose later revisions would run with it"
    )
    return tuple(
        _also(problem, reachable_intent) for problem in _judged(key.namespace, existing, allowed)
    )


def _also(problem: Problem, reachable_intent: str) -> Problem:
    remediation = replace(
        problem.remediation, text=f"{problem.remediation.text}, {reachable_intent}"
    )
    return replace(problem, remediation=remediation)


def _judged(namespace: str, existing: Found, allowed: Allowed) -> Iterator[Problem]:
    predictor = existing.adopted.predictor
    # The second: Kubernetes' old word for the first
    for name in (
        "serviceAccountName",
        "serviceAccount",
    ):
        yield from check_account(
            namespace, f"{_AT}/{name}", predictor.get(name), allowed.service_accounts
        )
    for field, value in _secrets(existing):
        yield from check_one(namespace, field, "Secret", value, allowed.secrets)
    tolerations = tuple(map(toleration, predictor.get("tolerations") or ()))
    selector = tuple((predictor.get("nodeSelector") or {}).items())
    yield from check_nodes(
        namespace, _AT, Pods(node_selector=selector, tolerations=tolerations), allowed
    )


def _secrets(existing: Found) -> Iterator[tuple[str, str | None]]:
    """(where, name) of every Secret."""
    predictor = existing.adopted.predictor
    annotation = step(STORAGE_SECRET)
    yield f"/metadata/annotations/{annotation}", existing.storage_secret
    yield (
        f"{_AT}/annotations/{annotation}",
        (predictor.get("annotations") or {}).get(STORAGE_SECRET),
    )
    if existing.mode is Mode.STANDARD:
        return  # of others nothing is taken over
    for index, image_pull_secret in enumerate(predictor.get("imagePullSecrets") or ()):
        yield f"{_AT}/imagePullSecrets/{index}", image_pull_secret.get("name")
    yield from _references(_AT, predictor)


def _references(at: str, value: Any) -> Iterator[tuple[str, str | None]]:
    """Wherever they stand: also in containers beside the model's, and in volumes."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name in _REFERENCES and isinstance(inner, Mapping):
                yield f"{at}/{name}", inner.get("name") or inner.get("secretName")
            yield from _references(f"{at}/{step(name)}", inner)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _references(f"{at}/{index}", inner)

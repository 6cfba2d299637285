"""What pods ask for, in the names of ResourceQuota, and of which nodes."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from tidegate.core.intent import Toleration
from tidegate.core.ports import Manifest, Snapshot
from tidegate.deploy_worker.preflight.places import Amounts, Place
from tidegate.deploy_worker.preflight.site import Pod


def amounts(manifest: Mapping[str, Any], prefix: str = "") -> dict[str, Decimal]:
    """Quantities as numbers, cores and bytes."""
    return {f"{prefix}{name}": _number(str(value)) for name, value in manifest.items()}


def _number(text: str) -> Decimal:
    return Decimal(parse_quantity(text))  # type: ignore[no-untyped-call]


def pod_of(spec: Mapping[str, Any], *, admitted: bool) -> Pod:
    """A pod by its spec. admitted: it went through the cluster's admission as it stands here."""
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    tolerations = tuple(_toleration(toleration) for toleration in spec.get("tolerations") or ())
    return Pod(
        pod_asks(spec), Place(spec.get("nodeSelector") or {}, tolerations, bool(required), admitted)
    )


def _toleration(manifest: Mapping[str, Any]) -> Toleration:
    key, operator, value, effect = (
        manifest.get(name) or "" for name in ("key", "operator", "value", "effect")
    )
    return Toleration(key, operator or "Equal", value, effect, manifest.get("tolerationSeconds"))


def pod_asks(spec: Mapping[str, Any]) -> Amounts:
    """Of one pod by its spec: the sum over the containers that stay, or what its largest init
    container needs beside the sidecars before it where that is more; and its overhead (Kubernetes,
    "Sidecar Containers")."""
    stays: dict[str, Decimal] = {}
    most: dict[str, Decimal] = {}
    for container in spec.get("initContainers") or ():
        together = added(stays, _asks(container))
        most = _most(most, together)
        if container.get("restartPolicy") == "Always":
            stays = together
    for container in spec.get("containers") or ():
        stays = added(stays, _asks(container))
    overhead = amounts(spec.get("overhead") or {}, "requests.")
    return {"pods": Decimal(1)} | added(_most(most, stays), overhead)


def added(first: Amounts, other: Amounts) -> dict[str, Decimal]:
    """The sum of both."""
    return {
        name: first.get(name, Decimal()) + other.get(name, Decimal()) for name in {**first, **other}
    }


def _most(first: Amounts, other: Amounts) -> dict[str, Decimal]:
    return {
        name: max(first.get(name, Decimal()), other.get(name, Decimal()))
        for name in {**first, **other}
    }


def _asks(container: Mapping[str, Any]) -> dict[str, Decimal]:
    resources = container.get("resources") or {}
    limits = amounts(resources.get("limits") or {})
    # A request that is left out is the limit
    requests = limits | amounts(resources.get("requests") or {})
    request = {f"requests.{name}": value for name, value in requests.items()}
    return request | {f"limits.{name}": value for name, value in limits.items() if "/" not in name}


def ended(pod: Manifest) -> bool:
    """Whether it takes nothing any more."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def present_of(snapshot: Snapshot) -> Amounts:
    """What an endpoint's pods take now: those that have not ended."""
    total: dict[str, Decimal] = {}
    for pod in snapshot.all("Pod"):
        if not ended(pod):
            total = added(total, pod_asks(pod.get("spec") or {}))
    return total

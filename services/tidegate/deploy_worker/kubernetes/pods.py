"""What pods ask for, in the names of ResourceQuota."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from tidegate.core.ports import Snapshot
from tidegate.deploy_worker.preflight.site import Amounts


def amounts(found: Mapping[str, Any], prefix: str = "") -> dict[str, Decimal]:
    """Quantities as numbers, cores and bytes."""
    return {f"{prefix}{name}": _number(str(value)) for name, value in found.items()}


def _number(text: str) -> Decimal:
    return Decimal(parse_quantity(text))  # type: ignore[no-untyped-call]


def pod_asks(spec: Mapping[str, Any]) -> Amounts:
    """Of one pod by its spec: the sum over its containers, or its largest init container where that is more."""
    total: dict[str, Decimal] = {"pods": Decimal(1)}
    for container in spec.get("containers") or ():
        for name, value in _asks(container).items():
            total[name] = total.get(name, Decimal()) + value
    for container in spec.get("initContainers") or ():
        for name, value in _asks(container).items():
            total[name] = max(total.get(name, Decimal()), value)
    return total


def _asks(container: Mapping[str, Any]) -> dict[str, Decimal]:
    resources = container.get("resources") or {}
    limits = amounts(resources.get("limits") or {})
    requests = limits | amounts(resources.get("requests") or {})  # a request that is left out is the limit
    asked = {f"requests.{name}": value for name, value in requests.items()}
    return asked | {f"limits.{name}": value for name, value in limits.items() if "/" not in name}


def present_of(snapshot: Snapshot) -> Amounts:
    """What an endpoint's pods take now: those that have not ended."""
    total: dict[str, Decimal] = {}
    for pod in snapshot.all("Pod"):
        if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            continue
        for name, value in pod_asks(pod.get("spec") or {}).items():
            total[name] = total.get(name, Decimal()) + value
    return total

"""A tenant's quotas for people: what is used of each, at the last reconcile."""

from collections.abc import Mapping
from typing import Any

from tidegate.core.ports import Fact, State, Unavailable
from tidegate.deploy_worker.kubernetes.api import Api


def told(api: Api, namespace: str, timeout: float) -> Fact:
    """One line: `small: requests.cpu 1 of 3, requests.nvidia.com/gpu 0 of 8`."""
    name = f"quota {namespace}"
    answer = api.call("GET", f"/api/v1/namespaces/{namespace}/resourcequotas", timeout=timeout)
    if isinstance(answer, Unavailable):
        return Fact(name, State.UNCHECKED, answer.detail)
    if not answer.ok:
        return Fact(
            name,
            State.UNCHECKED,
            answer.words,
            "bind the ClusterRole tidegate-tenant of this version",
        )
    message = "; ".join(_quota(item) for item in answer.body.get("items") or ())
    return Fact(name, State.OK, message or "none: nothing limits this tenant")


def _quota(item: Mapping[str, Any]) -> str:
    status = item.get("status") or {}
    used = status.get("used") or {}
    hard = status.get("hard") or item["spec"].get("hard") or {}
    lines = ", ".join(
        f"{what} {used.get(what, '0')} of {most}" for what, most in sorted(hard.items())
    )
    return f"{item['metadata']['name']}: {lines}"

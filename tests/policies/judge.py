"""The ValidatingPolicies of `policies/`, judged by a real CEL engine, without Kyverno and without a
cluster.

It follows the order of Kyverno 1.19 (pkg/cel/policies/vpol): match constraints, match conditions
(also the API server's), then the validations one by one; the first that is false gives the message.
That Kyverno itself says the same is held by test_kyverno_cli.py and, on the real admission
controller, by tests/cluster/test_guardrails.py.
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from cel_expr_python import cel
from cel_expr_python.ext import ext_optional, ext_strings

POLICIES = Path(__file__).parents[2] / "policies"
_INPUTS = ("object", "oldObject", "namespaceObject", "request")
_PLURALS = {
    "InferenceService": "inferenceservices",
    "ServingRuntime": "servingruntimes",
    "ClusterServingRuntime": "clusterservingruntimes",
    "HTTPRoute": "httproutes",
    "GRPCRoute": "grpcroutes",
    "Service": "services",
    "ConfigMap": "configmaps",
}
TENANT = {
    "metadata": {"name": "team", "labels": {"tidegate.dev/tenant": "true"}},
    "status": {"phase": "Active"},
}
Object = dict[str, Any]


@dataclass(frozen=True)
class Write:
    """What the API server would ask about."""

    new: Object | None
    old: Object | None = None
    user: str = "ann"
    groups: tuple[str, ...] = ("system:authenticated",)
    namespace: Object = field(default_factory=lambda: TENANT)

    @property
    def operation(self) -> str:
        if self.old is None:
            return "CREATE"
        if self.new is None:
            return "DELETE"
        return "UPDATE"


class Judge:
    """One policy."""

    def __init__(self, name: str) -> None:
        (self.spec,) = (
            document["spec"]
            for document in documents(name)
            if document["kind"] == "ValidatingPolicy"
        )
        self._names = [variable["name"] for variable in self.spec.get("variables", [])]
        types = dict.fromkeys((*_INPUTS, "variables"), cel.Type.DYN)
        self._compiled: dict[str, Any] = {}
        self._env = cel.NewEnv(
            variables=types, extensions=[ext_optional.ExtOptional(), ext_strings.ExtStrings()]
        )

    def __call__(self, write: Write) -> str | None:
        """The reason of the refusal; None where it is admitted, or none of this policy's
        business."""
        if not self._concerns(write):
            return None
        conditions = [
            match_condition["expression"]
            for match_condition in self.spec.get("matchConditions", [])
        ]
        data = self._data(write, missing={})
        if not all(self._value(condition, data) for condition in conditions):
            return None
        assert all(
            self._value(condition, self._data(write, missing=None)) for condition in conditions
        ), "for the API server too"
        known: dict[str, Any] = {}
        for variable in self.spec.get("variables", []):  # in order: each may use those before it
            known[variable["name"]] = self._value(
                variable["expression"], {**data, "variables": known}
            )
        data["variables"] = known
        for validation in self.spec["validations"]:
            if not self._value(validation["expression"], data):
                return str(
                    validation.get("message") or self._value(validation["messageExpression"], data)
                )
        return None

    def _concerns(self, write: Write) -> bool:
        constraints = self.spec["matchConstraints"]
        labels = write.namespace["metadata"].get("labels") or {}
        desired = constraints["namespaceSelector"]["matchLabels"]
        if not desired.items() <= labels.items():
            return False
        marks = constraints.get("objectSelector", {}).get("matchLabels", {})
        seen = [manifest for manifest in (write.new, write.old) if manifest is not None]
        if not any(
            marks.items() <= (manifest["metadata"].get("labels") or {}).items() for manifest in seen
        ):
            return False
        plural = _PLURALS[seen[0]["kind"]]
        rules = constraints["resourceRules"]
        return any(
            plural in rule["resources"] and write.operation in rule["operations"] for rule in rules
        )

    def _data(self, write: Write, missing: Object | None) -> dict[str, Any]:
        """missing: what stands for an object that there is none of: nothing in Kyverno, null in the
        API server."""
        user = {"username": write.user, "groups": list(write.groups)}
        request = {"operation": write.operation, "userInfo": user}
        return {
            "object": missing if write.new is None else write.new,
            "oldObject": missing if write.old is None else write.old,
            "namespaceObject": write.namespace,
            "request": request,
        }

    def _value(self, expression: str, data: dict[str, Any]) -> Any:
        if expression not in self._compiled:
            self._compiled[expression] = self._env.compile(expression)
        result = self._compiled[expression].eval(data=data)
        assert result.type() != cel.Type.ERROR, f"{expression}: {result.value()}"
        return result.plain_value()


def documents(name: str) -> list[Object]:
    """Every object in the policy's own folder."""
    files = sorted((POLICIES / name).glob("*.yaml"))
    return [item for file in files for item in yaml.safe_load_all(file.read_text()) if item]


def names() -> list[str]:
    """Every policy there is."""
    return sorted(path.name for path in POLICIES.iterdir() if path.is_dir())


@cache
def judge(name: str) -> Judge:
    """One of them, compiled once for all tests."""
    return Judge(name)

"""Triton's access restriction: groups of calls that need a token, and how the token gets there
unseen.

Triton compares one header with the value in its arguments. The arguments name an environment
variable, which the kubelet fills from the Secret when it starts the container: the token is in no
object of ours, and Tidegate never reads it. A container keeps the token it began with, so another
token is another revision: see docs/access-restriction.md.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tidegate.core.errors import Problem, Remediation
from tidegate.core.intent import Restriction, Runtime
from tidegate.core.triton.servers import FORMAT, KSERVE_TRITON, runs_triton

# In the order of Triton's own documentation (docs/customization_guide/inference_protocols.md, limit
# endpoint access).
GROUPS = (
    "health",
    "metadata",
    "inference",
    "shared-memory",
    "model-config",
    "model-repository",
    "statistics",
    "trace",
    "logging",
)
# No client of a model needs these
USUAL = (
    "shared-memory",
    "model-repository",
    "statistics",
    "trace",
    "logging",
)

HTTP_HEADER = "triton-access-token"
GRPC_HEADER = f"triton-grpc-protocol-{HTTP_HEADER}"  # Triton puts the first part before it
VARIABLE = "TRITON_ACCESS_TOKEN"
FLAGS = ("--http-restricted-api=", "--grpc-restricted-protocol=")
_WRITTEN = re.compile(
    rf"(?:{'|'.join(FLAGS)})([a-z,-]+):{HTTP_HEADER}=\$\(([A-Za-z_][A-Za-z0-9_]*)\)"
)


def restricted(groups: Iterable[str], secret: str, key: str) -> Restriction | None:
    """Each group once, in one order, so that the same wish is the same revision; None without a
    group."""
    requests = frozenset(groups)
    named = tuple(group for group in GROUPS if group in requests)
    if not named:
        return None
    return Restriction(named, secret, key)


def arguments(restriction: Restriction) -> list[str]:
    """Triton's flags, for HTTP and gRPC alike; Kubernetes expands the variable in a container's
    arguments."""
    return [f"{flag}{','.join(restriction.groups)}:{HTTP_HEADER}=$({VARIABLE})" for flag in FLAGS]


def environment(restriction: Restriction) -> list[dict[str, Any]]:
    """The container's variables. Not optional: without its Secret the container does not start."""
    reference = {"name": restriction.secret, "key": restriction.key}
    return [{"name": VARIABLE, "valueFrom": {"secretKeyRef": reference}}]


def written(model: Mapping[str, Any]) -> Restriction | None:
    """What the `spec.predictor.model` of somebody else restricts, where it does so in our form:
    both protocols alike, and the token by a variable from a Secret."""
    variables = {
        item["name"]: (item.get("valueFrom") or {}).get("secretKeyRef")
        for item in model.get("env") or ()
    }
    args = flagged(model)
    messages = {match.groups() if (match := _WRITTEN.fullmatch(arg)) else None for arg in args}
    each_once = sorted(arg.partition("=")[0] + "=" for arg in args) == sorted(FLAGS)
    if not each_once or len(messages) != 1 or (item := messages.pop()) is None:
        return None
    groups, variable = item
    reference = variables.get(variable)
    if not reference:
        return None
    return restricted(groups.split(","), reference["name"], reference["key"])


def flagged(model: Mapping[str, Any]) -> tuple[str, ...]:
    """The arguments of such a model that restrict something, in whatever form."""
    return tuple(arg for arg in model.get("args") or () if arg.startswith(FLAGS))


def closed_groups(item: Mapping[str, Any]) -> frozenset[str]:
    """The groups of HTTP calls that a pod, or an InferenceService, restricts by its own
    arguments."""
    spec = item.get("spec") or {}
    predictor = (spec.get("predictor") or {}).get("model") or {}
    closed: set[str] = set()
    for container in (*(spec.get("containers") or ()), predictor):
        for argument in flagged(container):
            if argument.startswith(FLAGS[0]):
                groups = argument.removeprefix(FLAGS[0]).partition(":")[0]
                closed.update(groups.split(","))
    return frozenset(closed)


def check(runtime: Runtime) -> Iterator[Problem]:
    """What is wrong with a runtime's restriction."""
    if runtime.security is None:
        return
    if not runs_triton(runtime):
        yield Problem(
            "/runtime_config/security",
            f"restricts calls of Triton, and runtime {runtime.name!r} is not known as one: "
            f"its model format is {runtime.model_format!r}",
            Remediation(
                f"use {KSERVE_TRITON}, name model format {FORMAT!r} if your own runtime is Triton, "
                "or open all with an empty list of groups",
                "runtime_config.modelFormat",
            ),
        )
    if "health" in runtime.security.groups:
        yield Problem(
            "/runtime_config/security/groups",
            "'health' is refused: the kubelet's readiness probe asks it and can carry no secret, "
            "so no pod would be ready",
            Remediation("leave it out"),
        )


def warnings(restriction: Restriction) -> Iterator[str]:
    """What a restriction takes away from clients, and from Tidegate, which has no token."""
    if "inference" in restriction.groups:
        yield (
            f"inference is protected: clients must send {HTTP_HEADER} (gRPC: {GRPC_HEADER}); over "
            "gRPC Triton refuses "
            "with UNAVAILABLE, which counts as an error of the revision"
        )
    closed = [group for group in ("metadata", "inference") if group in restriction.groups]
    if closed:
        yield (
            f"{' and '.join(closed)} protected: new pods cannot be warmed up by the worker; give "
            "the model "
            "model_warmup in config.pbtxt"
        )

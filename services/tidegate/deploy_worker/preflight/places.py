"""Where Kubernetes may place a pod: nodes that its selector matches and whose taints it tolerates.

The scheduler's own rule (Kubernetes, "Taints and Tolerations" and "Assigning Pods to Nodes"),
without the operators Lt and Gt, which are off by default. Required node affinity is not compared; a
place tells that it has one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from tidegate.core.intent import Toleration

Amounts = Mapping[str, Decimal]
STOPS = ("NoSchedule", "NoExecute")  # PreferNoSchedule is a wish
CORDON = "node.kubernetes.io/unschedulable"
# Kubernetes puts these on a node, and takes them off again, as its state changes: not a reason for
# "never".
PASSING = frozenset(
    f"node.kubernetes.io/{state}"
    for state in (
        "not-ready",
        "unreachable",
        "memory-pressure",
        "disk-pressure",
        "pid-pressure",
        "network-unavailable",
    )
)
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Taint:
    """What a node has against pods (Kubernetes core/v1)."""

    key: str
    value: str = ""
    effect: str = "NoSchedule"

    def __str__(self) -> str:
        """As kubectl writes it: `dedicated=batch:NoSchedule`."""
        if self.value:
            return f"{self.key}={self.value}:{self.effect}"
        return f"{self.key}:{self.effect}"


@dataclass(frozen=True, slots=True)
class Node:
    """offers: to pods, by plain names (cpu, memory, nvidia.com/gpu)."""

    name: str
    offers: Amounts
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """What a pod asks of its node. affinity: it also requires an affinity, which nobody compares.
    admitted: read off a pod that went through the cluster's admission, which may add selectors and
    tolerations; else as it was written."""

    selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    affinity: bool = False
    admitted: bool = True


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Whether one toleration covers one taint: an empty key or effect covers every one."""
    if toleration.effect not in ("", taint.effect) or toleration.key not in ("", taint.key):
        return False
    if toleration.operator == "Exists":
        return True
    return toleration.operator in ("", "Equal") and toleration.value == taint.value


def barriers(place: Place, node: Node, passing: bool = False) -> tuple[str, ...]:
    """Why a pod may not be placed on a node, () where it may. passing: also for what passes by
    itself."""
    missed = (
        f"{key}={value}"
        for key, value in sorted(place.selector.items())
        if node.labels.get(key) != value
    )
    messages = tuple(f"node selector {item} does not match" for item in missed)
    taints = (
        taint
        for taint in node.taints
        if taint.effect in STOPS and (passing or taint.key not in PASSING)
    )
    bare = (
        taint for taint in taints if not any(tolerates(each, taint) for each in place.tolerations)
    )
    return messages + tuple(f"taint {taint} is not tolerated" for taint in bare)


def open_to(place: Place, nodes: Iterable[Node], passing: bool = False) -> tuple[Node, ...]:
    """The nodes that a pod may be placed on."""
    return tuple(node for node in nodes if not barriers(place, node, passing))


def explain(place: Place, nodes: Sequence[Node], passing: bool = False) -> str:
    """For a person: what keeps a pod from which of these nodes."""
    result: dict[str, list[str]] = {}
    for node in nodes:
        for message in barriers(place, node, passing):
            result.setdefault(message, []).append(node.name)
    return ", ".join(f"{message} ({_few(names)})" for message, names in result.items())


def _few(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")

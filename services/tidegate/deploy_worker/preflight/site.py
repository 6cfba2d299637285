"""What preflight asks of a place beyond `Cluster`: who may work there, how much room there is, what KServe would make,
and whether somebody counts. Kubernetes answers all of it (kubernetes/site.py), the local plane has none of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from tidegate.core.intent import EndpointKey, Mode, Runtime
from tidegate.core.ports import Manifest, Snapshot
from tidegate.core.preflight import Finding

Amounts = Mapping[str, Decimal]  # by resource, as ResourceQuota names them: requests.cpu, limits.memory, pods


@dataclass(frozen=True, slots=True)
class Quota:
    """One ResourceQuota that counts every pod of the namespace."""

    name: str
    hard: Amounts
    used: Amounts


@dataclass(frozen=True, slots=True)
class Budget:
    """How much room a tenant has. nodes: what each node offers to pods, by plain names (cpu, memory,
    nvidia.com/gpu). present: what the endpoint's pods take now, which quotas count as used. grows: nodes come when pods
    wait for them, so theirs is no limit. unread: what could not be read, and why."""

    quotas: tuple[Quota, ...] = ()
    nodes: tuple[Amounts, ...] = ()
    present: Amounts = field(default_factory=dict)
    grows: bool = False
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """What KServe would make of an InferenceService. pod: what one of its pods asks for, None where that is unknown.
    checked: of its objects, how many went through the cluster's admission."""

    pod: Amounts | None = None
    findings: tuple[Finding, ...] = ()
    checked: int = 0


class Site(Protocol):
    """See the module."""

    def denied(self, namespace: str) -> str | None:
        """Why Tidegate may not work in a namespace, with the way out; None: it may, or nobody knows yet."""

    def budget(self, snapshot: Snapshot) -> Budget | None:
        """Room for an endpoint now; None: nothing limits it here."""

    def made_of(self, isvc: Manifest, runtime: Runtime, snapshot: Snapshot) -> Made:
        """What would be made of an InferenceService, or was."""

    def evidence(self, key: EndpointKey, mode: Mode, runtime: Runtime) -> tuple[str, ...]:
        """Why gates could not decide about an endpoint that runs this; () where they can."""


class Anywhere:
    """A place that limits nothing, makes nothing that needs a check, and counts: the local plane."""

    def denied(self, namespace: str) -> str | None:
        """Nobody is."""
        return None

    def budget(self, snapshot: Snapshot) -> Budget | None:
        """No limit."""
        return None

    def made_of(self, isvc: Manifest, runtime: Runtime, snapshot: Snapshot) -> Made:
        """Nothing to check."""
        return Made()

    def evidence(self, key: EndpointKey, mode: Mode, runtime: Runtime) -> tuple[str, ...]:
        """It counts."""
        return ()

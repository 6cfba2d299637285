"""What preflight asks of a place beyond `Cluster`: who may work there, how much capacity there is,
what KServe would make, and whether somebody counts. Kubernetes answers all of it
(kubernetes/site.py), the local plane has none of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tidegate.core import intent
from tidegate.core.intent import EndpointKey, Mode, Runtime
from tidegate.core.ports import Manifest, Snapshot
from tidegate.core.preflight import Finding
from tidegate.deploy_worker.meters.flows import STREAMS
from tidegate.deploy_worker.preflight.places import Amounts, Node, Place


@dataclass(frozen=True, slots=True)
class Quota:
    """One ResourceQuota that counts every pod of the namespace."""

    name: str
    hard: Amounts
    used: Amounts


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod. asks: in the names of ResourceQuota (requests.cpu, limits.memory, pods)."""

    asks: Amounts
    place: Place = field(default_factory=Place)


@dataclass(frozen=True, slots=True)
class Placed:
    """A pod of the endpoint that is on a node. number: of its revision; an adopted one's tell none,
    and it is 0. takes: by plain names."""

    number: int
    node: str
    takes: Amounts


@dataclass(frozen=True, slots=True)
class Budget:
    """How much capacity a tenant has. present: what the endpoint's pods take now, which quotas
    count as used. grows: nodes come when pods wait for them, so theirs is no limit. unread: what
    could not be read, and why. own: the endpoint's pods on nodes. others: what everybody else's
    take, by node and plain names; None where that is not known."""

    quotas: tuple[Quota, ...] = ()
    nodes: tuple[Node, ...] = ()
    present: Amounts = field(default_factory=dict)
    grows: bool = False
    unread: tuple[str, ...] = ()
    own: tuple[Placed, ...] = ()
    others: Mapping[str, Amounts] | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """What KServe would make of an InferenceService. pod: one of its pods, None where that is
    unknown. checked: of its objects, how many went through the cluster's admission."""

    pod: Pod | None = None
    findings: tuple[Finding, ...] = ()
    checked: int = 0


class Site(Protocol):
    """See the module."""

    def denied(self, namespace: str) -> str | None:
        """Why Tidegate may not work in a namespace, with the way out; None: it may, or nobody knows
        yet."""

    def budget(self, snapshot: Snapshot) -> Budget | None:
        """Capacity for an endpoint now; None: nothing limits it here."""

    def made_of(self, isvc: Manifest, runtime: Runtime, snapshot: Snapshot) -> Made:
        """What would be made of an InferenceService, or was."""

    def evidence(self, key: EndpointKey, mode: Mode, runtime: Runtime) -> tuple[str, ...]:
        """Why gates could not decide about an endpoint that runs this; () where they can."""

    def untold(self, mode: Mode, runtime: Runtime) -> tuple[str, ...]:
        """Which requests without an answer the proxy does not count; () where it counts all."""


class Anywhere:
    """A place that limits nothing, makes nothing that needs a check, and counts: the local
    plane."""

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

    def untold(self, mode: Mode, runtime: Runtime) -> tuple[str, ...]:
        """Envoy counts all but those of streams."""
        if runtime.protocol is intent.Protocol.GRPC_V2:
            return (STREAMS,)
        return ()

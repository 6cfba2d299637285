"""What a reconcile works with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tidegate.core.allowed import EVERYTHING, Allowed
from tidegate.core.drivers.rendering import Platform
from tidegate.core.intent import EndpointKey
from tidegate.core.observation import FailingContainer, LogLines
from tidegate.core.ports import Capabilities, Cluster, Meter, Registry, Resolved, Unresolved
from tidegate.core.shown_address import shown_address
from tidegate.deploy_worker.contracts import Contracts
from tidegate.deploy_worker.own.source import NoSource, OwnSource
from tidegate.deploy_worker.preflight.site import Anywhere, Site
from tidegate.deploy_worker.rereading import Rereading
from tidegate.deploy_worker.warm_up import WarmUps, trusting
from tidegate.store import Store

Logs = Callable[[str, Sequence[FailingContainer]], LogLines]  # of a namespace's pods


class Trusting:
    """A registry for tests and for stores that cannot be read from here: nothing is known of any
    URI."""

    def resolve(self, uri: str) -> Resolved | Unresolved:
        """Nothing can be said."""
        return Unresolved(f"{shown_address(uri)} cannot be read from the worker")


@dataclass(frozen=True, slots=True)
class Pace:
    """interval: seconds between reconciles of a running rollout. write_s: the longest that one
    write to the cluster may take, seconds; a lease that would end before is made longer first.
    load: seconds between two measurements of an endpoint's requests outside of rollouts; 0:
    none."""

    interval: float = 5.0
    write_s: float = 0.0
    load: float = 0.0


@dataclass(frozen=True, slots=True)
class Sources:
    """Who answers what the cluster's objects do not show.

    allowed: what a tenant without a list of its own may name. registry: where the bytes of a
    mutable model are checked before each step. rereading: how the registry is asked, beside the
    reconciles. contracts: how a candidate's models compare with stable's, before it gets a share;
    None: nobody asks. warm_up: the ready pods that have not answered yet, of revisions without a
    share. logs: the last lines of containers' logs; None: nobody reads them. own: people's own
    metrics.
    """

    allowed: Allowed = EVERYTHING
    registry: Registry = field(default_factory=Trusting)
    rereading: Rereading = field(default_factory=Rereading)
    contracts: Contracts | None = None
    warm_up: WarmUps = trusting
    logs: Logs | None = None
    own: OwnSource = field(default_factory=lambda: NoSource("no metric source is configured"))


@dataclass(frozen=True, slots=True)
class Parts:
    """site: what preflight asks of the place, beyond the cluster's objects. explain: what is known
    of a revision's bad answers, for people; it decides nothing."""

    store: Store
    cluster: Cluster
    meter: Meter
    platform: Callable[[str], Platform]  # of a store's UUID
    capabilities: Callable[[], Capabilities]
    pace: Pace = Pace()
    sources: Sources = field(default_factory=Sources)
    site: Site = field(default_factory=Anywhere)
    explain: Callable[[EndpointKey, int], Sequence[str]] = lambda _key, _revision: ()


class LeaseLost(Exception):  # noqa: N818  (it ends a reconcile, it is not a fault)
    """Somebody else may act on this endpoint now: write nothing more."""


class Overtaken(Exception):  # noqa: N818
    """Somebody has asked for something else since the reconcile began: look again before anything
    is written."""

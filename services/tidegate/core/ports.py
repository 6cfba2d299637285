"""The ports to the outside, Cluster, Meter and Registry, and their closed result values.

Expected outcomes are values, never exceptions: a caller matches on them and mypy sees that none is
forgotten.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from tidegate.core.evidence import Scrape
from tidegate.core.intent import EndpointKey

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every object of one endpoint: those labelled `tidegate.dev/endpoint=<name>` in its namespace,
    and any object that holds one of its names without our label. Objects are plain Kubernetes JSON.
    `at`: epoch seconds by the cluster's clock."""

    key: EndpointKey
    objects: tuple[Manifest, ...]
    at: float = 0.0

    def get(self, kind: str, name: str) -> Manifest | None:
        """The object with this kind and name."""
        return next(
            (o for o in self.objects if o["kind"] == kind and o["metadata"]["name"] == name), None
        )

    def all(self, kind: str) -> tuple[Manifest, ...]:
        """Every object of this kind."""
        return tuple(o for o in self.objects if o["kind"] == kind)


@dataclass(frozen=True, slots=True)
class Apply:
    """Server-side apply of a full object. `uid`: of the object that was seen, None when there was
    none; a mismatch is a Conflict. `message`: for the log. `adopts`: the object with this uid
    carries no label of ours yet and is taken over by this very write."""

    manifest: Manifest
    uid: str | None
    message: str
    adopts: bool = False


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete one object, only while its uid is still this one."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str
    message: str


Write = Apply | Remove


@dataclass(frozen=True, slots=True)
class Done:
    """The write took effect (or would, in a dry run). Removing what is already gone is Done."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """The object is not the one that was seen. Look again."""

    detail: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The API server, a webhook or a policy said no, in its own words. path: the field, where it
    named one."""

    detail: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Nobody answered; the write may or may not have happened. lasting: nothing will until a person
    does something, which wakes the endpoint by itself."""

    detail: str
    lasting: bool = False


WriteResult = Done | Conflict | Refused | Unavailable


class State(StrEnum):
    """How a part of an installation is."""

    OK = "ok"
    MISSING = "missing"
    UNCHECKED = "not checked"  # nobody may look


@dataclass(frozen=True, slots=True)
class Fact:
    """One part of an installation. needed: without it Tidegate cannot do its main job. way_out:
    what to do about it."""

    name: str
    state: State
    detail: str
    way_out: str = ""
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What this cluster can do; asked before anything moves.

    new_names: KServe ≥ 0.16 writes Standard/Knative. autoscaler: replicas move between min and max.
    copies: why the answers to mirrored requests cannot be counted, "" where they can.
    knative_placement: Knative lets pods have node selectors and tolerations. facts: the same for
    people, with more.
    """

    standard: bool = True
    knative: bool = True
    new_names: bool = True
    gateway: bool = True
    header_match: bool = True
    mirror: bool = True
    keda: bool = True
    autoscaler: bool = True
    gpu: bool = True
    knative_placement: bool = True
    schemes: tuple[str, ...] = ("s3", "gs", "pvc", "hf", "oci", "https", "http")
    notes: tuple[str, ...] = ()
    copies: str = ""
    facts: tuple[Fact, ...] = ()


class Cluster(Protocol):
    """Where intents become real: Kubernetes, or the local plane."""

    def observe(self, key: EndpointKey) -> Snapshot | Unavailable:
        """One consistent observation of everything of an endpoint."""

    def write(self, write: Write, *, dry_run: bool = False) -> WriteResult:
        """One write. Never raises for an expected outcome."""

    def watch(self, wake: Callable[[EndpointKey], None]) -> Callable[[], None]:
        """Call `wake` (from another thread) for each endpoint whose objects changed. Returns the
        stopper."""

    def capabilities(self) -> Capabilities | Unavailable:
        """What can be done here."""


@dataclass(frozen=True, slots=True)
class NoData:
    """The meter could not answer; says why."""

    detail: str


class Meter(Protocol):
    """Per-revision counts from the data plane."""

    def scrape(self, key: EndpointKey) -> Scrape | NoData:
        """Cumulative counters of every revision, read at one time."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A model version as the object store holds it."""

    uri: str
    digest: str
    mutable: bool


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Why a model version cannot be served, for a person."""

    detail: str


class Registry(Protocol):
    """Where model versions come from."""

    def resolve(self, uri: str) -> Resolved | Unresolved:
        """Check the layout below a URI and digest its bytes."""

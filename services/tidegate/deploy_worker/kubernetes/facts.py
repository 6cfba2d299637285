"""A cluster's capabilities for people: what is there, what is missing, what nobody may look at, and
the way out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tidegate.core.ports import Capabilities, Fact, State

_READER = "bind the reader role (deploy/k8s/rbac/clusterrole-reader.yaml)"


class About(StrEnum):
    """What a note is about, where a fact is made of it."""

    KSERVE_VERSION = "kserve-version"
    NO_GATEWAY = "no-gateway"
    HTTP_ROUTE_UNREAD = "http-route-unread"
    NODES_UNREAD = "nodes-unread"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Note:
    """One line about the cluster, for people."""

    text: str
    about: About = About.OTHER


def of_cluster(
    capabilities: Capabilities,
    notes: Sequence[Note],
    *,
    knative: bool,
    route: bool,
    resources: bool,
    counted: bool,
) -> tuple[Fact, ...]:
    """knative, route: the kinds are served. resources: the resource metrics API is. counted: a
    source is set."""
    return (
        _kserve(capabilities, notes),
        _fact("Knative Serving", knative, "knative mode", "install it for knative mode"),
        _fact(
            "Gateway API",
            route,
            "splits, header matches",
            "install it: without it no split in standard mode",
        ),
        _gateway(capabilities, notes, route=route),
        _mirrors(capabilities, notes),
        _fact("KEDA", capabilities.keda, "`keda: true`", "install it for `keda: true`"),
        _fact(
            "resource metrics",
            resources,
            "an autoscaler on CPU moves",
            "install metrics-server, or use KEDA",
        ),
        _gpus(capabilities, notes),
        _fact(
            "metric source",
            counted,
            "gates can decide",
            "set TIDEGATE_PROMETHEUS_URL: without it gates cannot decide",
            needed=True,
        ),
    )


def of_tenants(denied: Mapping[str, str | None]) -> Iterator[Fact]:
    """One for each labelled namespace; denied: by namespace, the server's refusal."""
    if not denied:
        way_out = (
            "label a namespace tidegate.dev/tenant=true and bind ClusterRole tidegate-tenant in it"
        )
        yield Fact("tenants", State.MISSING, "no namespace is labelled", way_out, needed=True)
    for namespace, message in denied.items():
        if message is None:
            yield Fact(f"tenant {namespace}", State.OK, "labelled and bound")
        else:
            way_out = "bind ClusterRole tidegate-tenant there (deploy/k8s/rbac/rolebinding-tenant.example.yaml)"
            yield Fact(f"tenant {namespace}", State.MISSING, f"not permitted: {message}", way_out)


def _fact(name: str, there: bool, good: str, way_out: str, *, needed: bool = False) -> Fact:
    if there:
        return Fact(name, State.OK, good, needed=needed)
    detail = "not set"
    if not needed:
        detail = "not there"
    return Fact(name, State.MISSING, detail, way_out, needed)


def _about(notes: Sequence[Note], about: About) -> str | None:
    return next((note.text for note in notes if note.about is about), None)


def _kserve(capabilities: Capabilities, notes: Sequence[Note]) -> Fact:
    if not capabilities.standard:
        return Fact(
            "KServe",
            State.MISSING,
            "no InferenceService",
            "install KServe: nothing can serve",
            needed=True,
        )
    version = _about(notes, About.KSERVE_VERSION)
    if version is None:
        return Fact("KServe", State.OK, "served; its version may not be read", _READER, needed=True)
    return Fact("KServe", State.OK, version, needed=True)


def _gateway(capabilities: Capabilities, notes: Sequence[Note], *, route: bool) -> Fact:
    missing = _about(notes, About.NO_GATEWAY) or ""
    if capabilities.gateway:
        return Fact("gateway", State.OK, "endpoints hang on it")
    way_out = "make it, or set TIDEGATE_GATEWAY_NAME and TIDEGATE_GATEWAY_NAMESPACE"
    return Fact(
        "gateway",
        State.MISSING,
        missing or "no Gateway API",
        way_out if route else "install the Gateway API",
    )


def _mirrors(capabilities: Capabilities, notes: Sequence[Note]) -> Fact:
    if capabilities.mirror:
        return Fact("mirroring", State.OK, "a percent of requests can be copied")
    if _about(notes, About.HTTP_ROUTE_UNREAD) is not None:
        return Fact(
            "mirroring", State.UNCHECKED, "the definition of HTTPRoute may not be read", _READER
        )
    return Fact(
        "mirroring",
        State.MISSING,
        "HTTPRoute knows no percent of copies",
        "a newer Gateway API, for shadow",
    )


def _gpus(capabilities: Capabilities, notes: Sequence[Note]) -> Fact:
    if _about(notes, About.NODES_UNREAD) is not None:
        return Fact("GPU", State.UNCHECKED, "nodes may not be read", _READER)
    return _fact(
        "GPU",
        capabilities.gpu,
        "a node offers nvidia.com/gpu",
        "add a GPU node, for models that ask for one",
    )

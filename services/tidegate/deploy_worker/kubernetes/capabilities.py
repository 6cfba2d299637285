"""What the cluster can do, asked of the API server now and then.

Kinds by discovery, which every ServiceAccount may read; details (the schema of HTTPRoute, KServe's
own config and version, nodes) where the reader role is bound. What could not be read becomes a
note, and the careful answer.
"""

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import structlog

from tidegate.core.ports import Capabilities, Fact, State, Unavailable
from tidegate.deploy_worker.kubernetes import facts, pod_logs, quotas
from tidegate.deploy_worker.kubernetes.api import Answer, Api
from tidegate.deploy_worker.kubernetes.facts import About, Note
from tidegate.deploy_worker.kubernetes.kinds import HTTP_ROUTE, ISVC, REVISION
from tidegate.deploy_worker.kubernetes.listing import Unread, pages
from tidegate.deploy_worker.kubernetes.reflector import Timing
from tidegate.deploy_worker.kubernetes.watched_tenants import Space

log = structlog.get_logger()
PERIOD_S = 300.0
AGAIN_S = 10.0
NEW_NAMES_SINCE = (0, 16)
GPU = "nvidia.com/gpu"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_NO_SPLIT = "the Gateway API is not installed (no HTTPRoute v1): standard mode serves one revision, without a split"
_NO_ROUTE = (
    "the Gateway API is not installed (no HTTPRoute v1), and a gateway is set: install it, or set "
    "TIDEGATE_GATEWAY_NAME to nothing, and standard mode serves one revision, without a split"
)
_TAG = re.compile(r":v?(\d+)\.(\d+)[^/]*$")
_MIRROR_PERCENT = ("filters", "items", "properties", "requestMirror", "properties", "percent")


class TenantList(Protocol):
    """Who the tenants are and whether their list may be believed."""

    def all(self) -> tuple[Space, ...]:
        """Every tenant."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the installation says of its cluster. gateway: namespace and name of the Gateway for
    endpoints, '' for none. metrics: whether a metric source is set. keda: whether KEDA has a
    Prometheus to ask."""

    kserve_namespace: str = "kserve"
    gateway_namespace: str = ""
    gateway_name: str = ""
    metrics: bool = False
    knative_namespace: str = "knative-serving"
    keda: bool = True


class _Unanswered(Exception):  # noqa: N818  (it ends one inquiry, and is caught where that began)
    """The API server did not answer: nothing is concluded from that."""


@dataclass(slots=True)
class _Asking:
    """One inquiry: asks, and collects notes."""

    api: Api
    timeout: float
    notes: list[Note]

    def note(self, text: str, about: About = About.OTHER) -> None:
        self.notes.append(Note(text, about))

    def get(self, path: str) -> Answer:
        answer = self.api.call("GET", path, timeout=self.timeout)
        if isinstance(answer, Unavailable):
            raise _Unanswered(answer.detail)
        if not answer.ok and answer.status not in (403, 404):
            raise _Unanswered(f"{path}: {answer.words}")
        return answer

    def read(self, path: str, what: str, unread: About = About.OTHER) -> Mapping[str, Any] | None:
        """An object that may be out of reach, which becomes a note; unread: what that is about."""
        answer = self.get(path)
        if answer.ok:
            return answer.body
        if answer.status == 404:
            self.note(f"{what} does not exist")
        else:
            self.note(f"{what} may not be read: {answer.words}", unread)
        return None

    def beside(self, root: str, plural: str) -> bool | None:
        """Whether the API has this kind, which nothing else depends on; None, and a note, where
        that is not answered, as by an aggregated API whose own server is down."""
        try:
            return self.serves(root, plural)
        except _Unanswered as error:
            self.note(f"not answered: {error}")
            return None

    def serves(self, root: str, plural: str) -> bool:
        """Whether the API has this kind."""
        answer = self.get(root)
        if answer.status == 403:
            self.note(f"discovery of {root} is not permitted: {answer.words}")
        return answer.ok and any(
            item.get("name") == plural for item in answer.body.get("resources") or ()
        )


def inquire(api: Api, expected: Expected, timeout: float = 5.0) -> Capabilities | Unavailable:
    """Ask everything once."""
    asking = _Asking(api, timeout, [])
    try:
        return _inquire(asking, expected)
    except _Unanswered as error:
        return Unavailable(str(error))


def _inquire(asking: _Asking, expected: Expected) -> Capabilities:
    notes = asking.notes
    isvc = asking.serves(ISVC.root, ISVC.plural)
    knative = asking.serves(REVISION.root, REVISION.plural)
    route = asking.serves(HTTP_ROUTE.root, HTTP_ROUTE.plural)
    keda = asking.beside("/apis/keda.sh/v1alpha1", "scaledobjects")
    metrics = asking.beside("/apis/metrics.k8s.io/v1beta1", "pods")
    missing = {
        "KServe is not installed (no InferenceService): nothing can serve": isvc,
        "Knative Serving is not installed: knative mode is not possible": knative,
        _NO_ROUTE if expected.gateway_name else _NO_SPLIT: route,
        "KEDA is not installed": keda is not False,
        "the resource metrics API is not served: an autoscaler on CPU does not move": bool(metrics),
        "no metric source is configured: set TIDEGATE_PROMETHEUS_URL": expected.metrics,
        "KEDA has no Prometheus to ask: set TIDEGATE_PROMETHEUS_URL or "
        "TIDEGATE_KEDA_PROMETHEUS_URL": expected.keda,
    }
    for text, there in missing.items():
        if not there:
            asking.note(text)
    capabilities = Capabilities(
        standard=isvc,
        knative=isvc and knative,
        new_names=_new_names(asking, expected) if isvc else True,
        gateway=route and _gateway(asking, expected),
        header_match=route,
        mirror=route and _mirrors(asking),
        keda=bool(keda) and expected.keda,
        autoscaler=bool(metrics or keda),
        gpu=_gpus(asking),
        knative_placement=not knative or _placement(asking, expected),
    )
    messages = facts.of_cluster(
        capabilities,
        notes,
        knative=knative,
        route=route,
        resources=bool(metrics),
        counted=expected.metrics,
    )
    return replace(capabilities, notes=tuple(note.text for note in notes), facts=messages)


def _gateway(asking: _Asking, expected: Expected) -> bool:
    if not expected.gateway_name:
        asking.note(
            "no gateway is set (TIDEGATE_GATEWAY_NAME): standard mode serves one revision, without "
            "a split",
            About.NO_GATEWAY,
        )
        return False
    name = f"{expected.gateway_namespace}/{expected.gateway_name}"
    group = HTTP_ROUTE.root
    answer = asking.get(
        f"{group}/namespaces/{expected.gateway_namespace}/gateways/{expected.gateway_name}"
    )
    if answer.status == 404:
        asking.note(f"Gateway {name} does not exist: routes will not be accepted", About.NO_GATEWAY)
    return answer.status != 404  # where it may not be read, the route's status will tell


def _mirrors(asking: _Asking) -> bool:
    """Whether RequestMirror knows a percent: an older schema drops it, and all requests would be
    copied."""
    path = f"{_CRDS}/httproutes.gateway.networking.k8s.io"
    crd = asking.read(path, "the definition of HTTPRoute", About.HTTP_ROUTE_UNREAD)
    versions = (crd or {}).get("spec", {}).get("versions", ())
    schema: Any = next((v.get("schema", {}) for v in versions if v["name"] == "v1"), {})
    rule = _down(
        schema,
        ("openAPIV3Schema", "properties", "spec", "properties", "rules", "items", "properties"),
    )
    present = _down(rule, _MIRROR_PERCENT) is not None
    if not present:
        asking.note(
            "mirroring a percent of requests is not known to HTTPRoute here: shadow is not possible"
        )
    return present


def _new_names(asking: _Asking, expected: Expected) -> bool:
    """Whether deployment modes are called Standard and Knative (KServe ≥ 0.16); True where it
    cannot be known."""
    config = asking.read(
        f"/api/v1/namespaces/{expected.kserve_namespace}/configmaps/inferenceservice-config",
        "KServe's configuration",
    )
    if config is not None:
        _describe(asking, config.get("data") or {})
    manager = asking.read(
        f"/apis/apps/v1/namespaces/{expected.kserve_namespace}/deployments/kserve-controller-manager",
        "KServe's controller",
    )
    pod = _down(manager or {}, ("spec", "template", "spec")) or {}
    tags = (_TAG.search(container.get("image", "")) for container in pod.get("containers", ()))
    version = next(((int(tag[1]), int(tag[2])) for tag in tags if tag), None)
    if version is None:
        asking.note("KServe's version is unknown: the names of 0.16 and later are written")
        return True
    asking.note(f"KServe {version[0]}.{version[1]}", About.KSERVE_VERSION)
    return version >= NEW_NAMES_SINCE


def _describe(asking: _Asking, data: Mapping[str, str]) -> None:
    try:
        ingress, deploy = (json.loads(data.get(name) or "{}") for name in ("ingress", "deploy"))
    except ValueError:
        asking.note("KServe's configuration is not JSON")
        return
    mode = deploy.get("defaultDeploymentMode", "unknown")
    routes = "makes no HTTPRoutes"
    if ingress.get("enableGatewayApi"):
        routes = "makes HTTPRoutes"
    asking.note(f"KServe's default mode is {mode}; it {routes} of its own")


def _gpus(asking: _Asking) -> bool:
    try:
        nodes = pages(asking.api, "/api/v1/nodes", asking.timeout)
        present = any(
            str((node.get("status") or {}).get("allocatable", {}).get(GPU, "0")) != "0"
            for node in nodes
        )
    except Unread as error:
        if isinstance(error.answer, Unavailable) or (
            error.answer and error.answer.status not in (403, 404)
        ):
            raise _Unanswered(str(error)) from error
        asking.note("nodes may not be read: whether there are GPUs is unknown", About.NODES_UNREAD)
        return True
    if not present:
        asking.note(f"no node offers {GPU} now")
    return present


def _placement(asking: _Asking, expected: Expected) -> bool:
    """Whether Knative's features let pods have node selectors and tolerations; True where it cannot
    be known."""
    config = asking.read(
        f"/api/v1/namespaces/{expected.knative_namespace}/configmaps/config-features",
        "Knative's configuration",
    )
    data = (config or {}).get("data") or {}
    words = [
        str(data.get(f"kubernetes.podspec-{name}", "disabled")).lower()
        for name in ("nodeselector", "tolerations")
    ]
    return config is None or "disabled" not in words


def _down(tree: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if not isinstance(tree, Mapping):
            return None
        tree = tree.get(step)
    return tree


class Inquiry:
    """Keeps the answer young on a thread of its own, so that nobody waits for it."""

    def __init__(self, api: Api, expected: Expected, timing: Timing, tenants: TenantList) -> None:
        self._api = api
        self._expected = expected
        self._timing = timing
        self._tenants = tenants
        self._stop = threading.Event()
        self._found: Capabilities | Unavailable = Unavailable("the cluster was not asked yet")
        self._last: Capabilities | Unavailable = self._found
        self._quotas: tuple[Fact, ...] = ()
        self._logs = Fact("pod logs", State.UNCHECKED, "not asked yet")

    def start(self) -> None:
        """Begin, on a daemon thread."""
        threading.Thread(target=self._run, name="capabilities", daemon=True).start()

    def stop(self) -> None:
        """End soon."""
        self._stop.set()

    def refresh(self) -> float:
        """Ask once; seconds until the next time. An answer that was known outlives an outage, and
        another one: an API server that has just started does not know its own definitions for a
        moment, so a change is believed when it is said twice, and the first answer of all is soon
        asked for again."""
        capabilities = inquire(self._api, self._expected, self._timing.call)
        steady = capabilities == self._last
        self._last = capabilities
        unknown = isinstance(self._found, Unavailable)
        if unknown or (steady and isinstance(capabilities, Capabilities)):
            self._found = capabilities
        permitted = [space.namespace for space in self._tenants.all() if not space.denied]
        self._quotas = tuple(
            quotas.told(self._api, namespace, self._timing.call) for namespace in permitted
        )
        self._logs = pod_logs.permitted(self._api, permitted, self._timing.call)
        if steady and isinstance(capabilities, Capabilities):
            return PERIOD_S
        return AGAIN_S

    def capabilities(self) -> Capabilities | Unavailable:
        """The last answer, with a note for each tenant that is not permitted."""
        capabilities = self._found
        if isinstance(capabilities, Unavailable):
            return capabilities
        spaces = self._tenants.all()
        denied = (f"namespace {s.namespace}: not permitted: {s.denied}" for s in spaces if s.denied)
        messages = facts.of_tenants({space.namespace: space.denied for space in spaces})
        return replace(
            capabilities,
            notes=(*capabilities.notes, *denied),
            facts=(*capabilities.facts, *messages, *self._quotas, self._logs),
        )

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                wait = self.refresh()
            except Exception:
                # An odd answer must not end the thread
                log.exception("asking for capabilities failed")
                wait = AGAIN_S
            self._stop.wait(self._timing.jitter(wait))

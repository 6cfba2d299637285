"""The dev cluster as one thing: which parts, in which order, where it lives, how to reach it.

It starts empty each time: what was in an earlier one is gone, so that nobody depends on what a test
left.
"""

import shutil
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tidegate.core.near import hint
from tidegate_local.devcluster import build, knative, kserve
from tidegate_local.devcluster.build import Built, Say
from tidegate_local.devcluster.control_plane import ClusterError, ControlPlane, Places
from tidegate_local.devcluster.fake_nodes import POD_CIDR, Nodes, Size
from tidegate_local.devcluster.gateway import EnvoyGateway
from tidegate_local.devcluster.keda import Keda
from tidegate_local.devcluster.knative import Knative
from tidegate_local.devcluster.kserve import KServe
from tidegate_local.devcluster.kube import Json, Kube
from tidegate_local.devcluster.kyverno import Kyverno
from tidegate_local.devcluster.prometheus import Prometheus
from tidegate_local.home import Ports, locked
from tidegate_local.processes.process import State, end_leftovers
from tidegate_local.processes.supervisor import Supervisor

BASE = ("etcd", "kubernetes", "kwok")
# In the order in which they start: KServe looks for the others once
PARTS = (
    "gateway",
    "prometheus",
    "knative",
    "keda",
    "kserve",
    "kyverno",
    "tools",
)
USUAL = ("knative", "kserve")
_MODULES = {"gateway": "envoygateway"}  # where the part is not called as its module
_FRESH = ("etcd", "certs", "kserve-tmp", "gateway", "prometheus", "logs", "kubeconfig")


@dataclass(frozen=True, slots=True)
class PartStatus:
    """One process of the cluster. restarts: after its first start."""

    name: str
    running: bool
    restarts: int


class DevCluster:
    """A control plane in `root`. The processes live as long as this object's supervisor: `up`, use,
    `down`.

    pod_cidr: where pods get their addresses from. Nobody answers at the usual ones; inside a
    network namespace whose loopback device has a subnet (`ip address add 10.244.0.1/16 dev lo`), a
    stand-in on 0.0.0.0 answers for every pod. json_storage: etcd holds every object as JSON, for a
    test that follows its log.
    """

    def __init__(self, root: Path, pod_cidr: str = POD_CIDR, *, json_storage: bool = False) -> None:
        self._pod_cidr = pod_cidr
        self._json_storage = json_storage
        self.places = Places(root)
        self._held = ExitStack()  # the lock of its folder, while it is up
        self._supervisor: Supervisor | None = None
        self._knative: Knative | None = None
        self._plane: ControlPlane | None = None
        self._kube: Kube | None = None
        self._nodes: Nodes | None = None
        self._gateway: EnvoyGateway | None = None
        self._prometheus: Prometheus | None = None

    def up(
        self,
        parts: Iterable[str] = USUAL,
        say: Say = lambda _: None,
        *,
        nodes: int = 2,
        size: Size | None = None,
    ) -> None:
        """Build what is missing and start it, empty, with nodes of this size; returns when every
        part answers. Raises TidegateError (HomeBusyError where another one is up in this folder);
        what was started until then is stopped."""
        desired = ordered(parts)
        built = build.ensure(modules(desired), say)
        if self._supervisor is not None:
            raise ClusterError("this dev cluster is up already")
        self.places.create()
        self._held.enter_context(locked(self.places.run / "cluster.lock", wait=False))
        try:
            end_leftovers(self.places.run)
            self._forget()
            self._supervisor = Supervisor(self.places.run)
            self._start(desired, built, say, nodes, size or Size())
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """Stop everything. Idempotent; nothing runs afterwards."""
        if self._knative is not None:
            self._knative.stop()
        if self._plane is not None:
            self._plane.stop()
        elif self._supervisor is not None:
            self._supervisor.close()
        if self._kube is not None:
            self._kube.close()
        self._supervisor = self._plane = self._knative = self._kube = self._nodes = None
        self._gateway = self._prometheus = None
        self._held.close()

    def status(self) -> tuple[PartStatus, ...]:
        """Every process of it; empty when it is down."""
        if self._supervisor is None:
            return ()
        statuses = ((name, self._supervisor.status(name)) for name in self._supervisor.names())
        return tuple(
            PartStatus(n, s.state is State.RUNNING, s.restarts)
            for n, s in statuses
            if s is not None
        )

    @property
    def kube(self) -> Kube:
        """The API server, as admin."""
        assert self._kube is not None, "the cluster is down"
        return self._kube

    @property
    def plane(self) -> ControlPlane:
        """Its processes."""
        assert self._plane is not None, "the cluster is down"
        return self._plane

    @property
    def server(self) -> str:
        """The API server's address."""
        return self.plane.url

    @property
    def nodes(self) -> Nodes:
        """The kubelets."""
        assert self._nodes is not None, "the cluster is down"
        return self._nodes

    @property
    def kubeconfig(self) -> Path:
        """For kubectl and client libraries, as admin."""
        return self.places.kubeconfig

    @property
    def gateway(self) -> EnvoyGateway:
        """Envoy Gateway."""
        assert self._gateway is not None, "the cluster was started without its gateway"
        return self._gateway

    @property
    def prometheus(self) -> Prometheus:
        """Prometheus."""
        assert self._prometheus is not None, "the cluster was started without Prometheus"
        return self._prometheus

    def namespace(self, name: str, *, tenant: bool = False) -> None:
        """Make a namespace; a tenant's carries the label that opts in to Tidegate."""
        labels = {}
        if tenant:
            labels = {"tidegate.dev/tenant": "true"}
        thing: Json = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": labels},
        }
        self.kube.apply(thing)

    def _start(
        self, parts: tuple[str, ...], built: dict[str, Built], say: Say, nodes: int, size: Size
    ) -> None:
        assert self._supervisor is not None
        ports = Ports(self.places.run / "ports.json")
        self._plane = plane = ControlPlane(
            self.places,
            self._supervisor,
            ports,
            built["etcd"],
            built["kubernetes"],
            json_storage=self._json_storage,
        )
        plane.identities = "kyverno" in parts
        say("starting Kubernetes")
        plane.start()
        self._kube = Kube(plane.url, plane.token, plane.pair.cert)
        if plane.identities:
            self._kube.apply(_named(kserve.USER, knative.USER))
        self._nodes = Nodes(plane, self._kube, built["kwok"], self._pod_cidr)
        self._nodes.start(nodes, size)
        # Made by the controller manager: it works.
        self._kube.wait("/api/v1/namespaces/default/serviceaccounts/default", bool, 30.0)
        if "gateway" in parts:
            say("starting Envoy Gateway")
            self._gateway = EnvoyGateway(plane, self._kube, built["envoygateway"])
            self._gateway.start()
        if "prometheus" in parts:
            say("starting Prometheus")
            self._prometheus = Prometheus(plane, built["prometheus"])
            self._prometheus.start()
        if "knative" in parts:
            say("starting Knative")
            self._knative = Knative(plane, self._kube, built["knative"])
            self._knative.start()
        if "keda" in parts:
            say("starting KEDA's webhook")
            Keda(plane, self._kube, built["keda"]).start()
        if "kserve" in parts:
            say("starting KServe")
            KServe(plane, self._kube, built["kserve"]).start(knative="knative" in parts)
        if "kyverno" in parts:
            say("starting Kyverno")
            Kyverno(plane, self._kube, built["kyverno"]).start()

    def _forget(self) -> None:
        for name in _FRESH:
            path = self.places.root / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        self.places.create()


def _named(*users: str) -> Json:
    """What the controllers may do under their own names: everything, as when they are the admin."""
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "dev-controllers"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user} for user in users],
    }


def ordered(parts: Iterable[str]) -> tuple[str, ...]:
    """The parts in the order of their start. Raises ClusterError for one that does not exist."""
    desired = set(parts)
    unknown = sorted(desired - set(PARTS))
    if unknown:
        meant = hint(unknown[0], PARTS)
        raise ClusterError(
            f"no such part: {', '.join(unknown)}{meant}; choose from {', '.join(PARTS)}"
        )
    return tuple(part for part in PARTS if part in desired)


def modules(parts: Iterable[str]) -> tuple[str, ...]:
    """What must be built for these parts."""
    return (*BASE, *(_MODULES.get(part, part) for part in ordered(parts)))

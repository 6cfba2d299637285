"""The local plane: the control plane's semantics over real processes, in one object.

Controllers run on one thread, woken by every change of an object, a pod or the data plane. Objects
are kept on disk, so that `up` after `down` brings the same endpoints back.
"""

import threading
import time
from collections.abc import Callable, Iterator

import structlog

from tidegate.core.evidence import Scrape
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Capabilities, Fact, NoData, Snapshot, State, Write, WriteResult
from tidegate.staging.sources import Access
from tidegate_local.home import Home, Ports
from tidegate_local.plane.dataplane import EnvoyDataPlane
from tidegate_local.plane.kubelet import Machine, TritonKubelet
from tidegate_local.played.addresses import addressed
from tidegate_local.played.api import GATEWAY, POD, SECRET
from tidegate_local.played.cluster import ENDPOINT_LABEL, FakeCluster
from tidegate_local.played.controlplane import ControlPlane, control_plane
from tidegate_local.played.gateway import REVISION_OF
from tidegate_local.played.objects import Object
from tidegate_local.played.world import Settings
from tidegate_local.processes.envoy import Envoy
from tidegate_local.processes.envoy_meter import EnvoyMeter
from tidegate_local.processes.supervisor import Supervisor
from tidegate_local.processes.toolchain import TritonInstall
from tidegate_local.processes.triton import Replica

log = structlog.get_logger()

GATEWAY_NAME = "tidegate"
GATEWAY_NAMESPACE = "tidegate-system"
_TICK_S = 0.5  # deadlines and grace periods pass without an event
_SAVE_S = 1.0

CAPABILITIES = Capabilities(
    autoscaler=False,
    gpu=False,
    schemes=("file", "s3"),
    notes=(
        "local plane: no GPU, so `gpu` is ignored",
        "local plane: no nodes and no accounts, so all else that says how and where pods run is "
        "ignored, too",
        "local plane: no autoscaler, so replicas stay at minReplicas",
    ),
    facts=(
        Fact("KServe", State.OK, "this machine's own, both modes", needed=True),
        Fact(
            "gateway", State.OK, "this machine's Envoy: splits, header matches, copies", needed=True
        ),
        Fact("metric source", State.OK, "Envoy's own statistics", needed=True),
        Fact("autoscaler", State.MISSING, "replicas stay at minReplicas", "a cluster has one"),
        Fact("GPU", State.MISSING, "`gpu` is ignored", "a cluster may have some"),
    ),
)


class Plane:
    """KServe, Knative, a gateway, a kubelet and a meter on this machine; a Cluster and a Meter for
    the worker."""

    def __init__(
        self,
        home: Home,
        supervisor: Supervisor,
        install: TritonInstall,
        access: Access,
        ports: Ports,
        *,
        limit: int = 12,
    ) -> None:
        self._home = home
        self._wake = threading.Event()
        self._closed = False
        self.ports = ports
        self.envoy = Envoy(home, supervisor, self.ports.get("envoy-admin"))
        self.data_plane = EnvoyDataPlane(self.envoy, self.ports, self._wake.set)
        machine = Machine(home, supervisor, install, self.ports, access, limit, self._secret)
        self.kubelet = TritonKubelet(machine, self._wake.set)
        settings = Settings(default_mode="Knative", domain="models.local", window=5.0, grace=1.0)
        self.control: ControlPlane = control_plane(
            time.time, self.kubelet, self.data_plane, settings
        )
        self.objects = self.control.world.objects
        self._cluster = FakeCluster(self.objects, CAPABILITIES)
        self._meter = EnvoyMeter(self.envoy.admin)
        self._saved = -1
        self._thread = threading.Thread(target=self._loop, name="controllers", daemon=True)

    def start(self) -> None:
        """Start Envoy, load the objects of the last time, let the controllers run."""
        self.envoy.start()
        if not self.envoy.ready():
            raise RuntimeError("Envoy did not start; see its log")
        kept = self._home.objects / "objects.json"
        if kept.exists():
            self.objects.load(kept)
        self.objects.apply(_gateway())
        self.objects.watch(lambda _: self._wake.set())
        self.data_plane.start()
        self._thread.start()

    def close(self) -> None:
        """Stop controllers, pods and Envoy; objects stay on disk."""
        self._closed = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=15)
        self._save()
        self.data_plane.close()
        self.envoy.stop()  # before the servers: they wait for its connections to close
        self.kubelet.close()

    # core.ports.Cluster

    def observe(self, key: EndpointKey) -> Snapshot:
        """Everything of an endpoint, with the address that its clients call."""
        seen = self._cluster.observe(key)
        url = f"http://{self.data_plane.address(key.namespace, key.name)}"
        return Snapshot(key, addressed(seen.objects, key.name, url), seen.at)

    def write(self, action: Write, *, dry_run: bool = False) -> WriteResult:
        """One write."""
        return self._cluster.write(action, dry_run=dry_run)

    def watch(self, wake: Callable[[EndpointKey], None]) -> Callable[[], None]:
        """Call `wake` for each changed endpoint."""
        return self._cluster.watch(wake)

    def capabilities(self) -> Capabilities:
        """What a laptop can do."""
        return CAPABILITIES

    # core.ports.Meter

    def scrape(self, key: EndpointKey) -> Scrape | NoData:
        """Envoy's counters."""
        return self._meter.scrape(key)

    def explain(self, key: EndpointKey, revision: int) -> tuple[str, ...]:
        """A revision's bad answers by cause, as Envoy counted them, and what its tritonservers say
        of themselves. Triton misses what its front end refuses and counts a Python model's
        TritonError as a success, so it explains and never decides."""
        scrape = self._meter.scrape(key)
        readings = []
        if not isinstance(scrape, NoData):
            readings = [r for r in scrape.readings if r.revision == revision]
        causes = [
            f"{count} x {cause}" for reading in readings for cause, count in reading.counters.causes
        ]
        messages = []
        if causes:
            messages = [f"the gateway counted {', '.join(causes)}"]
        for name, replica in self._replicas(key, revision):
            counted = replica.counters()
            if counted:
                words = ", ".join(
                    f"{model} {kind} {count}" for (model, kind), count in sorted(counted.items())
                )
                messages.append(f"Triton in {name} counted {words}")
        return tuple(messages)

    def triton_totals(self, key: EndpointKey, revision: int) -> dict[str, dict[str, int]]:
        """What the tritonservers of a revision have counted, by pod and name of the counter."""
        return {name: replica.totals() for name, replica in self._replicas(key, revision)}

    def _replicas(self, key: EndpointKey, revision: int) -> Iterator[tuple[str, Replica]]:
        """The running servers of a revision, by the names of their pods."""
        own = {ENDPOINT_LABEL: key.name, REVISION_OF: f"r{revision}"}
        for pod in self.objects.list(POD, key.namespace, own):
            name = pod["metadata"]["name"]
            replica = self.kubelet.replica(name)
            if replica is not None:
                yield name, replica

    def _secret(self, namespace: str, name: str) -> Object | None:
        return self.objects.get(SECRET, namespace, name)

    def _loop(self) -> None:
        saved_at = 0.0
        while not self._closed:
            self._wake.wait(_TICK_S)
            self._wake.clear()
            try:
                self.control.settle()
            except Exception:
                log.exception("a controller failed")
            if time.monotonic() - saved_at >= _SAVE_S:
                saved_at = time.monotonic()
                self._save()

    def _save(self) -> None:
        if self.objects.version != self._saved:
            self._saved = self.objects.version
            self.objects.save(self._home.objects / "objects.json")


def _gateway() -> Object:
    listener = {
        "name": "http",
        "port": 80,
        "protocol": "HTTP",
        "allowedRoutes": {"namespaces": {"from": "All"}},
    }
    return {
        "apiVersion": GATEWAY.api_version,
        "kind": GATEWAY.kind,
        "metadata": {"name": GATEWAY_NAME, "namespace": GATEWAY_NAMESPACE},
        "spec": {"gatewayClassName": "tidegate-local", "listeners": [listener]},
    }

"""The real control plane as a World: KServe, Knative and Envoy Gateway in the dev cluster, seen by
the adapter.

The pods of a script carry the label that holds them; the gate lets go of them at once, unless the
script holds their revision. Routes and Knative's ingresses are watched by the cluster's admin, so
that no split that they ever were told goes unseen.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.cluster.access import bind, kubeconfig_of_worker
from tests.cluster.objects import end_what_runs
from tests.conformance.activator import QUICK, Activator
from tests.conformance.splits import Splits
from tests.conformance.states import Split
from tests.conformance.worlds import ENDED, HOLD, STORE, Gated
from tests.waiting import until
from tidegate.core.drivers.rendering import REVISION, Gateway, Platform
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Capabilities, Manifest, Snapshot
from tidegate.deploy_worker.kubernetes.api import KubeApi
from tidegate.deploy_worker.kubernetes.cluster import KubernetesCluster, Options
from tidegate.deploy_worker.kubernetes.connect import connect
from tidegate.deploy_worker.kubernetes.reflector import Timing
from tidegate_local.devcluster.cluster import DevCluster
from tidegate_local.devcluster.fake_nodes import CRASH
from tidegate_local.devcluster.kube import Json, KubeError
from tidegate_local.home import free_port

GATEWAY = Gateway("conformance", "tidegate-system")
API_VERSIONS = {
    "InferenceService": "serving.kserve.io/v1beta1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "ConfigMap": "v1",
    "Pod": "v1",
    "Deployment": "apps/v1",
}
INTERVAL_S = 0.1
_AUTOSCALER = "/api/v1/namespaces/knative-serving/configmaps/config-autoscaler"


class Gate:
    """Says which pods get ready. held, crashing: (namespace, revision label)."""

    def __init__(self, dev: DevCluster) -> None:
        self._dev = dev
        self.not_warmed_up: set[tuple[str, str]] = set()
        self.crashing: set[tuple[str, str]] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL_S):
            with contextlib.suppress(KubeError):  # it is looked for again
                for pod in self._dev.kube.call(
                    "GET", "/api/v1/pods", query={"labelSelector": HOLD}
                )["items"]:
                    self._pass(pod)

    def _pass(self, pod: Json) -> None:
        meta = pod["metadata"]
        who = (meta["namespace"], meta["labels"].get(REVISION, ""))
        if who in self.not_warmed_up:
            return
        labels = {HOLD: None, **({CRASH: "true"} if who in self.crashing else {})}
        with contextlib.suppress(KubeError):  # it was deleted meanwhile
            self._dev.kube.patch(
                f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}",
                {"metadata": {"labels": labels}},
            )


class Bench:
    """What all scripts share: the cluster, its gateway, the worker's adapter, the gate."""

    def __init__(self, dev: DevCluster, folder: Path) -> None:
        self.dev = dev
        kubeconfig = kubeconfig_of_worker(dev, folder)
        dev.gateway.gateway(GATEWAY.namespace, GATEWAY.name, free_port())
        self.adapter = KubernetesCluster(
            KubeApi(connect(kubeconfig)), Options(Timing(denied=0.5, absent=2.0))
        )
        self.splits = Splits(KubeApi(connect(dev.kubeconfig)), dev.kube, self._wake)
        self.gate = Gate(dev)
        dev.kube.patch(_AUTOSCALER, {"data": {"scale-to-zero-grace-period": "6s"}})
        self.activator = Activator(dev)
        self._wakes: dict[str, threading.Event] = {}
        self._unwatch = self.adapter.watch(lambda key: self._wake(key.namespace))
        until(lambda: isinstance(self.adapter.capabilities(), Capabilities))

    def close(self) -> None:
        """Stop what is a thread."""
        self._unwatch()
        self.gate.close()
        self.activator.close()
        self.splits.close()
        self.adapter.close()

    @contextlib.contextmanager
    def world(self, namespace: str) -> Iterator["RealWorld"]:
        """An endpoint in a tenant of its own, watched while it is used."""
        self.dev.namespace(namespace, tenant=True)
        bind(self.dev, namespace)
        world = RealWorld(self, EndpointKey(namespace, "fraud"), self.awakened(namespace))
        world.until(
            lambda: isinstance(self.adapter.observe(world.key), Snapshot), "the tenant is permitted"
        )
        try:
            yield world
        finally:
            self._leave(namespace)

    def _leave(self, namespace: str) -> None:
        """Watch it no longer, and make room: Knative's revisions of old keep their pods where
        nothing is measured."""
        self.activator.served.discard(namespace)
        end_what_runs(self.dev, namespace)

    def awakened(self, namespace: str) -> threading.Event:
        """Set whenever something of a namespace changed."""
        return self._wakes.setdefault(namespace, threading.Event())

    def _wake(self, namespace: str) -> None:
        self.awakened(namespace).set()


class RealWorld:
    """See World."""

    quiet = 0.8
    patience = 90.0

    def __init__(self, bench: Bench, key: EndpointKey, woken: threading.Event) -> None:
        self._bench = bench
        self.key = key
        self._woken = woken
        self.platform = Platform(STORE, GATEWAY, drain=ENDED, steady=ENDED)
        self.cluster = Gated(bench.adapter)
        self.now = Options().now

    def advance(self, tick: Callable[[], object]) -> None:
        """Until something changed, or a while."""
        self._woken.wait(INTERVAL_S)
        self._woken.clear()
        tick()

    def splits(self) -> list[Split]:
        """By the events of routes and ingresses."""
        return self._bench.splits.of(self.key)

    def hold(self, revision: int) -> None:
        """The gate keeps them."""
        self._bench.gate.not_warmed_up.add((self.key.namespace, f"r{revision}"))

    def release(self, revision: int) -> None:
        """The gate lets them go."""
        self._bench.gate.not_warmed_up.discard((self.key.namespace, f"r{revision}"))

    def crash(self, revision: int) -> None:
        """The gate makes them crash."""
        self._bench.gate.crashing.add((self.key.namespace, f"r{revision}"))

    def kill(self, revision: int) -> None:
        """All at once."""
        path = self._path("Pod", "")
        query = {"labelSelector": f"{REVISION}=r{revision}"}
        assert self._bench.dev.kube.call("GET", path, query=query)["items"], (
            f"r{revision} has no pod"
        )
        self._bench.dev.kube.call("DELETE", path, query=query)

    def zero(self) -> None:
        """The autoscaler is told what is asked of the revisions, and acts soon."""
        self.cluster.annotations = QUICK
        self._bench.activator.served.add(self.key.namespace)

    def ask(self, revision: int, requests: float) -> None:
        """The activator says so."""
        self._bench.activator.asked[self.key.namespace, f"r{revision}"] = requests

    def get(self, kind: str, name: str) -> Manifest | None:
        """As the API server has it."""
        manifest = self._bench.dev.kube.get(self._path(kind, name))
        if manifest is not None:
            manifest["metadata"].pop("managedFields", None)
        return manifest

    def put(self, manifest: Manifest) -> None:
        """By the admin."""
        self._bench.dev.kube.apply(dict(manifest))

    def edit(self, kind: str, name: str, change: Mapping[str, Any]) -> None:
        """By the admin; the adapter has seen it."""
        made = self._bench.dev.kube.patch(self._path(kind, name), dict(change))

        def seen() -> bool:
            manifest = self._seen(kind, name)
            return manifest is not None and _version(manifest) >= _version(made)

        self.until(seen, f"the edit of {kind} {name} is seen")

    def delete(self, kind: str, name: str) -> None:
        """By the admin; the adapter has seen it."""
        manifest = self.get(kind, name)
        assert manifest is not None, f"there is no {kind} {name}"
        self._bench.dev.kube.delete(self._path(kind, name))

        def seen() -> bool:
            now = self._seen(kind, name)
            same = now is not None and now["metadata"]["uid"] == manifest["metadata"]["uid"]
            return not same or bool(now and now["metadata"].get("deletionTimestamp"))

        self.until(seen, f"the deletion of {kind} {name} is seen")

    def until(self, fact: Callable[[], bool], what: str) -> None:
        """Look again until something is a fact."""
        ended = self.now() + self.patience
        while not fact():
            assert self.now() < ended, (
                f"{self.key.namespace}: {what}: not within {self.patience:g} s"
            )
            self._woken.wait(INTERVAL_S)
            self._woken.clear()

    def _seen(self, kind: str, name: str) -> Manifest | None:
        snapshot = self._bench.adapter.observe(self.key)
        if isinstance(snapshot, Snapshot):
            return snapshot.get(kind, name)
        return None

    def _path(self, kind: str, name: str) -> str:
        return self._bench.dev.kube.path(API_VERSIONS[kind], kind, self.key.namespace, name)


def _version(manifest: Manifest) -> int:
    return int(manifest["metadata"]["resourceVersion"])

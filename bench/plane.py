"""Kubernetes for a crowd: the real API server and etcd with KServe's and Gateway API's kinds, and
nobody who acts.

KServe's real controller makes some ten objects of each service, a few services a second: with
thousands of them one would wait for it and measure it. What the worker reads of its doing, a
Deployment with ready replicas and a route that was accepted, is written here once. Writes of the
worker go through the real API server all the same, without KServe's webhooks.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cluster.access import bind, kubeconfig_of_worker
from tests.cluster.faults.lab import GATEWAY
from tests.cluster.faults.workers import GATEWAY_API, accepted
from tidegate.core.drivers.rendering import ENDPOINT, ISVC_LABEL, REVISION
from tidegate.core.intent import EndpointKey
from tidegate_local.devcluster import build
from tidegate_local.devcluster.cluster import BASE, DevCluster
from tidegate_local.devcluster.kserve import NAMESPACE, KServe

HANDS = 8  # connections that write what others would


class Plane:
    """See the module. `kubeconfig`: of the worker, under the shipped roles."""

    def __init__(self, dev: DevCluster, folder: Path) -> None:
        self.dev = dev
        self.kubeconfig = kubeconfig_of_worker(dev, folder)
        dev.kube.apply(GATEWAY)

    @property
    def etcd(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.dev.plane.ports.get('etcd')}"

    def tenants(self, names: Iterable[str]) -> None:
        """Namespaces in which Tidegate may act."""
        for name in names:
            self.dev.namespace(name, tenant=True)
            bind(self.dev, name)

    def stand(self, keys: Iterable[EndpointKey], revision: int) -> None:
        """A Deployment of this revision with its one replica ready, for each endpoint."""
        with ThreadPoolExecutor(HANDS) as pool:
            list(pool.map(lambda key: self._stand(key, revision), keys))

    def _stand(self, key: EndpointKey, revision: int) -> None:
        made = self.dev.kube.call(
            "POST", f"/apis/apps/v1/namespaces/{key.namespace}/deployments", _pods(key, revision)
        )
        path = f"/apis/apps/v1/namespaces/{key.namespace}/deployments/{made['metadata']['name']}/status"
        ready = dict.fromkeys(
            ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas"), 1
        )
        self.dev.kube.patch(path, {"status": ready})

    def accept(self, namespaces: Iterable[str]) -> None:
        """Every route there is in place at its present generation."""
        kube = self.dev.kube
        with ThreadPoolExecutor(HANDS) as pool:
            for namespace in namespaces:
                list(
                    pool.map(
                        lambda route: accepted(kube, route),
                        kube.items(GATEWAY_API, "HTTPRoute", namespace),
                    )
                )


@contextmanager
def plane(folder: Path) -> Iterator[Plane]:
    """The API server and etcd alone."""
    missing = build.missing((*BASE, "kserve"))
    if missing:
        raise SystemExit(f"not built yet: {', '.join(missing)}; `make cluster` builds them once")
    dev = DevCluster(folder / "dev")
    try:
        dev.up(())
        dev.namespace(NAMESPACE)
        KServe(dev.plane, dev.kube, build.ensure(("kserve",), lambda _: None)["kserve"]).define()
        result = Plane(dev, folder)
        for name in ("kube-controller-manager", "kube-scheduler", "kwok"):
            dev.plane.pause(name)
        yield result
    finally:
        dev.down()


def _pods(key: EndpointKey, revision: int) -> dict[str, Any]:
    name = f"{key.name}-r{revision}-predictor"
    labels = {
        ENDPOINT: key.name,
        REVISION: f"r{revision}",
        ISVC_LABEL: f"{key.name}-r{revision}",
        "app": name,
    }
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "main", "image": "dev.local/none"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": key.namespace, "labels": labels},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template},
    }

"""A control plane to break, its workers, and endpoints in both modes in two tenants."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.built import require
from tests.cluster.access import bind, kubeconfig_of_worker
from tests.cluster.faults.fleet import Fleet
from tests.cluster.faults.ticks import Ticks
from tests.cluster.faults.workers import GATEWAY_API, GatewayController, Workers
from tidegate.core.intent import EndpointKey, Mode
from tidegate.store import Store
from tidegate.store.migrate import migrate
from tidegate_local.devcluster.cluster import USUAL, DevCluster, modules
from tidegate_local.devcluster.fake_nodes import Size

GATEWAY = {
    "apiVersion": GATEWAY_API,
    "kind": "Gateway",
    "metadata": {"name": "tidegate", "namespace": "tidegate-system"},
    "spec": {
        "gatewayClassName": "tests",
        "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
    },
}
ROOMY = Size(cpu="1000", memory="4000Gi", pods=1500)  # nothing waits for capacity


@dataclass(slots=True)
class Lab:
    """See the module. `databases` makes more of them."""

    dev: DevCluster
    store: Store
    workers: Workers
    ticks: Ticks
    databases: Any
    fleet: Fleet = field(init=False)
    fleets: int = 0

    def muster(self) -> None:
        """A new fleet: an endpoint of each mode in each of two new tenants, ready."""
        self.fleets += 1
        self.fleet = Fleet(self.dev.kube, self.ticks, self.workers.alive)
        with self.worker():
            self.fleet.create(
                pairs([self.tenant(f"f{self.fleets}{letter}") for letter in "ab"]), self.store
            )

    def tenant(self, name: str) -> str:
        """A namespace that Tidegate may act in."""
        self.dev.namespace(name, tenant=True)
        bind(self.dev, name)
        return name

    def kill(self, *names: str) -> None:
        """kill -9; the supervisor starts them again."""
        for name in names:
            self.dev.plane.supervisor.kill(name)

    @contextmanager
    def worker(self, name: str = "one", **settings: str) -> Iterator[None]:
        """One worker process for a while; it must end in order."""
        self.workers.start(name, **settings)
        try:
            yield
            self.workers.stop(name)
        finally:
            self.workers.close()


@contextmanager
def laboratory(folder: Path, databases: Any) -> Iterator[Lab]:
    """Everything but workers and endpoints."""
    require(modules(USUAL))
    (folder / "worker").mkdir()
    with ExitStack() as stack:
        dev = DevCluster(folder / "dev", json_storage=True)
        stack.callback(dev.down)
        dev.up(USUAL, size=ROOMY)
        kubeconfig = kubeconfig_of_worker(dev, folder / "worker")
        dev.kube.apply(GATEWAY)
        url = databases.fresh()
        stack.callback(databases.drop, url)
        migrate(url)
        store = Store(url)
        stack.callback(store.close)
        ticks = Ticks(f"http://127.0.0.1:{dev.plane.ports.get('etcd')}")
        stack.callback(ticks.close)
        stack.callback(GatewayController(dev.kube).close)
        workers = Workers(folder / "worker", url, kubeconfig)
        stack.callback(workers.close)
        yield Lab(dev, store, workers, ticks, databases)


def pairs(tenants: list[str], each: int = 1) -> list[tuple[EndpointKey, Mode]]:
    """So many endpoints of each mode in each tenant. Names are short: KServe puts them into a host
    name of at most 63 characters."""
    return [
        (EndpointKey(tenant, f"{mode.value[0]}{number}"), mode)
        for tenant in tenants
        for mode in Mode
        for number in range(each)
    ]


def seed() -> int:
    """Of what is left to chance; TIDEGATE_SEED repeats a run."""
    return int(os.environ.get("TIDEGATE_SEED", "1"))

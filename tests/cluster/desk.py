"""The worker as a process on the dev cluster, under exactly the shipped roles, with a store of its
own."""

import contextlib
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.access import bind, kubeconfig_of_worker
from tests.cluster.faults.workers import GATEWAY_API, GatewayController
from tests.waiting import until
from tidegate.core.intent import CandidateTraffic, EndpointKey, Mode, Model, Runtime, Scaling
from tidegate.core.rollout import ActionKind, Outcome, Rollout
from tidegate.core.strategy import Deadlines, Ending, Kind, Step, Strategy, Until
from tidegate.store import Started, Store, endpoints, revisions, rollouts
from tidegate.store.migrate import migrate
from tidegate_local.devcluster.cluster import DevCluster

BY_HAND = Strategy(
    Kind.CANARY,
    (Step(CandidateTraffic(percent=25), Until.APPROVAL, 0.0),),
    Ending.PROMOTE,
    deadlines=Deadlines(undo=0.5),
)


@dataclass
class Desk:
    """A store, the dev cluster, and the worker's process between them."""

    store: Store
    dev: DevCluster
    process: subprocess.Popen[bytes]
    log: Path

    def until(
        self, fact: Callable[[], Any], seconds: float = 120.0, instead: Callable[[], object] = str
    ) -> None:
        """Look again until the fact holds."""

        def observe() -> Any:
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            return fact()

        until(observe, "a fact", seconds, instead=instead)

    def status(self, key: EndpointKey) -> dict[str, Any]:
        with self.store.read() as tx:
            endpoint = endpoints.get(tx, key)
        assert endpoint is not None
        return dict(endpoint.status)

    def phase(self, key: EndpointKey) -> str:
        return str(self.status(key).get("phase"))

    def create(self, key: EndpointKey, mode: Mode) -> None:
        with self.store.begin() as tx:
            endpoints.create(
                tx,
                key,
                mode=mode,
                spec={},
                model=model(1),
                runtime=Runtime(),
                scaling=Scaling(1, 1),
                author="ann",
                message="first",
            )
        self.until(lambda: self.phase(key) == "ready", instead=lambda: self.status(key))

    def start(self, key: EndpointKey) -> str:
        """A rollout of r2 that waits for a person at 25 %."""
        made = str(uuid.uuid4())
        with self.store.begin() as tx:
            revisions.add_revision(tx, key, model(2), Runtime(), author="ann")
            assert isinstance(rollouts.start(tx, key, Rollout(made, BY_HAND, 1, 2, "ann")), Started)
        self.until(lambda: self.shares(key) == {1: 75, 2: 25}, instead=lambda: self.status(key))
        return made

    def action(self, rollout: str, kind: ActionKind) -> None:
        with self.store.begin() as tx:
            rollouts.add_action(tx, rollout, kind, author="ben")

    def outcome(self, rollout: str) -> Outcome | None:
        with self.store.read() as tx:
            stored_rollout = rollouts.get(tx, rollout)
        assert stored_rollout is not None
        return stored_rollout.outcome

    def shares(self, key: EndpointKey) -> dict[int, int]:
        """Observed shares above 0, by revision."""
        traffic = self.status(key).get("traffic") or {"rules": []}
        return {
            s["revision"]: s["percent"]
            for rule in traffic["rules"]
            for s in rule["shares"]
            if s["percent"]
        }

    def address(self, key: EndpointKey, revision: int) -> str | None:
        """Where one revision alone answers."""
        return next(
            (live["address"] for live in self.status(key)["live"] if live["revision"] == revision),
            None,
        )

    def services(self, key: EndpointKey) -> set[str]:
        """InferenceServices by name."""
        results = self.dev.kube.items(
            "serving.kserve.io/v1beta1", "InferenceService", key.namespace
        )
        return {item["metadata"]["name"] for item in results}


def model(number: int) -> Model:
    return Model("add_sub", str(number), f"s3://models/add_sub/{number}/", f"sha256-{number}")


@pytest.fixture(scope="module")
def desk(
    cluster: DevCluster, databases: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    with seated(cluster, databases, tmp_path_factory.mktemp("worker")) as result:
        yield result


@contextlib.contextmanager
def seated(cluster: DevCluster, databases: Any, folder: Path, **more: str) -> Iterator[Desk]:
    """A desk for a while. more: settings of the worker."""
    url = databases.fresh()
    migrate(url)
    kubeconfig = kubeconfig_of_worker(cluster, folder)
    gateway = {
        "apiVersion": GATEWAY_API,
        "kind": "Gateway",
        "metadata": {"name": "tidegate", "namespace": "tidegate-system"},
        "spec": {
            "gatewayClassName": "tests",
            "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
        },
    }
    cluster.kube.apply(gateway)
    settings = {
        "TIDEGATE_DATABASE_URL": url,
        "TIDEGATE_KUBECONFIG": str(kubeconfig),
        "TIDEGATE_METRICS_PORT": "0",
        "TIDEGATE_REVISION_DRAIN": "1",
        "TIDEGATE_STEADY": "1",
        "TIDEGATE_INTERVAL": "0.5",
        "TIDEGATE_WARM_UP": "false",  # nobody answers at these pods' addresses
        **more,
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    command = [sys.executable, "-m", "tidegate.deploy_worker"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=kept | settings, stderr=log)
    controller = GatewayController(cluster.kube)
    store = Store(url)
    try:
        yield Desk(store, cluster, process, folder / "log")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        controller.close()
        store.close()
        databases.drop(url)


@pytest.fixture
def key(desk: Desk, namespace: str) -> EndpointKey:
    """An endpoint's name in a bound tenant."""
    bind(desk.dev, namespace)
    return EndpointKey(namespace, "fraud")

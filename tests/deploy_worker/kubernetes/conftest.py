"""The adapter over a fake API server, with short waits."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from kubernetes import client

from tests.deploy_worker.kubernetes.fake_api import FakeKubernetes, serve
from tests.waiting import until
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Snapshot
from tidegate.deploy_worker.kubernetes.api import KubeApi
from tidegate.deploy_worker.kubernetes.cluster import KubernetesCluster, Options
from tidegate.deploy_worker.kubernetes.kinds import HEARSAY, WATCHED
from tidegate.deploy_worker.kubernetes.patience import Patience
from tidegate.deploy_worker.kubernetes.reflector import Timing

KEY = EndpointKey("team-a", "fraud")
ISVC_PATH = "/apis/serving.kserve.io/v1beta1/namespaces/team-a/inferenceservices"
SERVICE_PATH = "/api/v1/namespaces/team-a/services"
EVENT_PATH = "/api/v1/namespaces/team-a/events"
POD_PATH = "/api/v1/namespaces/team-a/pods"


def isvc(
    name: str = "fraud-r1", labels: dict[str, str] | None = None, **spec: Any
) -> dict[str, Any]:
    """An InferenceService of the endpoint."""
    ours = {"tidegate.dev/endpoint": "fraud", "app.kubernetes.io/managed-by": "tidegate"}
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": name,
            "namespace": "team-a",
            "labels": ours if labels is None else labels,
        },
        "spec": spec or {"predictor": {"minReplicas": 1}},
    }


@dataclass
class Bench:
    """A fake API server and the adapter on it. woken: endpoints, as they were woken."""

    world: FakeKubernetes
    api: KubeApi
    cluster: KubernetesCluster
    woken: list[EndpointKey] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def wake(self, key: EndpointKey) -> None:
        """The watcher."""
        with self.world.changed:
            self.woken.append(key)
            self.world.changed.notify_all()

    def observe(self, key: EndpointKey = KEY) -> Snapshot:
        """A snapshot; fails where it is Unavailable."""
        snapshot = self.cluster.observe(key)
        assert isinstance(snapshot, Snapshot), snapshot
        return snapshot

    def until(self, fact: Any, seconds: float = 10.0) -> None:
        """Look again until the fact holds."""
        until(fact, seconds=seconds, every=0.01)


def bench_on(world: FakeKubernetes, url: str, **timing: float) -> Bench:
    """An adapter with short waits, on a client without credentials."""
    configuration = client.Configuration(host=url)
    configuration.retries = False
    made: list[float] = []
    times = {
        "silence": 5.0,
        "first": 0.01,
        "most": 0.1,
        "denied": 0.1,
        "absent": 0.1,
        "lost": 10.0,
        **timing,
    }
    patience = Patience(attempt=2.0, total=4.0, first=0.01, pause=made.append)
    options = Options(Timing(**times), patience, now=lambda: 1000.0)  # type: ignore[arg-type]
    api = KubeApi(client.ApiClient(configuration))
    return Bench(world, api, KubernetesCluster(api, options), pauses=made)


@pytest.fixture
def fake() -> Iterator[tuple[FakeKubernetes, str]]:
    """An API server with every kind, and one tenant."""
    with serve() as (world, url):
        world.collections |= {f"{kind.root}/{kind.plural}" for kind in (*WATCHED, *HEARSAY)} | {
            "/api/v1/namespaces"
        }
        world.put(
            "/api/v1/namespaces/team-a", {"metadata": {"labels": {"tidegate.dev/tenant": "true"}}}
        )
        yield world, url


@pytest.fixture
def bench(fake: tuple[FakeKubernetes, str]) -> Iterator[Bench]:
    """The adapter, watching."""
    made = bench_on(*fake)
    made.cluster.watch(made.wake)
    try:
        made.until(lambda: isinstance(made.cluster.observe(KEY), Snapshot))
        yield made
    finally:
        made.cluster.close()

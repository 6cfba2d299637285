"""The API server dies and comes back: the adapter says so meanwhile, and goes on by itself. No CRDs
here at all."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.built import dev_cluster
from tests.waiting import until
from tidegate.core.drivers.rendering import labels
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Apply, Capabilities, Done, Snapshot, Unavailable
from tidegate.deploy_worker.kubernetes.api import KubeApi
from tidegate.deploy_worker.kubernetes.cluster import KubernetesCluster, Options
from tidegate.deploy_worker.kubernetes.connect import connect
from tidegate.deploy_worker.kubernetes.patience import Patience
from tidegate.deploy_worker.kubernetes.reflector import Timing
from tidegate_local.devcluster.cluster import DevCluster

pytestmark = pytest.mark.cluster
KEY = EndpointKey("team-a", "fraud")


@pytest.fixture
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevCluster]:
    """Kubernetes alone, for one test."""
    with dev_cluster(tmp_path_factory.mktemp("bare"), ()) as cluster:
        yield cluster


def note(text: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "fraud-tidegate", "namespace": KEY.namespace, "labels": labels(KEY)},
        "data": {"text": text},
    }


def test_the_api_server_is_killed_and_comes_back(bare: DevCluster) -> None:
    bare.namespace(KEY.namespace, tenant=True)
    patience = Patience(attempts=2, total=1.0, first=0.05)
    adapter = KubernetesCluster(
        KubeApi(connect(bare.kubeconfig)), Options(Timing(lost=0.0, most=1.0), patience)
    )
    adapter.start()
    try:
        until(lambda: isinstance(adapter.observe(KEY), Snapshot))
        assert adapter.write(Apply(note("one"), None, "")) == Done()
        until(lambda: isinstance(adapter.capabilities(), Capabilities))
        caps = adapter.capabilities()
        assert isinstance(caps, Capabilities)
        assert not caps.standard, "the adapter works, and says that KServe is missing"
        told_pid = json.loads((bare.places.run / "kube-apiserver.pid").read_text())
        os.kill(told_pid["pid"], signal.SIGKILL)
        until(lambda: isinstance(adapter.observe(KEY), Unavailable))
        assert isinstance(adapter.write(Apply(note("lost"), None, "")), Unavailable)
        until(lambda: isinstance(adapter.observe(KEY), Snapshot))
        seen = adapter.observe(KEY)
        assert isinstance(seen, Snapshot)
        (result,) = seen.objects
        assert adapter.write(Apply(note("two"), result["metadata"]["uid"], "")) == Done()
        bare.kube.patch(
            "/api/v1/namespaces/team-a/configmaps/fraud-tidegate", {"data": {"by": "somebody"}}
        )

        def observed() -> bool:
            now = adapter.observe(KEY)
            return isinstance(now, Snapshot) and "by" in now.objects[0]["data"]

        until(observed)
    finally:
        adapter.close()

"""The dev cluster does what a cluster does: schedules, scales, admits, serves both modes of KServe,
and goes away."""

import json
import os
import select
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.objects import deployment, inference_service
from tidegate_local.devcluster import launch
from tidegate_local.devcluster.cluster import ClusterError, DevCluster, ordered
from tidegate_local.devcluster.fake_nodes import CRASH, HOLD
from tidegate_local.devcluster.kube import Json, KubeError, ready
from tidegate_local.home import HomeBusyError

pytestmark = pytest.mark.cluster
ISVC = "serving.kserve.io/v1beta1"


def has_ready(count: int) -> Callable[[Json], bool]:
    return lambda manifest: manifest.get("status", {}).get("readyReplicas", 0) == count


def test_the_pods_of_a_deployment_get_ready(cluster: DevCluster, namespace: str) -> None:
    cluster.kube.apply(deployment(namespace, "web", replicas=3))
    cluster.kube.wait(
        cluster.kube.path("apps/v1", "Deployment", namespace, "web"), has_ready(3), 30.0
    )


def test_a_held_pod_stays_unready_until_it_is_released(cluster: DevCluster, namespace: str) -> None:
    kube = cluster.kube
    kube.apply(deployment(namespace, "good", replicas=1))
    kube.apply(deployment(namespace, "bad", replicas=1, labels={HOLD: "true"}))
    kube.wait(kube.path("apps/v1", "Deployment", namespace, "good"), has_ready(1), 30.0)
    bad = kube.path("apps/v1", "Deployment", namespace, "bad")
    kube.wait(
        bad, lambda manifest: manifest.get("status", {}).get("unavailableReplicas") == 1, 30.0
    )
    pods = kube.call("GET", kube.path("v1", "Pod", namespace), query={"labelSelector": "app=bad"})[
        "items"
    ]
    assert [(pod["status"]["phase"], ready(pod)) for pod in pods] == [("Pending", False)]
    assert cluster.nodes.release(namespace, "app=bad") == 1
    kube.wait(bad, has_ready(1), 30.0)


def test_a_model_that_crashes_is_told_by_kserve(cluster: DevCluster, namespace: str) -> None:
    kube = cluster.kube
    kube.apply(inference_service(namespace, "bad-r1", "Standard", labels={CRASH: "true"}))
    path = kube.path(ISVC, "InferenceService", namespace, "bad-r1")
    manifest = kube.wait(
        path,
        lambda result: "lastFailureInfo" in result.get("status", {}).get("modelStatus", {}),
        30.0,
    )
    assert not ready(manifest)
    assert manifest["status"]["modelStatus"]["transitionStatus"] == "BlockedByFailedLoad"
    (pod,) = kube.items("v1", "Pod", namespace)
    states = [status["state"]["waiting"]["reason"] for status in pod["status"]["containerStatuses"]]
    assert states == ["CrashLoopBackOff"]


def test_without_kubelets_new_pods_wait(cluster: DevCluster, namespace: str) -> None:
    kube = cluster.kube
    cluster.nodes.pause()
    try:
        kube.apply(deployment(namespace, "late", replicas=1))
        path = kube.path("apps/v1", "Deployment", namespace, "late")
        manifest = kube.wait(
            path, lambda result: result.get("status", {}).get("unavailableReplicas") == 1, 30.0
        )
        assert manifest["status"].get("readyReplicas", 0) == 0
    finally:
        cluster.nodes.resume()
    kube.wait(path, has_ready(1), 60.0)


def test_a_standard_inference_service_gets_a_deployment_and_a_service(
    cluster: DevCluster, namespace: str
) -> None:
    kube = cluster.kube
    kube.apply(inference_service(namespace, "fraud-r1", "Standard", minReplicas=2))
    manifest = kube.wait(kube.path(ISVC, "InferenceService", namespace, "fraud-r1"), ready, 60.0)
    assert manifest["status"]["deploymentMode"] == "Standard"
    made = kube.get(kube.path("apps/v1", "Deployment", namespace, "fraud-r1-predictor"))
    assert made is not None
    assert made["spec"]["replicas"] == 2
    (main,) = (
        c for c in made["spec"]["template"]["spec"]["containers"] if c["name"] == "kserve-container"
    )
    assert main["image"].startswith("nvcr.io/nvidia/tritonserver")
    assert kube.get(kube.path("v1", "Service", namespace, "fraud-r1-predictor")) is not None
    routes = kube.items("gateway.networking.k8s.io/v1", "HTTPRoute", namespace)
    assert routes == [], "cluster-local: KServe makes no route of its own"


def test_with_keda_kserve_makes_a_scaled_object(cluster: DevCluster, namespace: str) -> None:
    kube = cluster.kube
    metric = {
        "backend": "prometheus",
        "serverAddress": "http://prometheus:9090",
        "query": "sum(rate(x[1m]))",
    }
    external = {"metric": metric, "target": {"type": "Value", "value": "10"}}
    scaling = {"metrics": [{"type": "External", "external": external}]}
    isvc = inference_service(
        namespace, "keda-r1", "Standard", minReplicas=1, maxReplicas=3, autoScaling=scaling
    )
    isvc["metadata"]["annotations"]["serving.kserve.io/autoscalerClass"] = "keda"
    kube.apply(isvc)
    kube.wait(kube.path(ISVC, "InferenceService", namespace, "keda-r1"), ready, 60.0)
    (scaled,) = kube.items("keda.sh/v1alpha1", "ScaledObject", namespace)
    assert scaled["metadata"]["name"] == "keda-r1-predictor"
    assert kube.items("autoscaling/v2", "HorizontalPodAutoscaler", namespace) == []


def test_kserves_webhook_refuses_what_it_should(cluster: DevCluster, namespace: str) -> None:
    wrong = inference_service(namespace, "fraud", "Standard", minReplicas=3, maxReplicas=1)
    with pytest.raises(KubeError, match=r"(?i)replicas") as exception_info:
        cluster.kube.apply(wrong)
    assert exception_info.value.status in (400, 403, 422)


def test_a_knative_inference_service_gets_ready_and_splits_its_traffic(
    cluster: DevCluster, namespace: str
) -> None:
    kube = cluster.kube
    path = kube.path(ISVC, "InferenceService", namespace, "fraud")
    kube.apply(inference_service(namespace, "fraud", "Knative", minReplicas=1))
    kube.wait(path, ready, 90.0)
    kube.apply(
        inference_service(
            namespace, "fraud", "Knative", "2", minReplicas=1, canaryTrafficPercent=10
        )
    )
    manifest = kube.wait(path, lambda result: ready(result) and len(_traffic(result)) == 2, 90.0)
    assert sorted(item.get("percent", 0) for item in _traffic(manifest)) == [10, 90]


def _traffic(isvc: Json) -> list[Json]:
    predictor = isvc.get("status", {}).get("components", {}).get("predictor", {})
    return list(predictor.get("traffic", []))


def test_what_is_deleted_takes_its_objects_along(cluster: DevCluster, namespace: str) -> None:
    kube = cluster.kube
    path = kube.path(ISVC, "InferenceService", namespace, "gone-r1")
    kube.apply(inference_service(namespace, "gone-r1", "Standard"))
    kube.wait(path, ready, 60.0)
    kube.delete(path)
    where = kube.path("v1", "Pod", namespace)
    kube.wait(where, lambda manifest: not manifest["items"], 60.0)
    assert kube.get(path) is None


def test_the_kubeconfig_works_for_clients(cluster: DevCluster) -> None:
    from kubernetes import client, config

    api = client.CoreV1Api(config.new_client_from_config(str(cluster.kubeconfig)))
    assert {node.metadata.name for node in api.list_node().items} == {"node-0", "node-1"}


def test_nothing_in_it_has_crashed(cluster: DevCluster) -> None:
    assert {
        part.name: part.restarts for part in cluster.status() if part.restarts or not part.running
    } == {}


def test_down_leaves_nothing_running(tmp_path: Path) -> None:
    cluster = DevCluster(tmp_path / "small")
    cluster.up(parts=())
    pids = [json.loads(file.read_text())["pid"] for file in cluster.places.run.glob("*.pid")]
    assert len(pids) == 5
    with pytest.raises(HomeBusyError, match="another process uses this folder"):
        DevCluster(tmp_path / "small").up(parts=())
    assert all(part.running for part in cluster.status()), "the second attempt touched nothing"
    cluster.down()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert cluster.status() == ()


def test_a_killed_daemon_takes_its_processes_along(tmp_path: Path) -> None:
    root = tmp_path / "small"
    state = launch.up(root, [], lambda _: None)
    handles = [
        os.pidfd_open(json.loads(file.read_text())["pid"]) for file in (root / "run").glob("*.pid")
    ]
    try:
        assert len(handles) == 5
        os.kill(state["pid"], signal.SIGKILL)
        for handle in handles:
            assert select.select([handle], [], [], 30.0)[0], "a process has outlived its daemon"
    finally:
        for handle in handles:
            os.close(handle)
    assert launch.state(root) is None


def test_an_unknown_part_is_named() -> None:
    with pytest.raises(
        ClusterError,
        match=r"no such part: kafka; choose from gateway, prometheus, knative, keda, kserve",
    ):
        ordered(["kafka"])

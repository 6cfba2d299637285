"""What holds pods up on the real control plane: an init container, a mount, and what a proxy beside
the model does; and the right to read logs, as the API server sees it."""

import pytest

from tests.cluster.access import bind, kubeconfig_of_worker, shipped
from tests.cluster.desk import Desk
from tests.cluster.test_incidents import ended, pods, report
from tidegate.core.intent import EndpointKey, Mode
from tidegate.core.ports import State
from tidegate.deploy_worker.kubernetes.api import KubeApi
from tidegate.deploy_worker.kubernetes.connect import connect
from tidegate.deploy_worker.kubernetes.pod_logs import permitted
from tidegate_local.devcluster.cluster import DevCluster
from tidegate_local.devcluster.kube import Json

pytestmark = [pytest.mark.cluster, pytest.mark.real]


def failure(desk: Desk, key: EndpointKey, revision: int) -> str:
    lives = desk.status(key)["live"]
    return next(
        (str(live["trouble"]["failure"]) for live in lives if live["revision"] == revision), ""
    )


def init_waits(desk: Desk, pod: Json, init: Json) -> None:
    """The kubelet says that an init container keeps the model's from starting."""
    behind = {"state": {"waiting": {"reason": "PodInitializing"}}, "started": False}
    report(desk, pod, behind, ready=False)
    meta = pod["metadata"]
    path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/status"
    desk.dev.kube.patch(path, {"status": {"initContainerStatuses": [init]}})


def mount_fails(desk: Desk, pod: Json, message: str) -> None:
    """A warning, as the kubelet writes it."""
    meta = pod["metadata"]
    about = {
        "kind": "Pod",
        "name": meta["name"],
        "namespace": meta["namespace"],
        "uid": meta["uid"],
    }
    now = "2026-01-01T00:00:00Z"
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{meta['name']}.mount", "namespace": meta["namespace"]},
        "involvedObject": {"apiVersion": "v1", **about},
        "type": "Warning",
        "reason": "FailedMount",
        "message": message,
        "firstTimestamp": now,
        "lastTimestamp": "2100-01-01T00:00:00Z",
        "source": {"component": "kubelet"},
    }
    desk.dev.kube.call("POST", f"/api/v1/namespaces/{meta['namespace']}/events", event)


@pytest.mark.parametrize("mode", list(Mode))
def test_an_init_container_that_hangs_is_told(desk: Desk, key: EndpointKey, mode: Mode) -> None:
    desk.create(key, mode)
    desk.start(key)
    (pod,) = pods(desk, key, 2)
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image kserve/init:nope"}
    init = {
        "name": "storage-initializer",
        "image": "kserve/init:nope",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"waiting": waiting},
    }
    init_waits(desk, pod, init)
    desk.until(
        lambda: failure(desk, key, 2).startswith("storage-initializer: ImagePullBackOff"),
        instead=lambda: desk.status(key),
    )


def test_a_mount_that_fails_is_told(desk: Desk, key: EndpointKey) -> None:
    desk.create(key, Mode.STANDARD)
    desk.start(key)
    (pod,) = pods(desk, key, 2)
    creating = {"state": {"waiting": {"reason": "ContainerCreating"}}, "started": False}
    report(desk, pod, creating, ready=False)
    mount_fails(desk, pod, 'MountVolume.SetUp failed for volume "x": secret "aws" not found')
    desk.until(
        lambda: 'secret "aws" not found' in failure(desk, key, 2),
        instead=lambda: desk.status(key),
    )


def test_a_proxy_that_restarts_ends_no_rollout(desk: Desk, key: EndpointKey) -> None:
    """In Knative mode each pod has one: queue-proxy."""
    desk.create(key, Mode.KNATIVE)
    rollout = desk.start(key)
    (pod,) = pods(desk, key, 2)
    model, *others = pod["status"]["containerStatuses"]
    (proxy,) = [each for each in others if each["name"] == "queue-proxy"]
    restarted = {**proxy, "restartCount": 7, "lastState": ended("OOMKilled", 137)}
    meta = pod["metadata"]
    path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/status"
    desk.dev.kube.patch(path, {"status": {"containerStatuses": [model, restarted]}})

    def notes() -> list[str]:
        lives = desk.status(key)["live"]
        return [
            note for live in lives if live["revision"] == 2 for note in live["trouble"]["beside"]
        ]

    desk.until(lambda: notes() == ["queue-proxy: 7 restarts"], instead=lambda: desk.status(key))
    assert desk.outcome(rollout) is None
    assert desk.shares(key) == {1: 75, 2: 25}


def test_the_right_to_read_logs_is_told(
    cluster: DevCluster, namespace: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    api = KubeApi(connect(kubeconfig_of_worker(cluster, tmp_path_factory.mktemp("access"))))
    bind(cluster, namespace)
    assert permitted(api, [namespace], 5.0).state is State.UNCHECKED
    cluster.kube.apply_all(shipped("clusterrole-logs.yaml"))
    (binding,) = shipped("rolebinding-tenant.example.yaml")
    meta = {**binding["metadata"], "name": "tidegate-logs", "namespace": namespace}
    role = {**binding["roleRef"], "name": "tidegate-logs"}
    cluster.kube.apply({**binding, "metadata": meta, "roleRef": role})
    cluster.kube.until(
        lambda: permitted(api, [namespace], 5.0).state is State.OK, "logs may be read", 10.0
    )

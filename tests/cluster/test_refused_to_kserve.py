"""What is refused to KServe, after Tidegate's own write was taken: the status says it in the
refuser's words, nothing moves, and when the refusal goes the rollout goes on."""

import uuid
from collections.abc import Callable

import pytest

from tests.cluster.desk import BY_HAND, Desk, model
from tidegate.core.intent import EndpointKey, Mode, Runtime
from tidegate.core.rollout import Rollout
from tidegate.store import Started, revisions, rollouts
from tidegate_local.devcluster.kube import Json, Kube

pytestmark = [pytest.mark.cluster, pytest.mark.real]


def quota(namespace: str, **hard: str) -> Json:
    """No more of these than there are."""
    meta = {"name": "tight", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": {"hard": hard}}


def one_deployment(_: Kube, namespace: str) -> Json:
    return quota(namespace, **{"count/deployments.apps": "1"})


def one_pod(_: Kube, namespace: str) -> Json:
    return quota(namespace, pods="1")


def placed_runtime(kube: Kube, namespace: str) -> Json:
    """A runtime of the tenant's own that asks for a node: Knative's webhook takes no node selector
    unless told to."""
    api = "serving.kserve.io/v1alpha1"
    usual = kube.get(kube.path(api, "ClusterServingRuntime", name="kserve-tritonserver"))
    assert usual is not None
    meta = {"name": "kserve-tritonserver", "namespace": namespace}
    spec = {**usual["spec"], "nodeSelector": {"kubernetes.io/os": "linux"}}
    return {"apiVersion": api, "kind": "ServingRuntime", "metadata": meta, "spec": spec}


@pytest.mark.parametrize(
    ("mode", "made", "words"),
    [
        (Mode.STANDARD, one_deployment, "exceeded quota: tight"),
        (Mode.STANDARD, one_pod, "exceeded quota: tight"),
        (
            Mode.KNATIVE,
            placed_runtime,
            "must not set the field(s): spec.template.spec.nodeSelector",
        ),
    ],
)
def test_the_status_says_what_was_refused_to_kserve(
    desk: Desk, key: EndpointKey, mode: Mode, made: Callable[[Kube, str], Json], words: str
) -> None:
    desk.create(key, mode)
    kube = desk.dev.kube
    wall = made(kube, key.namespace)
    kube.apply(wall)
    path = kube.path(wall["apiVersion"], wall["kind"], key.namespace, wall["metadata"]["name"])
    if wall["kind"] == "ResourceQuota":
        kube.wait(path, lambda result: result.get("status", {}).get("used"), 30.0)
    with desk.store.begin() as tx:
        revisions.add_revision(tx, key, model(2), Runtime(), author="ann")
        rollout = Rollout(str(uuid.uuid4()), BY_HAND, 1, 2, "ann")
        assert isinstance(rollouts.start(tx, key, rollout), Started)
    desk.until(lambda: words in desk.status(key)["message"], instead=lambda: desk.status(key))
    assert desk.status(key)["message"].startswith("r2 has 0 of 1 replicas ready: ")
    assert desk.shares(key) == {1: 100}
    kube.delete(path)
    desk.until(lambda: desk.shares(key) == {1: 75, 2: 25}, instead=lambda: desk.status(key))
    assert words not in desk.status(key)["message"]

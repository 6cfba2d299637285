"""What somebody else changes in our objects, with the owners of fields that the real API server
records."""

from typing import Any

import pytest

from tests.cluster.desk import Desk
from tidegate.core.intent import EndpointKey, Mode
from tidegate_local.devcluster.kube import Json

pytestmark = [pytest.mark.cluster, pytest.mark.real]
ISVC = "serving.kserve.io/v1beta1"
ROUTE = "gateway.networking.k8s.io/v1"
NAMES = {Mode.STANDARD: "fraud-r1", Mode.KNATIVE: "fraud"}


def edit(desk: Desk, path: str, change: Json, manager: str) -> None:
    """Somebody's merge patch under this name."""
    query = {"fieldManager": manager}
    desk.dev.kube.call("PATCH", path, change, "application/merge-patch+json", query)


def drifts(desk: Desk, key: EndpointKey, manager: str) -> list[dict[str, Any]]:
    """What the status tells of this manager, the newest first. What KServe's webhook adds to an
    edit, such as an annotation, is the editor's, too."""
    return [each for each in desk.status(key)["drift"] if each["manager"] == manager]


@pytest.mark.parametrize("mode", list(Mode))
def test_a_replica_bound_that_somebody_sets_is_told_and_put_back(
    desk: Desk, key: EndpointKey, mode: Mode
) -> None:
    desk.create(key, mode)
    path = desk.dev.kube.path(ISVC, "InferenceService", key.namespace, NAMES[mode])
    edit(desk, path, {"spec": {"predictor": {"minReplicas": 0}}}, "kubectl-edit")
    desk.until(lambda: drifts(desk, key, "kubectl-edit"), instead=lambda: desk.status(key))
    field = "spec.predictor.minReplicas"
    (drift,) = [each for each in drifts(desk, key, "kubectl-edit") if each["field"] == field]
    assert drift["object"] == f"InferenceService {NAMES[mode]}"
    assert (drift["observed"], drift["desired"]) == ("0", "1")
    assert drift["starts"] == {Mode.STANDARD: "nothing", Mode.KNATIVE: "new-revision"}[mode]
    assert drift["written_at"] > 1_700_000_000
    desk.until(
        lambda: any(
            each["put_back"] and each["field"] == field
            for each in drifts(desk, key, "kubectl-edit")
        ),
        instead=lambda: desk.status(key),
    )
    live = desk.dev.kube.get(path)
    assert live is not None
    assert live["spec"]["predictor"]["minReplicas"] == 1


def test_a_split_that_somebody_sets_is_told_by_its_weights(desk: Desk, key: EndpointKey) -> None:
    desk.create(key, Mode.STANDARD)
    desk.start(key)
    path = desk.dev.kube.path(ROUTE, "HTTPRoute", key.namespace, "fraud")
    live = desk.dev.kube.get(path)
    assert live is not None
    rules = live["spec"]["rules"]
    for rule in rules:
        for reference in rule["backendRefs"]:
            reference["weight"] = 50
    edit(desk, path, {"spec": {"rules": rules}}, "argocd-controller")
    desk.until(lambda: drifts(desk, key, "argocd-controller"), instead=lambda: desk.status(key))
    first = drifts(desk, key, "argocd-controller")[0]
    assert first["field"] == "spec.rules[0].backendRefs[0].weight"
    assert (first["observed"], first["desired"]) == ("50", "75")
    desk.until(lambda: desk.shares(key) == {1: 75, 2: 25}, instead=lambda: desk.status(key))


@pytest.mark.parametrize("mode", list(Mode))
def test_an_annotation_that_starts_pods_is_told_though_it_stays(
    desk: Desk, key: EndpointKey, mode: Mode
) -> None:
    desk.create(key, mode)
    path = desk.dev.kube.path(ISVC, "InferenceService", key.namespace, NAMES[mode])
    annotations = {"team/token": "s3cr3t"}
    edit(desk, path, {"metadata": {"annotations": annotations}}, "kubectl-annotate")
    desk.until(lambda: drifts(desk, key, "kubectl-annotate"), instead=lambda: desk.status(key))
    (drift,) = drifts(desk, key, "kubectl-annotate")
    assert drift["field"] == "metadata.annotations[team/token]"
    assert drift["starts"] == {Mode.STANDARD: "new-pods", Mode.KNATIVE: "new-revision"}[mode]
    assert "s3cr3t" not in str(desk.status(key))


@pytest.mark.parametrize("mode", list(Mode))
def test_a_rollout_of_our_own_is_no_drift(desk: Desk, key: EndpointKey, mode: Mode) -> None:
    desk.create(key, mode)
    desk.start(key)
    assert desk.status(key)["drift"] == []

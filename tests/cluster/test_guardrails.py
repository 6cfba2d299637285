"""The guardrails on the real Kyverno: a rollout passes through, a hand edit does not, and nothing
wedges."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.built import dev_cluster
from tests.cluster.access import bind
from tests.cluster.desk import Desk, seated
from tests.cluster.objects import inference_service
from tests.policies.written import KEY, written
from tidegate.core.intent import EndpointKey, Mode
from tidegate.core.rollout import ActionKind, Outcome
from tidegate_local.devcluster.cluster import DevCluster
from tidegate_local.devcluster.kube import Json, Kube, KubeError
from tidegate_local.devcluster.kyverno import NAME, enforce

pytestmark = [pytest.mark.cluster, pytest.mark.real]
PARTS = ("knative", "kserve", "kyverno")
DEPLOY = Path(__file__).parents[2] / "deploy" / "k8s" / "policies" / "kyverno"
ISVC = "serving.kserve.io/v1beta1"
ROUTE = "gateway.networking.k8s.io/v1"
WORKER = "system:serviceaccount:tidegate-system:tidegate-deploy-worker"
_numbers = count(1)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevCluster]:
    with dev_cluster(tmp_path_factory.mktemp("guarded"), PARTS) as cluster:
        cluster.namespace("before", tenant=True)
        cluster.kube.apply(_old(inference_service("before", "old", "Standard")))
        enforce(cluster.kube, policies())
        yield cluster


def policies() -> list[Json]:
    """What a user applies."""
    listed = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())["resources"]
    return [yaml.safe_load((DEPLOY / name).read_text()) for name in listed]


def _old(item: Json) -> Json:
    """From before the policies: nothing of it is as they want it."""
    item["spec"]["predictor"]["model"] |= {
        "storageUri": "http://somewhere/m",
        "runtimeVersion": "latest",
    }
    item["spec"]["predictor"]["canaryTrafficPercent"] = 10
    return item


@pytest.fixture(scope="module")
def desk(
    guarded: DevCluster, databases: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    with seated(guarded, databases, tmp_path_factory.mktemp("worker")) as result:
        yield result


@pytest.fixture
def key(guarded: DevCluster) -> EndpointKey:
    name = f"g{next(_numbers)}"
    guarded.namespace(name, tenant=True)
    bind(guarded, name)
    return EndpointKey(name, "fraud")


@dataclass(frozen=True)
class People:
    """Ann, who may do everything that RBAC can permit; Ann with the glass broken; the name that
    Tidegate has."""

    ann: Kube
    broken_glass: Kube
    worker: Kube


@pytest.fixture(scope="module")
def people(guarded: DevCluster) -> Iterator[People]:
    group = "rbac.authorization.k8s.io"
    role = {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"}
    subjects = [{"apiGroup": group, "kind": "User", "name": name} for name in ("ann", WORKER)]
    kind = {"apiVersion": f"{group}/v1", "kind": "ClusterRoleBinding"}
    guarded.kube.apply(
        {**kind, "metadata": {"name": "people"}, "roleRef": role, "subjects": subjects}
    )
    everybody = "system:authenticated"
    plane = guarded.plane
    with ExitStack() as stack:
        made = [
            stack.enter_context(
                closing(Kube(plane.url, plane.token, plane.pair.cert, user, groups))
            )
            for user, groups in (
                ("ann", (everybody,)),
                ("ann", (everybody, "tidegate:break-glass")),
                (WORKER, (everybody,)),
            )
        ]
        yield People(*made)


def refusal(kube: Kube, path: str, change: Json | None) -> str:
    """What a change by hand (None: a deletion) is answered; '' where it is admitted. Nothing is
    stored."""
    try:
        if change is None:
            kube.call("DELETE", path, query={"dryRun": "All"})
        else:
            kube.call("PATCH", path, change, "application/merge-patch+json", {"dryRun": "All"})
    except KubeError as error:
        return str(error)
    return ""


def _edits(kube: Kube, key: EndpointKey, mode: Mode) -> list[tuple[str, Json | None]]:
    """Edits by hand that would move traffic past the rollout controller."""
    if mode is Mode.KNATIVE:
        service = kube.path(ISVC, "InferenceService", key.namespace, "fraud")
        note = kube.path("v1", "ConfigMap", key.namespace, "fraud-tidegate")
        return [
            (service, {"spec": {"predictor": {"canaryTrafficPercent": 90}}}),
            (service, {"metadata": {"annotations": {"anything": "new"}}}),
            (note, {"data": {"generation": "99"}}),
            (service, None),
        ]
    service = kube.path(ISVC, "InferenceService", key.namespace, "fraud-r2")
    route = kube.path(ROUTE, "HTTPRoute", key.namespace, "fraud")
    return [
        (service, {"spec": {"predictor": {"minReplicas": 0}}}),
        (
            route,
            {"spec": {"rules": [{"backendRefs": [{"name": "fraud-r2-predictor", "port": 80}]}]}},
        ),
        (route, {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}}),
        (route, {"metadata": {"annotations": {"tidegate.dev/store": "another"}}}),
        (route, None),
    ]


@pytest.mark.parametrize("mode", list(Mode))
def test_a_rollout_passes_through_and_hands_are_kept_off(
    desk: Desk, key: EndpointKey, people: People, mode: Mode
) -> None:
    desk.create(key, mode)
    rollout = desk.start(key)
    for path, change in _edits(desk.dev.kube, key, mode):
        assert "protect-tidegate-objects" in refusal(people.ann, path, change), (path, change)
        assert refusal(people.broken_glass, path, change) == "", (path, change)
    desk.action(rollout, ActionKind.APPROVE)
    desk.until(lambda: desk.shares(key) == {2: 100}, instead=lambda: desk.status(key))
    desk.until(lambda: desk.outcome(rollout) is Outcome.PROMOTED)
    if mode is Mode.STANDARD:
        left = {"fraud-r2"}
    else:
        left = {"fraud"}
    desk.until(lambda: desk.services(key) == left, instead=lambda: desk.status(key))
    _goes_away(desk.dev, key.namespace)


def test_an_abort_needs_no_kyverno(desk: Desk, key: EndpointKey, people: People) -> None:
    """Weights alone are not judged, and the worker is not asked about."""
    desk.create(key, Mode.STANDARD)
    rollout = desk.start(key)
    route = desk.dev.kube.path(ROUTE, "HTTPRoute", key.namespace, "fraud")
    desk.dev.plane.pause(NAME)
    try:
        desk.action(rollout, ActionKind.ABORT)
        desk.until(lambda: desk.shares(key) == {1: 100}, instead=lambda: desk.status(key))
        assert "kyverno" in refusal(people.ann, route, None), "others wait for it"
    finally:
        desk.dev.plane.resume(NAME)
    back = "Policy protect-tidegate-objects failed"
    desk.until(
        lambda: back in refusal(people.ann, route, None),
        instead=lambda: refusal(people.ann, route, None),
    )
    desk.until(lambda: desk.outcome(rollout) is Outcome.ABORTED)
    desk.until(lambda: desk.phase(key) == "ready", instead=lambda: desk.status(key))


def test_what_a_tenant_may_not_write_is_refused_with_the_reason(
    guarded: DevCluster, people: People
) -> None:
    for name in ("tenant", "others"):
        guarded.namespace(name, tenant=name == "tenant")
    canary = inference_service("tenant", "bad", "Standard", canaryTrafficPercent=10)
    nowhere = inference_service("tenant", "bad", "Standard")
    nowhere["spec"]["predictor"]["model"]["storageUri"] = "http://somewhere/m"
    spec = {
        "hostnames": ["bank.example.com"],
        "rules": [{"backendRefs": [{"name": "x", "port": 80}]}],
    }
    meta = {"name": "bad", "namespace": "tenant"}
    route = {"apiVersion": ROUTE, "kind": "HTTPRoute", "metadata": meta, "spec": spec}
    reasons = {
        "canaryTrafficPercent works in deploymentMode Knative only, found Standard": canary,
        "found http://somewhere/m": nowhere,
        "these hostnames are not the tenant's: bank.example.com": route,
    }
    for reason, item in reasons.items():
        assert reason in _made(people.ann, item)
        assert (
            _made(people.ann, {**item, "metadata": {**item["metadata"], "namespace": "others"}})
            == ""
        )


def test_every_object_that_tidegate_may_write_is_admitted(
    guarded: DevCluster, people: People
) -> None:
    """By all webhooks of the cluster, under the worker's name; the same from anybody else is
    not."""
    guarded.namespace(KEY.namespace, tenant=True)
    for where, item in written():
        assert _made(people.worker, dict(item)) == "", where
        assert "only Tidegate makes" in _made(people.ann, dict(item)), where


def _made(kube: Kube, item: Json) -> str:
    """What the creation of an object is answered; '' where it is admitted. Nothing is stored."""
    try:
        path = kube.path(item["apiVersion"], item["kind"], item["metadata"]["namespace"])
        kube.call("POST", path, item, query={"dryRun": "All"})
    except KubeError as error:
        return str(error)
    return ""


def test_a_namespace_from_before_the_policies_can_be_deleted(guarded: DevCluster) -> None:
    """KServe takes its finalizer off by an update of an object that no policy would admit today."""
    path = guarded.kube.path(ISVC, "InferenceService", "before", "old")
    assert (guarded.kube.get(path) or {})["metadata"]["finalizers"]
    _goes_away(guarded, "before")


def _goes_away(dev: DevCluster, namespace: str) -> None:
    path = dev.kube.path("v1", "Namespace", name=namespace)
    dev.kube.delete(path)
    dev.kube.until(lambda: dev.kube.get(path) is None, f"{namespace} is deleted", 90.0)

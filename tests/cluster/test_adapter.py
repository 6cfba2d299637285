"""The Kubernetes adapter on the real API server and the real KServe, as the ServiceAccount with the
shipped roles."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.cluster.access import bind, kubeconfig_of_worker
from tests.cluster.objects import inference_service
from tests.waiting import until
from tidegate.core.drivers.rendering import labels
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import (
    Apply,
    Capabilities,
    Conflict,
    Done,
    Refused,
    Remove,
    Snapshot,
    Unavailable,
)
from tidegate.deploy_worker.kubernetes.api import KubeApi
from tidegate.deploy_worker.kubernetes.capabilities import Expected
from tidegate.deploy_worker.kubernetes.cluster import KubernetesCluster, Options
from tidegate.deploy_worker.kubernetes.connect import connect
from tidegate.deploy_worker.kubernetes.patience import Patience
from tidegate.deploy_worker.kubernetes.reflector import Timing
from tidegate.deploy_worker.kubernetes.writer import Writer
from tidegate_local.devcluster.cluster import DevCluster
from tidegate_local.devcluster.kube import Json

pytestmark = pytest.mark.cluster
ISVC = "serving.kserve.io/v1beta1"


@dataclass
class Bench:
    """The dev cluster, and the adapter on it as the ServiceAccount."""

    dev: DevCluster
    adapter: KubernetesCluster
    api: KubeApi
    woken: list[EndpointKey]

    def observe(self, key: EndpointKey) -> Snapshot:
        """A snapshot; fails where it is Unavailable."""
        snapshot = self.adapter.observe(key)
        assert isinstance(snapshot, Snapshot), snapshot
        return snapshot

    def said(self, key: EndpointKey) -> str:
        """Why there is no snapshot; '' where there is one."""
        snapshot = self.adapter.observe(key)
        if isinstance(snapshot, Unavailable):
            return snapshot.detail
        return ""

    def live(self, key: EndpointKey, name: str) -> Json:
        """The InferenceService, as the API server has it, for its admin."""
        result = self.dev.kube.get(
            self.dev.kube.path(ISVC, "InferenceService", key.namespace, name)
        )
        assert result is not None
        return result


@pytest.fixture(scope="module")
def bench(cluster: DevCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    api = KubeApi(connect(kubeconfig_of_worker(cluster, tmp_path_factory.mktemp("access"))))
    timing = Timing(denied=0.5, absent=2.0)
    options = Options(
        timing, Patience(), Expected(gateway_namespace="tidegate-system", gateway_name="nowhere")
    )
    adapter = KubernetesCluster(api, options)
    woken: list[EndpointKey] = []
    stop = adapter.watch(woken.append)
    try:
        until(lambda: isinstance(adapter.capabilities(), Capabilities))
        yield Bench(cluster, adapter, api, woken)
    finally:
        stop()
        adapter.close()


@pytest.fixture
def key(bench: Bench, namespace: str) -> EndpointKey:
    """An endpoint in a bound tenant."""
    bind(bench.dev, namespace)
    result = EndpointKey(namespace, "fraud")
    until(lambda: not bench.said(result))
    return result


def isvc(key: EndpointKey, number: int = 1, **predictor: Any) -> Json:
    """A revision of the endpoint, marked as ours."""
    made = inference_service(
        key.namespace, f"{key.name}-r{number}", "Standard", str(number), **predictor
    )
    made["metadata"]["labels"] |= labels(key) | {"tidegate.dev/revision": f"r{number}"}
    return made


def uid(result: Any) -> str:
    return str(result["metadata"]["uid"])


def things(snapshot: Snapshot) -> set[str]:
    """The kinds of what is there; a warning about an object outlives it."""
    return {item["kind"] for item in snapshot.objects} - {"Event"}


def test_a_revision_is_made_watched_and_removed(bench: Bench, key: EndpointKey) -> None:
    assert bench.adapter.write(Apply(isvc(key, minReplicas=1), None, "r1")) == Done()
    made = bench.observe(key).get("InferenceService", "fraud-r1")
    assert made is not None, "our own write is seen at once"

    def ready() -> bool:
        deployment = bench.observe(key).get("Deployment", "fraud-r1-predictor") or {}
        return bool(deployment.get("status", {}).get("availableReplicas") == 1)

    until(ready)
    kinds = {"InferenceService", "Deployment", "Pod", "Service"}
    assert things(bench.observe(key)) == kinds, "KServe copies our label to what it makes"
    assert key in bench.woken
    gone = Remove(ISVC, "InferenceService", key.namespace, "fraud-r1", uid(made), "")
    assert bench.adapter.write(gone) == Done()
    until(lambda: not things(bench.observe(key)), instead=lambda: bench.observe(key).objects)
    assert bench.adapter.write(gone) == Done(), "gone already"


def test_a_field_of_the_create_goes_when_we_no_longer_say_it(
    bench: Bench, key: EndpointKey
) -> None:
    """To the server a create is an update by the same manager: without the takeover both would own
    the field."""
    bench.adapter.write(Apply(isvc(key, minReplicas=1, timeout=33), None, "r1"))
    result = bench.live(key, "fraud-r1")
    assert result["spec"]["predictor"]["timeout"] == 33
    assert bench.adapter.write(Apply(isvc(key, minReplicas=1), uid(result), "no timeout")) == Done()
    result = bench.live(key, "fraud-r1")
    assert "timeout" not in result["spec"]["predictor"]
    ours = [
        (f["manager"], f["operation"])
        for f in result["metadata"]["managedFields"]
        if f["manager"] == "tidegate"
    ]
    assert ours == [("tidegate", "Apply")]


def test_a_percent_that_somebody_else_wrote_is_overruled_by_force(
    bench: Bench, key: EndpointKey
) -> None:
    bench.adapter.write(Apply(isvc(key, minReplicas=1), None, "r1"))
    path = bench.dev.kube.path(ISVC, "InferenceService", key.namespace, "fraud-r1")
    bench.dev.kube.patch(path, {"spec": {"predictor": {"minReplicas": 3}}})
    write = Apply(isvc(key, minReplicas=1), uid(bench.live(key, "fraud-r1")), "")
    # A conflict where KServe writes at the same moment: then the worker looks again
    until(lambda: bench.adapter.write(write) == Done())
    assert bench.live(key, "fraud-r1")["spec"]["predictor"]["minReplicas"] == 1


def test_another_uid_is_a_conflict_and_what_is_gone_is_not_made_again(
    bench: Bench, key: EndpointKey
) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    absent = bench.adapter.write(Apply(isvc(key), nobody, ""))
    assert isinstance(absent, Conflict), absent
    assert bench.adapter.write(Apply(isvc(key), None, "")) == Done()
    assert isinstance(bench.adapter.write(Apply(isvc(key), nobody, "")), Conflict)
    removal = Remove(ISVC, "InferenceService", key.namespace, "fraud-r1", nobody, "")
    assert isinstance(bench.adapter.write(removal), Conflict)
    assert isinstance(bench.adapter.write(Apply(isvc(key), None, "")), Conflict), "it exists"
    bench.live(key, "fraud-r1")


def test_the_webhook_of_kserve_refuses_in_its_own_words(bench: Bench, key: EndpointKey) -> None:
    wrong = isvc(key, minReplicas=3, maxReplicas=2)
    for dry in (True, False):
        result = bench.adapter.write(Apply(wrong, None, ""), dry_run=dry)
        assert isinstance(result, Refused), result
        assert "MaxReplicas" in result.detail
    unknown = isvc(key)
    unknown["spec"]["predictor"]["minReplicas"] = "many"
    assert isinstance(bench.adapter.write(Apply(unknown, None, "")), Refused)


def test_a_dry_run_leaves_nothing(bench: Bench, key: EndpointKey) -> None:
    assert bench.adapter.write(Apply(isvc(key), None, ""), dry_run=True) == Done()
    assert bench.observe(key).objects == ()


def test_a_service_of_somebody_else_stands_in_the_way(bench: Bench, key: EndpointKey) -> None:
    """No watch shows it. It is found by name before the first create, and by the create itself."""
    for name in ("shop", "fraud"):  # fraud was looked for when there was none, shop never
        theirs = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": key.namespace},
            "spec": {"type": "ExternalName", "externalName": "example.org"},
        }
        bench.dev.kube.apply(theirs)
        mine = EndpointKey(key.namespace, name)
        if name == "fraud":
            ours = {**theirs, "metadata": {**theirs["metadata"], "labels": labels(mine)}}
            assert isinstance(bench.adapter.write(Apply(ours, None, "")), Conflict)
        assert bench.observe(mine).get("Service", name) is not None


def test_status_updates_do_not_starve_a_write(bench: Bench, key: EndpointKey) -> None:
    bench.adapter.write(Apply(isvc(key, minReplicas=1), None, "r1"))
    path = bench.dev.kube.path(ISVC, "InferenceService", key.namespace, "fraud-r1")
    stop = threading.Event()
    updates = 0

    def busy() -> None:
        nonlocal updates
        while not stop.wait(0.01):
            updates += 1
            bench.dev.kube.patch(
                f"{path}/status", {"status": {"url": f"http://{updates}.example.org"}}
            )

    writer = threading.Thread(target=busy)
    writer.start()
    try:
        until(lambda: updates > 5)
        results = []
        for number in range(1, 11):
            desired = isvc(key, minReplicas=1, timeout=number)
            result = bench.observe(key).get("InferenceService", "fraud-r1")
            results.append(bench.adapter.write(Apply(desired, uid(result), "abort")))
        assert results == [Done()] * 10
        assert bench.live(key, "fraud-r1")["spec"]["predictor"]["timeout"] == 10
    finally:
        stop.set()
        writer.join()


def test_a_label_without_a_binding_is_not_permitted(bench: Bench, namespace: str) -> None:
    key = EndpointKey(namespace, "fraud")
    until(lambda: "not permitted" in bench.said(key))
    assert "tidegate-deploy-worker" in bench.said(key), "in the API server's words"
    capabilities = bench.adapter.capabilities()
    assert isinstance(capabilities, Capabilities)
    assert any(
        note.startswith(f"namespace {namespace}: not permitted") for note in capabilities.notes
    )
    bind(bench.dev, namespace)
    until(lambda: not bench.said(key))


def test_a_binding_without_a_label_is_no_tenant(bench: Bench) -> None:
    bench.dev.namespace("bound-only")
    bind(bench.dev, "bound-only")
    key = EndpointKey("bound-only", "fraud")
    assert "not a tenant" in bench.said(key)
    assert isinstance(bench.adapter.write(Apply(isvc(key), None, "")), Unavailable)


def test_the_roles_permit_nothing_outside_tenants_and_no_workloads_inside(
    bench: Bench, key: EndpointKey
) -> None:
    """Past the adapter's own checks: it is the API server that says no."""
    writer = Writer(bench.api, Patience())
    bench.dev.namespace("nobodys")
    for namespace in ("nobodys", "kube-system", "tidegate-system"):
        result = writer.apply(Apply(isvc(EndpointKey(namespace, "fraud")), None, ""), None).result
        assert isinstance(result, Unavailable), "tried again soon: a role may come at any time"
        assert "cannot create resource" in result.detail
    core = f"/api/v1/namespaces/{key.namespace}"
    attempts = [
        ("DELETE", f"{core}/pods/x"),
        ("POST", f"{core}/pods"),
        ("GET", f"{core}/secrets"),
        ("PATCH", f"/apis/apps/v1/namespaces/{key.namespace}/deployments/x"),
        ("DELETE", f"/apis/serving.knative.dev/v1/namespaces/{key.namespace}/revisions/x"),
        (
            "PATCH",
            f"/apis/serving.kserve.io/v1beta1/namespaces/{key.namespace}/inferenceservices/x/status",
        ),
        ("PATCH", "/api/v1/namespaces/nobodys"),
        ("GET", "/api/v1/namespaces/kube-system/configmaps"),
        ("GET", "/api/v1/secrets"),
        ("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"),
    ]
    for method, path in attempts:
        body = None
        if method in ("POST", "PATCH"):
            body = {"metadata": {"name": "x"}}
        kind = "application/json"
        if method == "PATCH":
            kind = "application/merge-patch+json"
        answer = bench.api.call(method, path, body, content_type=kind)
        assert not isinstance(answer, Unavailable)
        assert answer.status == 403, f"{method} {path}: {answer.words}"


def test_what_the_cluster_can_do_is_found(bench: Bench) -> None:
    until(lambda: isinstance(bench.adapter.capabilities(), Capabilities))
    capabilities = bench.adapter.capabilities()
    assert isinstance(capabilities, Capabilities)
    assert (
        capabilities.standard,
        capabilities.knative,
        capabilities.gateway,
        capabilities.header_match,
    ) == (
        True,
        True,
        False,
        True,
    )
    assert capabilities.gpu, "the nodes of the dev cluster offer some"
    notes = "\n".join(capabilities.notes)
    assert "Gateway tidegate-system/nowhere does not exist" in notes
    assert "TIDEGATE_PROMETHEUS_URL" in notes
    assert "KServe's default mode is" in notes

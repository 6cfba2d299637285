"""Preflight on the real API server, as the ServiceAccount with the shipped roles: what would stop a
rollout is named with its step before anything moves."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from tests.cluster.access import bind, kubeconfig_of_worker, shipped
from tests.waiting import until
from tidegate.core import strategy
from tidegate.core.drivers import driver_for
from tidegate.core.drivers.rendering import Gateway, Platform
from tidegate.core.intent import (
    EndpointKey,
    Intent,
    Mode,
    Model,
    Pods,
    Revision,
    Runtime,
    Scaling,
    Toleration,
)
from tidegate.core.ports import Apply, Capabilities, Done, NoData, Snapshot
from tidegate.core.preflight import Finding, Level, Report, Request
from tidegate.core.reachable import FIRST, first
from tidegate.core.rollout import Rollout
from tidegate.core.strategy import Strategy
from tidegate.deploy_worker.kubernetes import children
from tidegate.deploy_worker.kubernetes.api import KubeApi
from tidegate.deploy_worker.kubernetes.cluster import KubernetesCluster, Options
from tidegate.deploy_worker.kubernetes.connect import connect
from tidegate.deploy_worker.kubernetes.patience import Patience
from tidegate.deploy_worker.kubernetes.pods import pod_asks
from tidegate.deploy_worker.kubernetes.reflector import Timing
from tidegate.deploy_worker.kubernetes.site import KubernetesSite
from tidegate.deploy_worker.meter import NoMeter, evidence_of
from tidegate.deploy_worker.parts import Parts
from tidegate.deploy_worker.preflight.run import run
from tidegate.deploy_worker.settings import WorkerSettings
from tidegate.store import Store
from tidegate_local.devcluster.cluster import DevCluster
from tidegate_local.devcluster.kube import Json, ready

pytestmark = pytest.mark.cluster
STORE = "00000000-0000-0000-0000-000000000001"
PLAN = strategy.canary((10, 25, 50))
DEFAULT = Runtime()
REVISIONS = tuple(
    Revision(
        n, Model("add_sub", str(n), f"s3://models/add_sub/{n}/", f"sha256-{n}"), DEFAULT, f"d{n}"
    )
    for n in (1, 2)
)


@dataclass
class Desk:
    """The dev cluster, and a worker's preflight on it. counted: why gates could not decide."""

    dev: DevCluster
    parts: Parts
    adapter: KubernetesCluster
    counted: list[str]

    def observe(
        self,
        key: EndpointKey,
        mode: Mode = Mode.STANDARD,
        plan: Strategy = PLAN,
        runtime: Runtime = DEFAULT,
        **intent: Any,
    ) -> Report:
        """Preflight of a rollout of r2 against r1, of which nothing exists yet."""
        at = Intent(key, 1, mode, 1, **{"scaling": Scaling(2, 2), **intent})
        revisions = tuple(replace(revision, runtime=runtime) for revision in REVISIONS)
        return run(
            Request(at, revisions, Rollout("ro", plan, 1, 2, "ann")),
            self.parts,
            STORE,
            lambda _: None,
        )

    def known(self, key: EndpointKey) -> bool:
        return isinstance(self.adapter.observe(key), Snapshot)


@pytest.fixture(scope="module")
def desk(cluster: DevCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    api = KubeApi(connect(kubeconfig_of_worker(cluster, tmp_path_factory.mktemp("access"))))
    cluster.kube.apply_all(shipped("clusterrole-preflight.yaml"))
    adapter = KubernetesCluster(api, Options(Timing(denied=0.5, absent=2.0), Patience()))
    counted: list[str] = []
    site = KubernetesSite(api, adapter.tenants, lambda *_: tuple(counted), grows=False)

    class Silent:
        def scrape(self, key: EndpointKey) -> NoData:
            return NoData("nobody counts")

    parts = Parts(
        cast(Store, None),
        adapter,
        Silent(),
        lambda store: Platform(store, Gateway("tidegate", "tidegate-system")),
        Capabilities,
        site=site,
    )
    stop = adapter.watch(lambda _: None)
    try:
        until(lambda: isinstance(adapter.capabilities(), Capabilities))
        yield Desk(cluster, parts, adapter, counted)
    finally:
        stop()
        adapter.close()


@pytest.fixture
def key(desk: Desk, namespace: str) -> EndpointKey:
    """An endpoint's name in a bound tenant."""
    bind(desk.dev, namespace)
    result = EndpointKey(namespace, "fraud")
    until(lambda: desk.known(result))
    return result


def problems(report: Report) -> list[Finding]:
    assert not report.trouble, report.trouble
    return list(report.of(Level.PROBLEM))


def quota(desk: Desk, key: EndpointKey, **hard: str) -> None:
    desk.dev.kube.apply(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "small", "namespace": key.namespace},
            "spec": {"hard": {name.replace("_", "."): value for name, value in hard.items()}},
        }
    )


def test_what_fits_and_is_admitted_is_accepted_and_leaves_nothing(
    desk: Desk, key: EndpointKey
) -> None:
    report = desk.observe(key)
    assert problems(report) == []
    assert report.checked >= 8
    assert cast(Snapshot, desk.adapter.observe(key)).objects == ()
    unchecked = " ".join(finding.text for finding in report.of(Level.UNCHECKED))
    assert "Deployment: its dry run is not permitted" in unchecked
    assert report.undo_seconds == 1.0


def test_a_quota_that_is_too_small_names_the_step(desk: Desk, key: EndpointKey) -> None:
    """Two replicas of one core each, and two more for the candidate at 50 %: at 10 % one is
    enough."""
    quota(desk, key, requests_cpu="3")
    (problem,) = problems(desk.observe(key))
    assert (problem.step, problem.rule) == (
        "step 3 of 3: 50 %",
        "capacity rule: a fifth more than its share",
    )
    assert (
        "2 of r1 and 2 of r2 need 4 requests.cpu in all; quota 'small' allows 3" in problem.detail
    )
    assert problem.object == "ResourceQuota small"


def test_blue_green_needs_twice_the_size_from_its_start(desk: Desk, key: EndpointKey) -> None:
    quota(desk, key, requests_memory="6Gi")
    (problem,) = problems(desk.observe(key, plan=strategy.blue_green()))
    assert (problem.step, problem.rule) == ("start", "full size beside stable")
    assert "allows 6 GiB" in problem.detail


def test_in_knative_mode_the_rollback_needs_the_most(desk: Desk, key: EndpointKey) -> None:
    """Stable, the bad one, and stable restored: five pods where four would do for the rollout
    itself."""
    quota(desk, key, requests_cpu="5")
    findings = problems(desk.observe(key, Mode.KNATIVE))
    assert [(finding.step, finding.rule) for finding in findings] == [
        ("abort", "stable, the bad one and stable restored")
    ]
    assert "4 of r1 and 2 of r2 need 6 requests.cpu" in findings[0].detail


def test_more_gpus_than_any_node_has_are_never_placed(desk: Desk, key: EndpointKey) -> None:
    messages = [problem.detail for problem in problems(desk.observe(key, runtime=Runtime(gpu=999)))]
    assert any(
        "no node offers what one pod of r1 asks for" in detail and "999 nvidia.com/gpu" in detail
        for detail in messages
    )


@pytest.fixture
def pool(desk: Desk) -> Iterator[str]:
    """A node of four GPUs for pods that ask for it and tolerate its taint; the name of somebody
    else's pod that takes them all."""
    kube = desk.dev.kube
    name = "pool-0"
    have = {"cpu": "32", "memory": "256Gi", "pods": "100", "nvidia.com/gpu": "4"}
    made: Json = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"pool": "gpu"}},
    }
    kube.apply({**made, "status": {"allocatable": have, "capacity": have}})
    path = f"/api/v1/nodes/{name}"
    kube.wait(path, ready)
    kube.patch(
        path, {"spec": {"taints": [{"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}]}}
    )
    four = {"limits": {"nvidia.com/gpu": "4"}}
    spec = {"nodeName": name, "containers": [{"name": "a", "image": "a", "resources": four}]}
    meta = {"name": "greedy", "namespace": "default"}
    kube.apply({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    try:
        yield "greedy"
    finally:
        kube.delete("/api/v1/namespaces/default/pods/greedy")
        kube.delete(path)


def details(report: Report, level: Level, words: str) -> list[str]:
    return [finding.detail for finding in report.of(level) if words in finding.detail]


def test_a_node_that_does_not_let_the_pods_in_is_named_with_its_taint(
    desk: Desk, key: EndpointKey, pool: str
) -> None:
    permit(desk, key, "tidegate-preflight")
    asks = Pods(node_selector=(("pool", "gpu"),))
    closed = Runtime(gpu=1, pods=asks)
    until(lambda: problems(desk.observe(key, runtime=closed)))
    messages = [problem.detail for problem in problems(desk.observe(key, runtime=closed))]
    (value,) = [item for item in messages if "r2" in item]
    assert "no node that r2 may be placed on offers what one pod of it asks for" in value
    assert "taint dedicated=gpu:NoSchedule is not tolerated (pool-0)" in value
    assert "node selector pool=gpu does not match (node-0, node-1)" in value
    opened = replace(closed, pods=replace(asks, tolerations=(Toleration("dedicated", "Exists"),)))
    report = desk.observe(key, runtime=opened)
    assert problems(report) == []
    assert details(report, Level.UNCHECKED, "what other pods take on the nodes")[0].count(
        "bind ClusterRole tidegate-capacity"
    )

    with every_pod_is_readable(desk):
        until(
            lambda: details(
                desk.observe(key, runtime=opened),
                Level.WARNING,
                "no capacity now for 1 of 1 new pod of r2",
            )
        )
        report = desk.observe(key, runtime=opened)
        assert not details(report, Level.UNCHECKED, "what other pods take on the nodes")
        (value,) = details(report, Level.WARNING, "new pod of r2")
        assert (
            "0 of 4 nvidia.com/gpu are free on the nodes that they may be placed on, pods of "
            "others take 4" in value
        )
        assert "the candidate waits until its ready deadline" in value
        desk.dev.kube.delete(f"/api/v1/namespaces/default/pods/{pool}")
        until(
            lambda: not details(desk.observe(key, runtime=opened), Level.WARNING, "no capacity now")
        )


@contextlib.contextmanager
def every_pod_is_readable(desk: Desk) -> Iterator[None]:
    """The optional role, bound as its comment says."""
    desk.dev.kube.apply_all(shipped("clusterrole-capacity.yaml"))
    (role,) = shipped("rolebinding-tenant.example.yaml")
    bound = {**role, "kind": "ClusterRoleBinding", "metadata": {"name": "tidegate-capacity"}}
    desk.dev.kube.apply({**bound, "roleRef": {**role["roleRef"], "name": "tidegate-capacity"}})
    try:
        yield
    finally:
        desk.dev.kube.delete(
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/tidegate-capacity"
        )


def permit(desk: Desk, key: EndpointKey, name: str) -> None:
    """Bind one more role in the tenant."""
    (role,) = shipped("rolebinding-tenant.example.yaml")
    meta = {**role["metadata"], "name": name, "namespace": key.namespace}
    desk.dev.kube.apply({**role, "metadata": meta, "roleRef": {**role["roleRef"], "name": name}})


def policy(desk: Desk, key: EndpointKey, rule: Json, expression: str, message: str) -> None:
    """Built into the API server; binds in one namespace. Returns when it acts."""
    name = f"no-{key.namespace}"
    group = "admissionregistration.k8s.io/v1"
    match = {"resourceRules": [{**rule, "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"]}]}
    spec: Json = {"failurePolicy": "Fail", "matchConstraints": match}
    spec["validations"] = [{"expression": expression, "message": message}]
    desk.dev.kube.apply(
        {
            "apiVersion": group,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": spec,
        }
    )
    selector = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": key.namespace}}
    }
    bound = {"policyName": name, "validationActions": ["Deny"], "matchResources": selector}
    desk.dev.kube.apply(
        {
            "apiVersion": group,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": bound,
        }
    )


ROUTES: Json = {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["httproutes"]}
DEPLOYMENTS: Json = {"apiGroups": ["apps"], "resources": ["deployments"]}
NO_25 = "object.spec.rules.all(r, r.backendRefs.all(b, b.weight != 25))"


def test_a_policy_that_forbids_a_step_is_named_before_anything_moves(
    desk: Desk, key: EndpointKey
) -> None:
    policy(desk, key, ROUTES, NO_25, "no canary at a quarter")
    until(lambda: problems(desk.observe(key)))
    (problem,) = problems(desk.observe(key))
    assert (problem.step, problem.index, problem.object) == (
        "step 2 of 3: 25 %",
        1,
        f"HTTPRoute {key.namespace}/fraud",
    )
    assert "no canary at a quarter" in problem.detail
    assert problem.path == "spec.rules[0].backendRefs[0].weight"
    assert cast(Snapshot, desk.adapter.observe(key)).objects == ()


def test_what_kserve_would_make_is_admitted_where_the_role_is_bound(
    desk: Desk, key: EndpointKey
) -> None:
    policy(desk, key, DEPLOYMENTS, "object.spec.replicas < 2", "one replica only")
    permit(desk, key, "tidegate-preflight")
    until(lambda: problems(desk.observe(key)))
    report = desk.observe(key)
    finding = problems(report)[0]
    assert (finding.rule, finding.object) == (
        "what KServe makes",
        f"Deployment {key.namespace}/fraud-r1-predictor",
    )
    assert "one replica only" in finding.detail
    limits = {"limits": [{"type": "Container", "max": {"cpu": "100m"}}]}
    meta = {"name": "tight", "namespace": key.namespace}
    desk.dev.kube.apply(
        {"apiVersion": "v1", "kind": "LimitRange", "metadata": meta, "spec": limits}
    )
    until(lambda: any("100m" in problem.detail for problem in problems(desk.observe(key))))
    assert not [item for item in report.of(Level.UNCHECKED) if item.object == "Deployment"]


def test_without_a_metric_source_a_plan_of_gates_is_refused(desk: Desk, key: EndpointKey) -> None:
    silent = evidence_of(WorkerSettings(), NoMeter())(key, Mode.STANDARD, Runtime())
    desk.counted[:] = silent
    try:
        (problem,) = problems(desk.observe(key))
        by_hand = desk.observe(key, plan=strategy.blue_green())
    finally:
        desk.counted.clear()
    assert problem.detail.startswith(
        "no metric source is configured: gates cannot decide; set TIDEGATE_PROMETHEUS_URL"
    )
    assert problems(by_hand) == []
    assert "rolls this rollout back by itself" in by_hand.of(Level.WARNING)[0].detail


def test_a_label_without_a_binding_is_not_permitted(desk: Desk, namespace: str) -> None:
    key = EndpointKey(namespace, "fraud")
    # Before: no tenant yet
    until(lambda: "not permitted" in (desk.parts.site.denied(namespace) or ""))
    (problem,) = problems(desk.observe(key))
    assert problem.rule == "tenant"
    assert "not permitted" in problem.detail
    assert "rolebinding-tenant.example.yaml" in problem.detail


def test_a_pod_asks_for_what_was_rendered(desk: Desk, key: EndpointKey) -> None:
    """The real controller's Deployment beside ours: the same requests and limits."""
    driver = driver_for(Mode.STANDARD, desk.parts.platform(STORE))
    at = Intent(key, 1, Mode.STANDARD, 1, scaling=Scaling(1, 3))
    reachable_intents = first(at)
    known = {1: REVISIONS[0]}
    isvc = next(
        planned.manifest
        for planned in driver.reachable(reachable_intents, known, Snapshot(key, ()))
        if planned.manifest["kind"] == "InferenceService"
    )
    path = desk.dev.kube.path(
        "serving.kserve.io/v1alpha1", "ClusterServingRuntime", "", "kserve-tritonserver"
    )
    runtime = desk.dev.kube.get(path)
    assert runtime is not None
    assert desk.adapter.write(Apply(isvc, None, FIRST)) == Done()
    results: list[Json] = []

    def made() -> bool:
        seen = cast(Snapshot, desk.adapter.observe(key)).get("Deployment", "fraud-r1-predictor")
        results.extend([cast(Json, seen)] if seen else [])
        return seen is not None

    until(made)
    real = results[0]["spec"]["template"]["spec"]
    ours = pod_asks(children.pod(isvc, runtime))
    assert {**pod_asks({**real, "initContainers": []})} == {**ours}
    scaler = children.autoscaler(isvc)
    assert scaler is not None
    assert scaler["kind"] == "HorizontalPodAutoscaler"

"""What the cluster can do, from clusters of different furniture and permissions."""

from dataclasses import replace
from typing import Any

import pytest

from tests.deploy_worker.kubernetes.conftest import KEY, Bench, bench_on
from tests.deploy_worker.kubernetes.fake_api import FakeKubernetes, status
from tidegate.core.ports import Capabilities, State, Unavailable
from tidegate.deploy_worker.kubernetes import facts
from tidegate.deploy_worker.kubernetes.capabilities import AGAIN_S, PERIOD_S, Expected, inquire

KSERVE = "/apis/apps/v1/namespaces/kserve/deployments/kserve-controller-manager"
CONFIG = "/api/v1/namespaces/kserve/configmaps/inferenceservice-config"
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/httproutes.gateway.networking.k8s.io"
GATEWAY = "/apis/gateway.networking.k8s.io/v1/namespaces/gateways/gateways/main"
HTTP_ROUTES = "/apis/gateway.networking.k8s.io/v1/httproutes"
EXPECTED = Expected(gateway_namespace="gateways", gateway_name="main", metrics=True)


FEATURES = "/api/v1/namespaces/knative-serving/configmaps/config-features"


def placement(*words: str) -> dict[str, str]:
    """Knative's words on node selectors and on tolerations."""
    return dict(
        zip(
            ("kubernetes.podspec-nodeselector", "kubernetes.podspec-tolerations"),
            words * 2,
            strict=False,
        )
    )


def manager(image: str) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [{"image": image}]}}}}


def route_crd(mirror: dict[str, Any]) -> dict[str, Any]:
    filters = {"items": {"properties": {"requestMirror": {"properties": mirror}}}}
    rules = {"items": {"properties": {"filters": filters}}}
    schema = {"openAPIV3Schema": {"properties": {"spec": {"properties": {"rules": rules}}}}}
    return {"spec": {"versions": [{"name": "v1", "schema": schema}]}}


@pytest.fixture
def world(fake: tuple[FakeKubernetes, str]) -> FakeKubernetes:
    """A cluster that has everything."""
    world, _ = fake
    world.collections |= {
        "/apis/keda.sh/v1alpha1/scaledobjects",
        "/apis/metrics.k8s.io/v1beta1/pods",
        "/api/v1/nodes",
    }
    world.put("/api/v1/nodes/n1", {"status": {"allocatable": {"nvidia.com/gpu": "4"}}})
    world.put(KSERVE, manager("kserve/kserve-controller:v0.20.0"))
    data = {
        "ingress": '{"enableGatewayApi": true}',
        "deploy": '{"defaultDeploymentMode": "Standard"}',
    }
    world.put(CONFIG, {"data": data})
    world.put(CRD, route_crd({"percent": {}, "backendRef": {}}))
    world.put(GATEWAY, {})
    world.put(FEATURES, {"data": placement("Enabled")})
    return world


def ask(bench: Bench) -> Capabilities | Unavailable:
    return inquire(bench.api, EXPECTED)


@pytest.fixture
def idle(world: FakeKubernetes, fake: tuple[FakeKubernetes, str]) -> Bench:
    """An adapter that does not watch."""
    return bench_on(*fake)


def capabilities(bench: Bench) -> Capabilities:
    answer = ask(bench)
    assert isinstance(answer, Capabilities), answer
    return answer


def test_a_cluster_that_has_everything(idle: Bench) -> None:
    caps = capabilities(idle)
    assert caps == Capabilities(notes=caps.notes, facts=caps.facts)
    assert {fact.state for fact in caps.facts} == {State.OK}
    assert caps.notes == (
        "KServe's default mode is Standard; it makes HTTPRoutes of its own",
        "KServe 0.20",
    )


@pytest.mark.parametrize(
    ("image", "new"),
    [
        ("kserve/kserve-controller:v0.15.2", False),
        ("registry:5000/kserve-controller:0.16.0-rc1", True),
        ("kserve/kserve-controller:latest", True),
        ("kserve/kserve-controller@sha256:0123", True),
    ],
)
def test_names_of_modes_follow_kserves_version(idle: Bench, image: str, new: bool) -> None:
    idle.world.put(KSERVE, manager(image))
    assert capabilities(idle).new_names is new


@pytest.mark.parametrize("words", [{}, placement("disabled"), placement("enabled", "disabled")])
def test_knative_places_pods_only_where_it_is_told_so(idle: Bench, words: dict[str, str]) -> None:
    idle.world.put(FEATURES, {"data": words})
    assert not capabilities(idle).knative_placement


def test_a_bare_cluster_says_what_is_missing(idle: Bench) -> None:
    idle.world.collections.clear()
    caps = capabilities(idle)
    assert not any(
        (caps.standard, caps.knative, caps.gateway, caps.mirror, caps.keda, caps.autoscaler)
    )
    notes = "\n".join(caps.notes)
    for name in ("KServe", "Knative", "Gateway API", "KEDA"):
        assert f"{name}" in notes


def test_a_mirror_without_a_percent_is_no_mirror(idle: Bench) -> None:
    """The older schema would drop the percent and copy every request."""
    idle.world.put(CRD, route_crd({"backendRef": {}}))
    assert capabilities(idle).mirror is False


def test_a_gateway_that_is_not_there_is_told(idle: Bench) -> None:
    idle.world.drop(GATEWAY)
    caps = capabilities(idle)
    assert caps.gateway is False
    assert any("gateways/main does not exist" in note for note in caps.notes)


def test_without_gateway_api_the_way_out_follows_what_the_settings_say(idle: Bench) -> None:
    idle.world.collections.clear()
    set_to_one = next(note for note in capabilities(idle).notes if "no HTTPRoute v1" in note)
    assert "set TIDEGATE_GATEWAY_NAME to nothing" in set_to_one
    answer = inquire(idle.api, replace(EXPECTED, gateway_name=""))
    assert isinstance(answer, Capabilities)
    assert "standard mode serves one revision, without a split" in "\n".join(answer.notes)
    assert not any("a gateway is set" in note for note in answer.notes)


def test_what_may_not_be_read_is_a_note_and_the_careful_answer(idle: Bench) -> None:
    no = (403, {}, status(403, "Forbidden", "cannot get resource"))
    for path in ("customresourcedefinitions", "/namespaces/kserve/", "/nodes", "/gateways/main"):
        idle.world.fail("GET", path, no, times=9)
    caps = capabilities(idle)
    assert (caps.mirror, caps.new_names, caps.gpu, caps.gateway) == (False, True, True, True)
    assert sum("may not be read" in note for note in caps.notes) == 4


def test_no_answer_concludes_nothing(idle: Bench) -> None:
    idle.world.fail("GET", "serving.kserve.io", (503, {}, {"message": "down"}), times=9)
    assert ask(idle) == Unavailable("/apis/serving.kserve.io/v1beta1: down")


def test_an_aggregated_api_that_is_down_takes_nothing_else_away(idle: Bench) -> None:
    """As metrics-server's: splits do not depend on it."""
    for group in ("metrics.k8s.io", "keda.sh"):
        idle.world.fail("GET", group, (503, {}, {"message": "down"}), times=9)
    caps = capabilities(idle)
    assert caps == Capabilities(keda=False, autoscaler=False, notes=caps.notes, facts=caps.facts)
    assert "not answered: /apis/metrics.k8s.io/v1beta1: down" in caps.notes
    assert "KEDA is not installed" not in caps.notes


def test_a_known_answer_outlives_an_outage(bench: Bench, world: FakeKubernetes) -> None:
    bench.until(lambda: isinstance(bench.cluster.capabilities(), Capabilities))
    world.fail("GET", "", (503, {}, {}), times=10_000)
    bench.cluster.inquiry.refresh()
    assert isinstance(bench.cluster.capabilities(), Capabilities)


def test_an_api_server_that_has_just_started_takes_nothing_away(
    bench: Bench, world: FakeKubernetes
) -> None:
    """Its own definitions are unknown to it for a moment: a change is believed when it is said
    twice."""
    inquiry = bench.cluster.inquiry
    bench.until(lambda: isinstance(bench.cluster.capabilities(), Capabilities))
    inquiry.refresh()
    assert inquiry.refresh() == PERIOD_S, "nothing changes"
    world.collections.discard(HTTP_ROUTES)
    assert inquiry.refresh() == AGAIN_S
    assert known(bench), "said once"
    world.collections.add(HTTP_ROUTES)
    assert (inquiry.refresh(), known(bench)) == (AGAIN_S, True)
    world.collections.discard(HTTP_ROUTES)
    inquiry.refresh()
    assert (inquiry.refresh(), known(bench)) == (PERIOD_S, False)


def known(bench: Bench) -> bool:
    result = bench.cluster.capabilities()
    return isinstance(result, Capabilities) and result.header_match


def test_a_tenant_that_is_not_permitted_is_noted(bench: Bench, world: FakeKubernetes) -> None:
    world.denied.add(KEY.namespace)
    world.compact()

    def noted() -> bool:
        caps = bench.cluster.capabilities()
        return isinstance(caps, Capabilities) and any(
            "team-a: not permitted" in note for note in caps.notes
        )

    bench.until(noted)


def test_a_tenant_s_quota_is_told(bench: Bench, world: FakeKubernetes) -> None:
    root = f"/api/v1/namespaces/{KEY.namespace}/resourcequotas"
    world.collections.add("/api/v1/resourcequotas")
    spec = {"hard": {"requests.nvidia.com/gpu": "8"}}
    world.put(
        f"{root}/gpus", {"metadata": {"name": "gpus"}, "spec": spec, "status": {**spec, "used": {}}}
    )
    bench.until(lambda: bench.cluster.tenants.all())
    bench.cluster.inquiry.refresh()
    caps = bench.cluster.capabilities()
    assert isinstance(caps, Capabilities)
    (quota,) = (fact for fact in caps.facts if fact.name == f"quota {KEY.namespace}")
    assert quota.detail == "gpus: requests.nvidia.com/gpu 0 of 8"


def test_a_bare_cluster_has_a_way_out_for_each_part_that_is_missing(idle: Bench) -> None:
    idle.world.collections.clear()
    missing = {fact.name: fact for fact in capabilities(idle).facts if fact.state is State.MISSING}
    assert {
        "KServe",
        "Knative Serving",
        "Gateway API",
        "gateway",
        "KEDA",
        "resource metrics",
    } <= missing.keys()
    assert all(fact.way_out for fact in missing.values())
    assert missing["KServe"].needed
    assert not missing["KEDA"].needed


def test_a_tenant_without_a_binding_is_a_fact_with_its_way_out() -> None:
    bound, denied = facts.of_tenants({"team-a": None, "team-b": "pods is forbidden"})
    assert (bound.name, bound.state) == ("tenant team-a", State.OK)
    assert denied.detail == "not permitted: pods is forbidden"
    assert "rolebinding-tenant.example.yaml" in denied.way_out
    (nobody,) = facts.of_tenants({})
    assert nobody.needed

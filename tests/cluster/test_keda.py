"""KEDA's real admission webhook: it says what our rules say, and admits what KServe makes of what
we write."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.built import dev_cluster
from tests.cluster.rendering import rendered
from tests.local.test_keda import CASES, scaled
from tidegate.core.intent import EndpointKey, Mode, Runtime, Scaling
from tidegate_local.devcluster.cluster import DevCluster
from tidegate_local.devcluster.kube import Json, KubeError, ready

pytestmark = [pytest.mark.cluster, pytest.mark.long]
PARTS = ("keda", "kserve")
# What KEDA's present definition of a ScaledObject refuses before its webhook is asked.
SCHEMA = {
    "no trigger": "spec.triggers in body should have at least 1 item",
    "least above most": "minReplicaCount must be less than or equal to maxReplicaCount",
}


@pytest.fixture(scope="module")
def keda(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevCluster]:
    with dev_cluster(tmp_path_factory.mktemp("keda"), PARTS) as cluster:
        yield cluster


def placed(item: Json, namespace: str) -> Json:
    """In a namespace; an HPA with something to look at."""
    result = {**item, "metadata": {**item["metadata"], "namespace": namespace}}
    if item["kind"] == "HorizontalPodAutoscaler":
        cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
        result["spec"] = {**item["spec"], "metrics": [{"type": "Resource", "resource": cpu}]}
    return result


@pytest.mark.parametrize("case", CASES)
def test_it_refuses_what_our_rules_refuse_in_the_same_words(keda: DevCluster, case: str) -> None:
    request, there, sentence = CASES[case]
    namespace = f"k{list(CASES).index(case)}"
    keda.namespace(namespace)
    for item in there:
        keda.kube.apply(placed(item, namespace))
    seen: list[str] = []

    def refused() -> bool:
        """The webhook's own cache learns of the others a little later."""
        try:
            path = keda.kube.path("keda.sh/v1alpha1", "ScaledObject", namespace)
            keda.kube.call("POST", path, placed(request, namespace), query={"dryRun": "All"})
        except KubeError as error:
            seen.append(str(error))
            return True
        return False

    keda.kube.until(refused, f"{case} is refused", 10.0)
    assert sentence in seen[-1] or SCHEMA.get(case, sentence) in seen[-1]


def test_it_admits_what_kserve_makes_of_the_longest_name(keda: DevCluster) -> None:
    keda.namespace("longest")
    kube = keda.kube
    path = keda.kube.path("keda.sh/v1alpha1", "ScaledObject", "longest")
    kube.call("POST", path, placed(scaled(f"{'n' * 39}-r999-predictor"), "longest"))
    manifest = rendered(
        EndpointKey("longest", "fraud"), Mode.STANDARD, Scaling(1, 4, keda=True), Runtime()
    )
    kube.apply(manifest)
    kube.wait(
        kube.path("serving.kserve.io/v1beta1", "InferenceService", "longest", "fraud-r1"),
        ready,
        60.0,
    )
    made = kube.get(f"{path}/fraud-r1-predictor")
    assert made is not None
    assert made["spec"]["triggers"][0]["type"] == "prometheus"


def test_kserve_cannot_change_the_class_of_one_that_runs(keda: DevCluster) -> None:
    """Why KEDA comes with the next revision: the HPA stays, and KEDA's webhook refuses the
    ScaledObject for ever."""
    keda.namespace("switch")
    kube = keda.kube
    names = {
        "api_version": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "namespace": "switch",
    }
    path = kube.path(**names, name="fraud-r1")
    for with_keda in (False, True):
        manifest = rendered(
            EndpointKey("switch", "fraud"), Mode.STANDARD, Scaling(1, 4, keda=with_keda), Runtime()
        )
        kube.apply(manifest)
        kube.wait(path, ready, 60.0)
    log = keda.places.logs / "kserve-manager.log"
    words = "is already managed by the hpa 'fraud-r1-predictor'"
    kube.until(
        lambda: words in log.read_text(), "KServe's controller is refused by KEDA's webhook", 30.0
    )
    results: list[dict[str, Any]] = kube.items(
        "autoscaling/v2", "HorizontalPodAutoscaler", "switch"
    )
    assert [item["metadata"]["name"] for item in results] == ["fraud-r1-predictor"]
    assert kube.items("keda.sh/v1alpha1", "ScaledObject", "switch") == []

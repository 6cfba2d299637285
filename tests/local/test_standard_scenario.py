"""Standard mode: one InferenceService per revision, our own route, KServe's way with
Deployments."""

from tests.simulation.dataplane import rule_for
from tests.simulation.kubelet import Behaviour
from tests.simulation.lab import NAMESPACE, Lab
from tests.simulation.manifests import isvc, knative, route, standard
from tidegate.core.ports import Refused
from tidegate_local.played.api import DEPLOYMENT, HPA, HTTP_ROUTE, ISVC, POD, SCALED_OBJECT, SERVICE
from tidegate_local.played.conditions import status_of
from tidegate_local.played.world import Settings

KEDA = {
    "metrics": [
        {
            "type": "External",
            "external": {
                "metric": {
                    "backend": "prometheus",
                    "serverAddress": "http://prometheus:9090",
                    "query": "sum(x)",
                },
                "target": {"type": "Value", "value": "10"},
            },
        }
    ]
}


def deployed(*numbers: int) -> Lab:
    """These revisions run; the first has the route."""
    lab = Lab()
    for number in numbers:
        lab.apply(standard("fraud", number))
    lab.apply(route("fraud", (numbers[0], 100), *((n, 0) for n in numbers[1:])))
    lab.settle()
    return lab


def test_first_deploy() -> None:
    lab = deployed(1)
    assert status_of(lab.get(ISVC, "fraud-r1"), "Ready") == "True"
    assert lab.names(HTTP_ROUTE) == ["fraud"]  # cluster-local: KServe made none
    assert lab.shares("fraud") == {"r1": 100}
    (pod,) = lab.objects.list(POD, NAMESPACE)
    labels = pod["metadata"]["labels"]
    assert labels["app"] == "isvc.fraud-r1-predictor"
    assert labels["serving.kserve.io/inferenceservice"] == "fraud-r1"
    assert (labels["tidegate.dev/endpoint"], labels["tidegate.dev/revision"]) == ("fraud", "r1")


def test_first_container_port_answers_on_80_and_h2c_keeps_its_number() -> None:
    lab = deployed(1)
    ports = lab.get(SERVICE, "fraud-r1-predictor")["spec"]["ports"]
    assert [(p["name"], p["port"], p["targetPort"]) for p in ports] == [
        ("http", 80, 8080),
        ("h2c", 9000, 9000),
        ("metrics", 8002, 8002),
    ]
    assert ports[1]["appProtocol"] == "kubernetes.io/h2c"


def test_canary_and_promotion_move_weights_and_restart_no_pod() -> None:
    lab = deployed(1, 2)
    before = lab.names(POD)
    for percent in (10, 50, 100):
        lab.apply(route("fraud", (1, 100 - percent), (2, percent)))
        lab.settle()
    assert [share.get("r2", 0) for share in lab.history("fraud")] == [0, 10, 50, 100]
    assert lab.names(POD) == before


def test_rolling_update_starts_the_new_pod_first() -> None:
    lab = deployed(1)
    (old,) = lab.names(POD)
    lab.kubelet.behave("fraud-v9", Behaviour(delay=30))
    changed = standard("fraud", 1)
    changed["spec"]["predictor"]["model"]["storageUri"] = "s3://models/fraud-v9/"
    lab.apply(changed)
    lab.settle()
    assert len(lab.names(POD)) == 2
    # Says nothing about the update
    assert status_of(lab.get(ISVC, "fraud-r1"), "PredictorReady") == "True"
    status = lab.get(DEPLOYMENT, "fraud-r1-predictor")["status"]
    assert (status["updatedReplicas"], status["availableReplicas"], status["replicas"]) == (1, 1, 2)
    lab.settle(seconds=31)
    assert old not in lab.names(POD)
    assert len(lab.names(POD)) == 1


def test_annotation_rolls_the_pods() -> None:
    lab = deployed(1)
    before = lab.names(POD)
    lab.objects.edit(ISVC, NAMESPACE, "fraud-r1", {"metadata": {"annotations": {"note": "hello"}}})
    lab.settle()
    assert lab.names(POD) != before


def test_observed_generation_is_the_deployments() -> None:
    lab = Lab()
    lab.apply(standard("fraud", 1, scaler="hpa", minReplicas=2))
    lab.settle()
    result = lab.get(ISVC, "fraud-r1")
    assert result["metadata"]["generation"] == 1
    assert result["status"]["observedGeneration"] == 2  # the autoscaler wrote the Deployment once


def test_autoscaler_class_decides_which_scaler_exists() -> None:
    lab = Lab()
    lab.apply(standard("fraud", 1, scaler="hpa"))
    lab.apply(standard("fraud", 2, scaler="keda", autoScaling=KEDA))
    lab.apply(standard("fraud", 3, scaler="none", minReplicas=3))
    lab.settle()
    assert lab.names(HPA) == ["fraud-r1-predictor"]
    assert lab.names(SCALED_OBJECT) == ["fraud-r2-predictor"]
    trigger = lab.get(SCALED_OBJECT, "fraud-r2-predictor")["spec"]["triggers"][0]
    assert trigger["metadata"]["threshold"] == "10"
    assert lab.get(DEPLOYMENT, "fraud-r3-predictor")["status"]["readyReplicas"] == 3


def test_the_autoscaler_of_the_class_before_stays() -> None:
    """KServe deletes an HPA for the classes none and external only; KEDA then refuses to scale
    beside it."""
    lab = Lab()
    lab.apply(standard("fraud", 1, scaler="hpa"))
    lab.settle()
    lab.apply(standard("fraud", 1, scaler="keda", autoScaling=KEDA))
    lab.settle()
    assert (lab.names(HPA), lab.names(SCALED_OBJECT)) == (["fraud-r1-predictor"], [])
    lab.apply(standard("fraud", 1, scaler="none"))
    lab.settle()
    assert (lab.names(HPA), lab.names(SCALED_OBJECT)) == ([], [])


def test_keda_without_triggers_never_becomes_ready() -> None:
    lab = Lab()
    lab.apply(standard("fraud", 1, scaler="keda"))
    lab.settle()
    assert "no triggers defined" in lab.plane.world.events[-1]
    assert lab.names(DEPLOYMENT) == ["fraud-r1-predictor"]
    assert status_of(lab.get(ISVC, "fraud-r1"), "Ready") == "Unknown"


def test_crash_loop_is_told_by_pod_and_model_status() -> None:
    lab = Lab()
    lab.kubelet.crash("fraud-v1", "model.py: no module named torch")
    lab.apply(standard("fraud", 1))
    lab.settle()
    model = lab.get(ISVC, "fraud-r1")["status"]["modelStatus"]
    assert model["transitionStatus"] == "BlockedByFailedLoad"
    assert model["lastFailureInfo"]["message"] == "model.py: no module named torch"
    (pod,) = lab.objects.list(POD, NAMESPACE)
    assert pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff"


def test_pods_that_never_get_ready_exceed_the_deadline() -> None:
    lab = Lab()
    lab.kubelet.hang("fraud-v1")
    lab.apply(standard("fraud", 1))
    lab.settle()
    lab.settle(seconds=601)
    deployment = lab.get(DEPLOYMENT, "fraud-r1-predictor")
    assert status_of(deployment, "Progressing") == "False"
    assert status_of(lab.get(ISVC, "fraud-r1"), "PredictorReady") == "False"


def test_deletion_takes_the_children_along() -> None:
    lab = deployed(1, 2)
    uid = lab.get(ISVC, "fraud-r2")["metadata"]["uid"]
    lab.objects.delete(ISVC, NAMESPACE, "fraud-r2", uid)
    lab.settle()
    assert lab.names(DEPLOYMENT) == ["fraud-r1-predictor"]
    assert lab.names(SERVICE) == ["fraud-r1-predictor"]
    assert len(lab.names(POD)) == 1
    assert any(name.startswith("fraud-r2-") for name in lab.kubelet.stopped)


def test_pod_answers_until_its_pre_stop_sleep_is_over() -> None:
    lab = Lab()
    manifest = standard("fraud", 1)
    manifest["spec"]["predictor"]["model"]["lifecycle"] = {"preStop": {"sleep": {"seconds": 20}}}
    lab.apply(manifest)
    lab.apply(route("fraud", (1, 100)))
    lab.settle()
    lab.objects.delete(ISVC, NAMESPACE, "fraud-r1")
    lab.settle()
    assert lab.kubelet.stopped == []
    assert rule_for(lab.data_plane.table.route(NAMESPACE, "fraud")).targets[0].pods == ()
    lab.settle(seconds=21)
    assert len(lab.kubelet.stopped) == 1


def test_a_name_used_again_is_another_object_with_pods_of_its_own() -> None:
    lab = deployed(1)
    first = lab.get(ISVC, "fraud-r1")["metadata"]["uid"]
    pods = lab.names(POD)
    lab.objects.delete(ISVC, NAMESPACE, "fraud-r1")
    lab.apply(standard("fraud", 1))
    lab.settle()
    assert lab.get(ISVC, "fraud-r1")["metadata"]["uid"] != first
    assert not set(pods) & set(lab.names(POD))
    assert lab.shares("fraud") == {"r1": 100}


def test_mode_cannot_change_and_legacy_names_are_rewritten() -> None:
    lab = Lab()
    lab.apply(isvc("old", "m", mode="RawDeployment"))
    lab.settle()
    result = lab.get(ISVC, "old")
    assert result["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] == "Standard"
    refused = lab.objects.apply(isvc("old", "m", mode="Serverless"))
    assert isinstance(refused, Refused)
    assert "cannot be changed from 'Standard' to 'Knative'" in refused.detail


def test_bad_predictors_are_refused_in_kserves_words() -> None:
    lab = Lab()
    for manifest, words in (
        (standard("fraud", 1, scaler="kpa"), "not a supported autoscaler class"),
        (
            standard("fraud", 1, scaler="keda", scaleMetric="cpu"),
            "ScaleMetric is not supported for KEDA",
        ),
        (
            standard("fraud", 1, minReplicas=3, maxReplicas=2),
            "MinReplicas cannot be greater than MaxReplicas",
        ),
        (
            knative("fraud", 1, deploymentStrategy={"type": "Recreate"}),
            "only supported for Standard",
        ),
        (isvc("9fraud", "m", mode="Standard"), "metadata.name"),
        ({**standard("fraud", 1), "specs": {}}, ".specs: field not declared in schema"),
        (
            standard("fraud", 1, minReplica=1),
            ".spec.predictor.minReplica: field not declared in schema",
        ),
        (
            standard("fraud", 1, minReplicas="1"),
            ".spec.predictor.minReplicas: expected integer, got '1'",
        ),
    ):
        result = lab.objects.apply(manifest)
        assert isinstance(result, Refused), manifest
        assert words in result.detail


def test_triton_without_protocol_and_runtime_finds_no_runtime() -> None:
    lab = Lab()
    manifest = isvc("fraud", "m", mode="Standard")
    del (
        manifest["spec"]["predictor"]["model"]["protocolVersion"],
        manifest["spec"]["predictor"]["model"]["runtime"],
    )
    lab.apply(manifest)
    lab.settle()
    model = lab.get(ISVC, "fraud")["status"]["modelStatus"]
    assert model["lastFailureInfo"]["reason"] == "NoSupportingRuntime"
    assert lab.names(DEPLOYMENT) == []


def test_kserve_makes_its_own_route_only_for_what_is_not_cluster_local() -> None:
    lab = Lab(settings=Settings(gateway=("gateways", "main")))
    lab.apply(isvc("adopted", "m", mode="Standard"))
    lab.settle()
    assert lab.names(HTTP_ROUTE) == ["adopted"]
    assert status_of(lab.get(ISVC, "adopted"), "Ready") == "True"

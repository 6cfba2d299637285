"""Adoption takes over what can be said, and names every field that the next revision would lack."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.core.values import KEY
from tidegate.core.adopting import Found, survey
from tidegate.core.drivers.predictor import predictor
from tidegate.core.drivers.rendering import Platform
from tidegate.core.intent import (
    Mode,
    Model,
    Pods,
    Protocol,
    Restriction,
    Revision,
    Runtime,
    Scaling,
    Toleration,
)
from tidegate.core.ports import Snapshot

PLATFORM = Platform("store")
MODES = {Mode.STANDARD: "Standard", Mode.KNATIVE: "Knative"}


def live(
    mode: Mode = Mode.STANDARD,
    model: Mapping[str, Any] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """An InferenceService that serves, with these fields in its predictor."""
    spec: dict[str, Any] = {"minReplicas": 1, "maxReplicas": 1, **changes}
    spec["model"] = {
        "modelFormat": {"name": "triton"},
        "storageUri": "s3://m/fraud",
        **(model or {}),
    }
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": KEY.name,
            "namespace": KEY.namespace,
            "uid": "u-1",
            "annotations": {"serving.kserve.io/deploymentMode": MODES[mode]},
        },
        "spec": {"predictor": spec},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }


def answer(manifest: Mapping[str, Any]) -> Found | tuple[str, ...]:
    """What adoption says of it."""
    result = survey(Snapshot(KEY, (manifest,)), KEY, PLATFORM)
    if isinstance(result, Found):
        return result
    return tuple(problem.sentence for problem in result)


def refusal(manifest: Mapping[str, Any]) -> str:
    """The one thing that stands in the way."""
    result = answer(manifest)
    assert not isinstance(result, Found)
    (detail,) = result
    return detail


def adoptable(manifest: Mapping[str, Any]) -> Found:
    """One that can be adopted."""
    result = answer(manifest)
    assert isinstance(result, Found), result
    return result


@pytest.mark.parametrize(
    ("field", "value", "reachable_intent"),
    [
        ("workerSpec", {"pipelineParallelSize": 2}, "deploy it apart"),
        ("containers", [{"name": "proxy", "image": "proxy:1"}], "a ServingRuntime of your own"),
        (
            "initContainers",
            [{"name": "fetch", "image": "fetch:1"}],
            "no revision of Tidegate's has one",
        ),
        ("logger", {"mode": "all", "url": "http://sink"}, "remove it"),
        ("batcher", {"maxBatchSize": 8}, "remove it"),
        ("affinity", {"nodeAffinity": {"x": 1}}, "a ServingRuntime of your own"),
        ("imagePullSecrets", [{"name": "registry"}], "a ServingRuntime of your own"),
        ("volumes", [{"name": "cache", "emptyDir": {}}], "a ServingRuntime of your own"),
        ("priorityClassName", "high", "remove it"),
        ("timeout", 300, "TIDEGATE_REQUEST_TIMEOUT"),
        ("terminationGracePeriodSeconds", 600, "TIDEGATE_REQUEST_TIMEOUT"),
        ("autoScaling", {"metrics": []}, "Tidegate scales by CPU"),
        ("scaleTarget", 5, "Tidegate scales by CPU"),
        ("name", "v1", "remove it"),
        ("automountServiceAccountToken", True, "remove it"),
        ("labels", {"team": "risk"}, "a ServingRuntime of your own"),
        ("annotations", {"sidecar.istio.io/inject": "false"}, "a ServingRuntime of your own"),
        ("storageUris", [{"uri": "s3://m/other"}], "remove it"),
    ],
)
def test_a_field_of_the_predictor_that_would_be_lost_is_refused(
    field: str, value: Any, reachable_intent: str
) -> None:
    detail = refusal(live(**{field: value}))
    assert f"has spec.predictor.{field}" in detail
    assert "which the next revision would not have: " in detail
    assert reachable_intent in detail


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("image", "registry.example/triton:patched", "image 'registry.example/triton:patched'"),
        ("env", [{"name": "OMP_NUM_THREADS", "value": "1"}], "env 'OMP_NUM_THREADS'"),
        ("envFrom", [{"secretRef": {"name": "s"}}], "envFrom,"),
        (
            "args",
            ["--log-verbose=1", "--exit-timeout-secs=600"],
            "args '--log-verbose, --exit-timeout",
        ),
        ("command", ["tritonserver"], "command,"),
        ("livenessProbe", {"httpGet": {"port": 8080}}, "livenessProbe,"),
        ("securityContext", {"runAsUser": 1}, "securityContext,"),
        ("lifecycle", {"postStart": {"exec": {}}}, "lifecycle.postStart,"),
        ("volumeMounts", [{"name": "c", "mountPath": "/cache"}], "volumeMounts '/cache'"),
        ("ports", [{"containerPort": 8000}], "ports '8000'"),
        (
            "resources",
            {"limits": {"cpu": "4"}, "requests": {"cpu": "2"}},
            "resources.requests.cpu '2'",
        ),
        ("resources", {"requests": {"memory": "2Gi"}}, "resources.requests.memory '2Gi'"),
        ("resources", {"limits": {"memory": "1.5Gi"}}, "resources.limits.memory '1.5Gi'"),
        (
            "resources",
            {"limits": {"nvidia.com/gpu": 1, "rdma/hca": 1}},
            "resources.limits[rdma/hca] '1'",
        ),
    ],
)
def test_a_field_of_the_container_that_would_be_lost_is_refused(
    field: str, value: Any, message: str
) -> None:
    assert f"has spec.predictor.model.{message}" in refusal(live(model={field: value}))


def test_many_elements_are_named_within_bounds_and_never_their_values() -> None:
    variables = [{"name": f"V{number}", "value": "secret"} for number in range(500)]
    detail = refusal(live(model={"env": variables}))
    assert "'V0, V1, V2, V3, V4, 495 more'" in detail
    assert "secret" not in detail


def test_annotations_and_labels_that_act_are_refused_and_others_are_remembered() -> None:
    manifest = live()
    manifest["metadata"]["labels"] = {
        "team": "risk",
        "networking.kserve.io/visibility": "cluster-local",
    }
    manifest["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = "{}"
    assert adoptable(manifest).unshared == ("team",)
    manifest["metadata"]["labels"]["sidecar.istio.io/inject"] = "false"
    assert "metadata.labels[sidecar.istio.io/inject]" in refusal(manifest)


@pytest.mark.parametrize(
    ("scaler", "highest", "fits"),
    [
        ("hpa", 3, True),
        ("hpa", 1, True),
        ("none", 1, True),
        ("none", 3, False),
        ("external", 3, False),
    ],
)
def test_another_autoscaler_than_ours_is_refused(scaler: str, highest: int, fits: bool) -> None:
    manifest = live(maxReplicas=highest)
    manifest["metadata"]["annotations"]["serving.kserve.io/autoscalerClass"] = scaler
    assert isinstance(answer(manifest), Found) is fits
    if not fits:
        assert f"autoscalerClass] '{scaler}'" in refusal(manifest)


def test_keda_on_triton_s_queue_is_taken_over_and_another_trigger_is_refused() -> None:
    file = Path(__file__).parents[2] / "examples" / "kserve" / "inferenceservice-triton.yaml"
    manifest = yaml.safe_load(file.read_text())
    manifest["metadata"] |= {"name": KEY.name, "namespace": KEY.namespace, "uid": "u-1"}
    manifest["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}
    metric = manifest["spec"]["predictor"]["autoScaling"]["metrics"][0]["external"]["metric"]
    ours = metric["query"].replace("team-a", KEY.namespace).replace("add-sub", KEY.name)
    metric["query"] = ours
    assert adoptable(manifest).scaling == Scaling(1, 4, keda=True)
    metric["query"] = ours.replace("queue", "request")
    assert "spec.predictor.autoScaling.metrics" in refusal(manifest)


def test_a_canary_of_kserve_s_own_is_refused_in_both_forms() -> None:
    manifest = live()
    manifest["spec"]["canary"] = [{"trafficPercent": 10, "predictor": {"name": "v2"}}]
    assert "has spec.canary (10 %)" in refusal(manifest)
    assert "has spec.predictor.canaryTrafficPercent (20 %)" in refusal(
        live(canaryTrafficPercent=20)
    )


def test_who_names_the_model_in_another_way_is_told_what_to_write() -> None:
    storage = {"storageUri": None, "storage": {"key": "connection", "path": "models/fraud"}}
    detail = refusal(live(model=storage))
    assert "storage.key 'connection': write storageUri s3://<bucket>/models/fraud" in detail
    assert "serving.kserve.io/storageSecretName" in detail
    several = answer(live(model={"storageUri": None}, storageUris=[{"uri": "s3://m/a"}]))
    assert not isinstance(several, Found)
    assert "name that as spec.predictor.model.storageUri" in several[0]


def test_what_kserve_defaults_by_itself_is_no_loss() -> None:
    defaults = {"name": "", "resources": {}, "protocolVersion": "v2"}
    spec = adoptable(live(model=defaults, automountServiceAccountToken=False)).runtime
    assert spec == Runtime()
    amounts = {"cpu": "1", "memory": "2Gi"}
    resources = {"limits": amounts, "requests": amounts}
    assert adoptable(live(model={"resources": resources})).runtime.pods == Pods("1", "2Gi")


@pytest.mark.parametrize(
    ("limits", "kind", "count"),
    [
        ({"nvidia.com/gpu": "1.0"}, "nvidia.com/gpu", 1),
        ({"nvidia.com/gpu": "1k"}, "nvidia.com/gpu", 1000),
        ({"nvidia.com/gpu": 2}, "nvidia.com/gpu", 2),
        ({"amd.com/gpu": "1"}, "amd.com/gpu", 1),
        ({"nvidia.com/gpu": "0"}, "nvidia.com/gpu", 0),
    ],
)
def test_every_count_of_gpus_that_kubernetes_allows_is_read(
    limits: Any, kind: str, count: int
) -> None:
    runtime = adoptable(live(model={"resources": {"limits": limits}})).runtime
    assert (runtime.gpu_type, runtime.gpu) == (kind, count)


def test_shared_memory_keeps_its_size_and_one_without_is_refused() -> None:
    mount = {"volumeMounts": [{"name": "dshm", "mountPath": "/dev/shm"}]}
    sized = {"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": "2048Mi"}}
    assert adoptable(live(model=mount, volumes=[sized])).runtime.pods.shared_memory == "2Gi"
    unsized = {"name": "dshm", "emptyDir": {"medium": "Memory"}}
    assert "spec.predictor.volumes 'dshm'" in refusal(live(model=mount, volumes=[unsized]))


@pytest.mark.parametrize("field", ["image", "env", "serviceAccountName", "affinity"])
def test_in_knative_mode_what_is_not_ours_stays_where_it_is(field: str) -> None:
    """Server-side apply leaves the fields that a revision of ours does not name."""
    values = {"image": "mine", "env": [{"name": "A", "value": "1"}]}
    if field in values:
        assert adoptable(live(Mode.KNATIVE, model={field: values[field]}))
    else:
        assert adoptable(live(Mode.KNATIVE, **{field: "x"}))


def test_in_knative_mode_what_a_list_of_ours_replaces_is_refused() -> None:
    arguments = live(Mode.KNATIVE, model={"args": ["--log-verbose=1"]})
    assert "model.args '--log-verbose'" in refusal(arguments)
    mounts = [{"name": "proxy", "volumeMounts": [{"name": "certs", "mountPath": "/certs"}]}]
    volumes = [{"name": "certs", "emptyDir": {}}, {"name": "unused", "emptyDir": {}}]
    beside = live(Mode.KNATIVE, containers=mounts, volumes=volumes)
    assert "spec.predictor.volumes 'certs'" in refusal(beside)


RUNTIMES = [
    Runtime(),
    Runtime("ours", security=Restriction(("trace",), "triton", "token")),
    Runtime("ours-triton", protocol=Protocol.GRPC_V2, version="24.08-py3", gpu=2),
    Runtime(gpu=1, gpu_type="nvidia.com/mig-1g.10gb", pods=Pods("500m", "16Gi", "1Gi")),
    Runtime(
        pods=Pods(
            service_account="reader",
            storage_secret="s3",
            node_selector=(("gpu", "a100"), ("pool", "gold")),
            tolerations=(
                Toleration("gpu", "Exists"),
                Toleration("", "Exists", "", "NoExecute", 60),
            ),
        )
    ),
    Runtime(security=Restriction(("statistics", "trace"), "triton", "token")),
]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("runtime", RUNTIMES, ids=range(len(RUNTIMES)))
def test_what_tidegate_would_write_itself_is_taken_over_whole(runtime: Runtime, mode: Mode) -> None:
    scaling = Scaling(1, 4)

    def written(runtime: Runtime) -> dict[str, Any]:
        model = Model("fraud", "2", "s3://m/fraud/", "sha256-2")
        return predictor(Revision(1, model, runtime, "d"), scaling, mode, PLATFORM)

    manifest = live(mode)
    manifest["spec"]["predictor"] = written(runtime)
    taken = adoptable(manifest)
    assert taken.scaling == scaling
    assert written(taken.runtime) == written(runtime)

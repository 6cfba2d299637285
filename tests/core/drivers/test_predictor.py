"""What is written into `spec.predictor`, part by part."""

from dataclasses import replace

import pytest

from tidegate.core.drivers.predictor import keda_metrics, predictor
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

PLATFORM = Platform("store", request_timeout=45.5, prometheus="http://prometheus:9090")
PLAIN = Revision(1, Model("fraud", "1", "s3://models/fraud/1", "sha256-1"), Runtime(), "sha256-2")


def rendered(mode: Mode = Mode.STANDARD, revision: Revision = PLAIN, **runtime):
    return predictor(
        replace(revision, runtime=replace(revision.runtime, **runtime)),
        Scaling(1, 4),
        mode,
        PLATFORM,
    )


def test_the_repository_root_ends_in_a_slash() -> None:
    assert rendered()["model"]["storageUri"] == "s3://models/fraud/1/"


@pytest.mark.parametrize("mode", Mode)
def test_a_runtime_version_and_gpus(mode: Mode) -> None:
    model = rendered(mode, version="24.08-py3", gpu=2)["model"]
    assert model["runtimeVersion"] == "24.08-py3"
    gpus = {"nvidia.com/gpu": "2"}
    assert model["resources"] == {"limits": gpus, "requests": gpus}


def test_without_requests_the_runtimes_own_resources_hold() -> None:
    assert "resources" not in rendered()["model"]


def test_cpu_and_memory_are_asked_for_and_are_the_limit() -> None:
    model = rendered(pods=Pods(cpu="500m", memory="4Gi"))["model"]
    assert (
        model["resources"]["requests"]
        == {"cpu": "500m", "memory": "4Gi"}
        == model["resources"]["limits"]
    )


def test_a_pod_that_leaves_answers_what_it_has_begun() -> None:
    """It answers on for five seconds, then Triton ends once the longest request is over, then it
    has ten more."""
    result = rendered()
    assert result["model"]["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}
    assert result["model"]["args"] == ["--exit-timeout-secs=46"]
    assert result["terminationGracePeriodSeconds"] == 61


def test_knative_takes_neither_hooks_nor_a_grace_period() -> None:
    result = rendered(Mode.KNATIVE)
    assert "lifecycle" not in result["model"]
    assert "terminationGracePeriodSeconds" not in result


def test_only_triton_gets_tritons_flags() -> None:
    assert "args" not in rendered(name="kserve-sklearnserver", model_format="sklearn")["model"]
    assert "args" not in rendered(name="my-triton-like", model_format="sklearn")["model"]


@pytest.mark.parametrize("runtime", [("fraud-gpu", "triton"), ("kserve-tritonserver", "onnx")])
def test_a_triton_is_known_by_its_format_or_as_kserves_own(runtime: tuple[str, str]) -> None:
    name, model_format = runtime
    model = rendered(name=name, model_format=model_format)["model"]
    assert model["args"] == ["--exit-timeout-secs=46"]


@pytest.mark.parametrize("mode", Mode)
def test_restricted_calls_name_a_variable_and_the_variable_a_secret(mode: Mode) -> None:
    model = rendered(mode, security=Restriction(("statistics", "trace"), "triton-2026", "token"))[
        "model"
    ]
    assert model["args"][1:] == [
        "--http-restricted-api=statistics,trace:triton-access-token=$(TRITON_ACCESS_TOKEN)",
        "--grpc-restricted-protocol=statistics,trace:triton-access-token=$(TRITON_ACCESS_TOKEN)",
    ]
    reference = {"secretKeyRef": {"name": "triton-2026", "key": "token"}}
    assert model["env"] == [{"name": "TRITON_ACCESS_TOKEN", "valueFrom": reference}]


@pytest.mark.parametrize("mode", Mode)
def test_python_backends_get_shared_memory(mode: Mode) -> None:
    result = rendered(mode, pods=Pods(shared_memory="1Gi"))
    assert result["model"]["volumeMounts"] == [{"name": "shared-memory", "mountPath": "/dev/shm"}]
    assert result["volumes"] == [
        {"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}
    ]
    none = rendered(mode, pods=Pods(shared_memory="0"))
    assert "volumes" not in none
    assert "volumeMounts" not in none["model"]


@pytest.mark.parametrize("mode", Mode)
def test_who_the_pods_are_and_where_they_run(mode: Mode) -> None:
    pods = Pods(
        service_account="models",
        storage_secret="bucket",
        node_selector=(("gpu", "a100"),),
        tolerations=(
            Toleration("gpu", "Exists"),
            Toleration("spot", value="yes", effect="NoExecute", seconds=0),
        ),
    )
    result = rendered(mode, pods=pods)
    assert result["serviceAccountName"] == "models"
    assert result["annotations"] == {"serving.kserve.io/storageSecretName": "bucket"}
    assert result["nodeSelector"] == {"gpu": "a100"}
    assert result["tolerations"] == [
        {"key": "gpu", "operator": "Exists"},
        {
            "key": "spot",
            "operator": "Equal",
            "value": "yes",
            "effect": "NoExecute",
            "tolerationSeconds": 0,
        },
    ]


def test_ready_means_that_every_model_is_loaded() -> None:
    http = {"path": "/v2/health/ready", "port": 8080}
    assert rendered()["model"]["readinessProbe"]["httpGet"] == http
    assert rendered(protocol=Protocol.GRPC_V2)["model"]["readinessProbe"]["httpGet"] == http
    assert rendered(Mode.KNATIVE)["model"]["readinessProbe"]["httpGet"] == http
    # Knative probes the one port whatever the probe says, and that port speaks gRPC only.
    probe = rendered(Mode.KNATIVE, protocol=Protocol.GRPC_V2)["model"]["readinessProbe"]
    assert probe["grpc"] == {"port": 9000}
    assert "httpGet" not in probe


def test_ports_come_in_the_order_that_services_need() -> None:
    standard = rendered()["model"]["ports"]
    assert [(port["name"], port["containerPort"]) for port in standard] == [
        ("http", 8080),
        ("h2c", 9000),
        ("metrics", 8002),
    ]
    assert [port["name"] for port in rendered(Mode.KNATIVE)["model"]["ports"]] == ["http1"]
    assert [
        port["name"] for port in rendered(Mode.KNATIVE, protocol=Protocol.GRPC_V2)["model"]["ports"]
    ] == ["h2c"]


def test_kedas_trigger_is_that_revisions_queue_times_its_replicas() -> None:
    (metric,) = keda_metrics("fraud-r3", "team", PLATFORM)["metrics"]
    request = metric["external"]["metric"]
    target = metric["external"]["target"]
    assert request["serverAddress"] == "http://prometheus:9090"
    assert request["query"].count('namespace="team",pod=~"fraud-r3-predictor-.*"') == 3
    assert request["query"].endswith(
        '* count(count by (pod) (nv_inference_request_success{namespace="team",pod=~"fraud-r3-predictor-.*"}))'
    )
    assert target == {"type": "Value", "value": "5000"}


def test_keda_shows_who_it_is_where_prometheus_asks_for_it() -> None:
    platform = replace(PLATFORM, trigger_authentication="prometheus")
    (metric,) = keda_metrics("fraud-r3", "team", platform)["metrics"]
    reference = metric["external"]["authenticationRef"]
    assert reference == {"authModes": "bearer", "authenticationRef": {"name": "prometheus"}}

"""What the real KServe and Knative make of what our drivers write, variant by variant, until it is
Ready."""

from typing import Any

import pytest

from tests.cluster.rendering import rendered
from tidegate.core.drivers.rendering import covers
from tidegate.core.intent import (
    EndpointKey,
    Mode,
    Pods,
    Protocol,
    Restriction,
    Runtime,
    Scaling,
    Toleration,
)
from tidegate.core.triton.restriction import USUAL
from tidegate_local.devcluster.cluster import DevCluster
from tidegate_local.devcluster.kube import Json, ready
from tidegate_local.played import keda

pytestmark = pytest.mark.cluster
ISVC = "serving.kserve.io/v1beta1"
HPA = "autoscaling/v2"
EVERYTHING = Runtime(
    version="24.08-py3",
    gpu=1,
    security=Restriction(USUAL, "triton", "token"),
    pods=Pods(
        memory="4Gi",
        shared_memory="1Gi",
        service_account="models",
        storage_secret="bucket",
        node_selector=(("kubernetes.io/os", "linux"),),
        tolerations=(Toleration("nvidia.com/gpu", "Exists", effect="NoSchedule"),),
    ),
)


class Seen:
    """One InferenceService of ours on the dev cluster, and what was made of it."""

    def __init__(
        self, cluster: DevCluster, namespace: str, mode: Mode, scaling: Scaling, runtime: Runtime
    ) -> None:
        self.kube = cluster.kube
        self.namespace = namespace
        manifest = rendered(EndpointKey(namespace, "fraud"), mode, scaling, runtime)
        self.name = manifest["metadata"]["name"]
        self.kube.apply(manifest)
        self.isvc = self.kube.wait(
            self.kube.path(ISVC, "InferenceService", namespace, self.name), ready, 90.0
        )
        assert covers(self.isvc, manifest), (
            "what was written is what is there: the next reconcile writes nothing"
        )

    def one(self, api_version: str, kind: str) -> Json:
        """The only object of a kind."""
        (result,) = self.kube.items(api_version, kind, self.namespace)
        return result

    def names(self, api_version: str, kind: str) -> list[str]:
        return [
            item["metadata"]["name"] for item in self.kube.items(api_version, kind, self.namespace)
        ]

    def container(self, pod: Json) -> Json:
        """The model server in a pod's spec."""
        (result,) = (c for c in pod["containers"] if c["name"] == "kserve-container")
        return dict(result)

    def credentials(self) -> set[str]:
        """The Secrets whose keys the storage initializer gets, which KServe puts into each pod."""
        pod = self.one("v1", "Pod")["spec"]
        (initializer,) = (c for c in pod["initContainers"] if c["name"] == "storage-initializer")
        references = (
            env.get("valueFrom", {}).get("secretKeyRef", {}) for env in initializer["env"]
        )
        return {reference["name"] for reference in references if reference}


def secrets(cluster: DevCluster, namespace: str) -> None:
    """The ServiceAccount and the Secret that `EVERYTHING` names."""
    common = {"apiVersion": "v1", "metadata": {"namespace": namespace}}
    cluster.kube.apply(
        common | {"kind": "ServiceAccount", "metadata": {"name": "models", "namespace": namespace}}
    )
    data = {"AWS_ACCESS_KEY_ID": "a2V5", "AWS_SECRET_ACCESS_KEY": "c2VjcmV0"}
    cluster.kube.apply(
        common
        | {"kind": "Secret", "data": data, "metadata": {"name": "bucket", "namespace": namespace}}
    )


AUTOSCALERS: dict[str, tuple[Scaling, int, tuple[int, int] | None, bool]] = {
    "neither": (Scaling(2, 2), 2, None, False),
    "hpa": (Scaling(1, 4), 1, (1, 4), False),
    "keda": (Scaling(1, 4, keda=True), 1, None, True),
}


@pytest.mark.parametrize(
    ("scaling", "replicas", "bounds", "with_keda"), AUTOSCALERS.values(), ids=AUTOSCALERS
)
def test_who_scales(
    cluster: DevCluster,
    namespace: str,
    scaling: Scaling,
    replicas: int,
    bounds: tuple[int, int] | None,
    with_keda: bool,
) -> None:
    seen = Seen(cluster, namespace, Mode.STANDARD, scaling, Runtime())
    made = seen.one("apps/v1", "Deployment")
    assert made["metadata"]["name"] == "fraud-r1-predictor"
    assert made["spec"]["replicas"] == replicas == made["status"]["availableReplicas"]
    scalers = [
        (h["spec"]["minReplicas"], h["spec"]["maxReplicas"])
        for h in seen.kube.items(HPA, "HorizontalPodAutoscaler", namespace)
    ]
    assert scalers == ([bounds] if bounds else [])
    assert bool(seen.names("keda.sh/v1alpha1", "ScaledObject")) == with_keda
    assert seen.names("gateway.networking.k8s.io/v1", "HTTPRoute") == [], (
        "KServe makes no route beside ours"
    )


def test_kedas_trigger_is_on_the_queue_of_this_revision(
    cluster: DevCluster, namespace: str
) -> None:
    seen = Seen(cluster, namespace, Mode.STANDARD, Scaling(1, 4, keda=True), Runtime())
    scaled = seen.one("keda.sh/v1alpha1", "ScaledObject")
    assert keda.problem(scaled) is None
    assert scaled["spec"]["scaleTargetRef"]["name"] == "fraud-r1-predictor"
    assert (scaled["spec"]["minReplicaCount"], scaled["spec"]["maxReplicaCount"]) == (1, 4)
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["type"] == "prometheus"
    assert trigger.get("metricType", "AverageValue") == "AverageValue", (
        "the query counts replicas for that"
    )
    assert trigger["metadata"]["serverAddress"] == "http://prometheus.monitoring:9090"
    assert trigger["metadata"]["threshold"] == "5000"
    assert (trigger["authenticationRef"]["name"], trigger["metadata"]["authModes"]) == (
        "prometheus",
        "bearer",
    )
    assert f'namespace="{namespace}",pod=~"fraud-r1-predictor-.*"' in trigger["metadata"]["query"]


def assert_everything(container: Json, pod: Json) -> None:
    """What `EVERYTHING` asks for, in both modes."""
    assert container["image"].endswith("tritonserver:24.08-py3")
    for kind in ("requests", "limits"):
        desired = {"cpu": "1", "memory": "4Gi", "nvidia.com/gpu": "1"}
        assert {name: container["resources"][kind][name] for name in desired} == desired
    protected = ",".join(USUAL) + ":triton-access-token=$(TRITON_ACCESS_TOKEN)"
    assert container["args"][-3:] == [
        "--exit-timeout-secs=60",
        f"--http-restricted-api={protected}",
        f"--grpc-restricted-protocol={protected}",
    ]
    (variable,) = (item for item in container["env"] if item["name"] == "TRITON_ACCESS_TOKEN")
    assert variable["valueFrom"]["secretKeyRef"] == {"name": "triton", "key": "token"}
    assert "--model-store=/mnt/models" in container["args"]
    assert {"name": "shared-memory", "mountPath": "/dev/shm"} in container["volumeMounts"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["shared-memory"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "1Gi"}
    assert pod["serviceAccountName"] == "models"


def test_everything_in_standard_mode(cluster: DevCluster, namespace: str) -> None:
    secrets(cluster, namespace)
    seen = Seen(cluster, namespace, Mode.STANDARD, Scaling(1, 1), EVERYTHING)
    pod = seen.one("apps/v1", "Deployment")["spec"]["template"]["spec"]
    container = seen.container(pod)
    assert_everything(container, pod)
    assert seen.credentials() == {"bucket"}
    assert pod["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in pod[
        "tolerations"
    ]
    assert pod["terminationGracePeriodSeconds"] == 75
    assert container["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}
    assert container["readinessProbe"]["httpGet"]["path"] == "/v2/health/ready"
    ports = {
        p["name"]: (p["port"], p["targetPort"], p.get("appProtocol"))
        for p in seen.one("v1", "Service")["spec"]["ports"]
    }
    assert next(iter(ports.values()))[:2] == (80, 8080)
    assert ports["h2c"] == (9000, 9000, "kubernetes.io/h2c")


def test_everything_in_knative_mode(cluster: DevCluster, namespace: str) -> None:
    secrets(cluster, namespace)
    enable(cluster, "enabled")
    try:
        seen = Seen(cluster, namespace, Mode.KNATIVE, Scaling(1, 3), EVERYTHING)
    finally:
        enable(cluster, "disabled")
    pod = seen.one("serving.knative.dev/v1", "Revision")["spec"]
    container = seen.container(pod)
    assert_everything(container, pod)
    assert pod["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert pod["tolerations"][0]["key"] == "nvidia.com/gpu"
    assert seen.credentials() == {"bucket"}


def enable(cluster: DevCluster, word: str) -> None:
    """Switch Knative's leave to place pods; its webhook looks at the change by itself."""
    names = ("kubernetes.podspec-nodeselector", "kubernetes.podspec-tolerations")
    path = cluster.kube.path("v1", "ConfigMap", "knative-serving", "config-features")
    cluster.kube.patch(path, {"data": dict.fromkeys(names, word)})


@pytest.mark.parametrize(
    ("mode", "api_version", "kind"),
    [
        (Mode.STANDARD, "apps/v1", "Deployment"),
        (Mode.KNATIVE, "serving.knative.dev/v1", "Revision"),
    ],
    ids=list(Mode),
)
def test_grpc(cluster: DevCluster, namespace: str, mode: Mode, api_version: str, kind: str) -> None:
    seen = Seen(cluster, namespace, mode, Scaling(1, 1), Runtime(protocol=Protocol.GRPC_V2))
    spec: dict[str, Any] = seen.one(api_version, kind)["spec"]
    container = seen.container(spec["template"]["spec"] if mode is Mode.STANDARD else spec)
    probe = container["readinessProbe"]
    if mode is Mode.KNATIVE:
        assert [port["name"] for port in container["ports"]] == ["h2c"]
        assert probe["grpc"]["port"] == 9000, "HTTP would be asked of the gRPC port"
    else:
        assert probe["httpGet"]["port"] == 8080


def test_knative_scales_to_zero(cluster: DevCluster, namespace: str) -> None:
    seen = Seen(cluster, namespace, Mode.KNATIVE, Scaling(0, 3), Runtime())
    revision = seen.one("serving.knative.dev/v1", "Revision")
    annotations = revision["metadata"]["annotations"]
    assert annotations["autoscaling.knative.dev/min-scale"] == "0"
    assert annotations["autoscaling.knative.dev/max-scale"] == "3"
    assert seen.names("apps/v1", "Deployment") == ["fraud-predictor-00001-deployment"]

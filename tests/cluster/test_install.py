"""Helm installs, upgrades and removes the chart on the real API server, in a namespace that admits
restricted pods only; kustomize's overlays pass its strict validation."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.built import require
from tests.deploy.objects import CHART, DEPLOY, read
from tidegate_local.devcluster import build
from tidegate_local.devcluster.cluster import DevCluster
from tidegate_local.devcluster.kube import Json, KubeError, definitions, establish

pytestmark = pytest.mark.cluster
SYSTEM = "gate-system"
TENANTS = ("gate-a", "gate-b")
GATEWAYS = "gate-ways"
NAME = "gate"  # the names in the cluster; other tests have objects called tidegate-…
OPERATOR = ("github.com/prometheus-operator/prometheus-operator", "example/prometheus-operator-crd")
PROGRAMS = ("deployment-service", "deploy-worker", "template-service")


class Helm:
    """The real one, against the dev cluster, with a home of its own."""

    def __init__(self, program: Path, cluster: DevCluster, home: Path) -> None:
        self._program = program
        self._cluster = cluster
        self._home = home

    def __call__(self, *arguments: str, values: Json | None = None) -> str:
        file = self._home / "values.yaml"
        file.write_text(yaml.safe_dump(values or {}))
        value = []
        if values:
            value = ["--values", str(file)]
        environ = {
            "KUBECONFIG": str(self._cluster.kubeconfig),
            "HOME": str(self._home),
            "PATH": "/usr/bin:/bin",
        }
        command = [
            str(self._program),
            *arguments,
            *value,
            "--namespace",
            SYSTEM,
            "--timeout",
            "240s",
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environ, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def tools() -> build.Built:
    return require(["tools"])["tools"]


@pytest.fixture(scope="module")
def prepared(cluster: DevCluster, tools: build.Built) -> DevCluster:
    """A cluster with namespaces, and with the definitions of Prometheus' operator."""
    establish(cluster.kube, definitions(*sorted(tools.files(*OPERATOR).glob("*.yaml"))))
    for namespace in (*TENANTS, GATEWAYS, "tidegate-system"):
        cluster.namespace(namespace, tenant=namespace in TENANTS)
    labels = {f"pod-security.kubernetes.io/{what}": "restricted" for what in ("enforce", "warn")}
    cluster.kube.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM, "labels": labels}}
    )
    return cluster


@pytest.fixture
def helm(prepared: DevCluster, tools: build.Built, tmp_path: Path) -> Helm:
    return Helm(tools.program("helm"), prepared, tmp_path)


def values(digit: str) -> Json:
    """The example with everything, for this cluster's names."""
    content: Json = yaml.safe_load((CHART / "ci" / "full-values.yaml").read_text())
    content["fullnameOverride"] = NAME
    content["tenants"] = list(TENANTS)
    content["image"]["digest"] = "sha256:" + digit * 64
    content["worker"]["settings"]["gateway_namespace"] = GATEWAYS
    for server, tenant in zip(content["externalServers"], TENANTS, strict=True):
        server["namespace"] = tenant
    return content


def images(cluster: DevCluster) -> set[str]:
    results = cluster.kube.items("apps/v1", "Deployment", SYSTEM)
    assert {item["metadata"]["name"] for item in results} == {
        f"{NAME}-{program}" for program in PROGRAMS
    }
    assert all(item["status"]["availableReplicas"] >= 1 for item in results)
    return {
        item["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2][0]
        for item in results
    }


def allowed(cluster: DevCluster, namespace: str, verb: str, group: str, resource: str) -> bool:
    """Whether the worker's account may."""
    attributes = {"namespace": namespace, "verb": verb, "group": group, "resource": resource}
    account = f"system:serviceaccount:{SYSTEM}:{NAME}-deploy-worker"
    request = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": account,
            "groups": ["system:serviceaccounts"],
            "resourceAttributes": attributes,
        },
    }
    known: bool = cluster.kube.call(
        "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", request
    )["status"]["allowed"]
    return known


def test_installed_upgraded_and_removed(helm: Helm, prepared: DevCluster) -> None:
    kube = prepared.kube
    naked = {"metadata": {"name": "naked"}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    with pytest.raises(KubeError, match='violates PodSecurity "restricted'):
        kube.call(
            "POST",
            f"/api/v1/namespaces/{SYSTEM}/pods",
            {"apiVersion": "v1", "kind": "Pod", **naked},
        )

    helm("install", "gate", str(CHART), "--wait", values=values("1"))
    assert images(prepared) == {"1"}
    for tenant in TENANTS:
        assert allowed(prepared, tenant, "create", "serving.kserve.io", "inferenceservices")
        assert not allowed(prepared, tenant, "get", "", "secrets")
    assert allowed(prepared, "", "list", "", "pods")
    assert not allowed(prepared, "", "watch", "", "pods")
    assert not allowed(prepared, "default", "create", "serving.kserve.io", "inferenceservices")
    for kind in ("ServiceMonitor", "PodMonitor", "PrometheusRule"):
        assert len(kube.items("monitoring.coreos.com/v1", kind, SYSTEM)) == 1

    # The hook's Job of before is no obstacle
    helm("upgrade", "gate", str(CHART), "--wait", values=values("2"))
    assert images(prepared) == {"2"}

    helm("uninstall", "gate", "--wait")
    assert not kube.items("apps/v1", "Deployment", SYSTEM)
    assert all(
        not kube.items("networking.k8s.io/v1", "NetworkPolicy", place)
        for place in (SYSTEM, *TENANTS)
    )


@pytest.fixture(params=["overlays/standalone", "overlays/kubeflow", "tenant"])
def built(request: pytest.FixtureRequest, tools: build.Built) -> list[Json]:
    command = [str(tools.program("kustomize")), "build", str(DEPLOY / "kustomize" / request.param)]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    return read(text.replace("namespace: team-a", f"namespace: {TENANTS[0]}"))


def test_the_api_server_takes_what_kustomize_builds(
    prepared: DevCluster, built: list[Json]
) -> None:
    kube = prepared.kube
    query = {"fieldManager": "test", "force": "true", "dryRun": "All", "fieldValidation": "Strict"}
    for item in built:
        meta = item["metadata"]
        path = kube.path(item["apiVersion"], item["kind"], meta.get("namespace"), meta["name"])
        kube.call("PATCH", path, json.dumps(item), "application/apply-patch+yaml", query)

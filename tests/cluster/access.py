"""The deploy-worker's access to the dev cluster: its ServiceAccount under exactly the shipped
roles."""

import json
from pathlib import Path

import yaml

from tidegate_local.devcluster.cluster import DevCluster
from tidegate_local.devcluster.kube import Json

RBAC = Path(__file__).parents[2] / "deploy" / "k8s" / "rbac"


def shipped(name: str) -> list[Json]:
    """The objects of a shipped manifest."""
    return [item for item in yaml.safe_load_all((RBAC / name).read_text()) if item]


def kubeconfig_of_worker(cluster: DevCluster, folder: Path) -> Path:
    """Apply the shipped roles; a kubeconfig of the ServiceAccount, with a token file beside it."""
    cluster.namespace("tidegate-system")
    names = ["serviceaccount.yaml", "clusterrole-tenant.yaml", "clusterrole-reader.yaml"]
    if cluster.kube.get(cluster.kube.path("v1", "Namespace", name="knative-serving")) is not None:
        names.append("role-knative-reader.yaml")
    for name in names:
        cluster.kube.apply_all(shipped(name))
    path = "/api/v1/namespaces/tidegate-system/serviceaccounts/tidegate-deploy-worker/token"
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 3600},
    }
    token = cluster.kube.call("POST", path, request)["status"]["token"]
    (folder / "token").write_text(token)
    made = json.loads(cluster.kubeconfig.read_text())
    made["users"] = [{"name": made["users"][0]["name"], "user": {"tokenFile": "token"}}]
    (folder / "kubeconfig").write_text(json.dumps(made))
    return folder / "kubeconfig"


def bind(cluster: DevCluster, namespace: str) -> None:
    """Permit Tidegate in a namespace, as the shipped example does."""
    for item in shipped("rolebinding-tenant.example.yaml"):
        cluster.kube.apply({**item, "metadata": {**item["metadata"], "namespace": namespace}})

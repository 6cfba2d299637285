"""Identities of a real cluster: its API server says whose a token is, and what that account may do
by itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.deployment_service.conftest import Api, FakeAsker, FakeRegistry, database  # noqa: F401  (a fixture)
from tidegate.deployment_service.app import create_app
from tidegate.settings import Settings
from tidegate.store import Store, tokens
from tidegate_local.devcluster.cluster import DevCluster

pytestmark = [pytest.mark.cluster, pytest.mark.real]

RBAC = "rbac.authorization.k8s.io/v1"


def account(cluster: DevCluster, namespace: str, name: str, audience: str = "tidegate") -> str:
    """A token of a ServiceAccount, for this audience."""
    cluster.kube.apply(
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": name, "namespace": namespace},
        }
    )
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    spec = {"expirationSeconds": 600, **({"audiences": [audience]} if audience else {})}
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    return str(cluster.kube.call("POST", path, request)["status"]["token"])


def permit(cluster: DevCluster, namespace: str, name: str, *verbs: str) -> None:
    """Let a ServiceAccount do this with InferenceServices of its namespace."""
    rules = [
        {
            "apiGroups": ["serving.kserve.io"],
            "resources": ["inferenceservices"],
            "verbs": list(verbs),
        }
    ]
    place = {"name": name, "namespace": namespace}
    cluster.kube.apply({"apiVersion": RBAC, "kind": "Role", "metadata": place, "rules": rules})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    subjects = [{"kind": "ServiceAccount", **place}]
    cluster.kube.apply(
        {
            "apiVersion": RBAC,
            "kind": "RoleBinding",
            "metadata": place,
            "roleRef": role,
            "subjects": subjects,
        }
    )


@pytest.fixture
def api(cluster: DevCluster, namespace: str, database: str, tmp_path: Path) -> Iterator[Api]:  # noqa: F811
    """The service with an account that may ask for reviews, and nothing else."""
    own = account(cluster, namespace, "tidegate-deployment-service", "")
    role = {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "system:auth-delegator",
    }
    subject = {
        "kind": "ServiceAccount",
        "name": "tidegate-deployment-service",
        "namespace": namespace,
    }
    cluster.kube.apply(
        {
            "apiVersion": RBAC,
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"reviews-{namespace}"},
            "roleRef": role,
            "subjects": [subject],
        }
    )
    (tmp_path / "token").write_text(own)
    settings = Settings(
        database_url=database,
        kubernetes_auth=True,
        kubernetes_url=cluster.server,
        kubernetes_ca_file=cluster.plane.pair.cert,
        kubernetes_token_file=tmp_path / "token",
    )
    store = Store(database)
    with store.begin() as tx:
        token = tokens.bootstrap(tx)
    assert token is not None
    app = create_app(store, FakeRegistry(), settings, asker=FakeAsker())
    yield Api(store, TestClient(app), token)
    store.close()


def test_an_account_needs_a_role_here_and_the_right_there(
    cluster: DevCluster, namespace: str, api: Api
) -> None:
    pipeline = account(cluster, namespace, "pipeline")
    permit(cluster, namespace, "pipeline", "get")
    admin, name = api.token, f"k8s:system:serviceaccount:{namespace}:pipeline"
    mine = f"/api/v1/endpoints/{namespace}/fraud"

    api.token = pipeline
    message = api.ok("GET", "/api/v1/whoami")
    assert (message["name"], message["grants"]) == (name, {})
    assert api.get(mine).status_code == 403, "known, but nobody has given it a role"
    api.token = admin
    api.ok("POST", f"/api/v1/access/{namespace}/bindings", {"user": name, "role": "approver"})
    group = f"k8s:system:serviceaccounts:{namespace}"
    api.ok("POST", "/api/v1/access/default/bindings", {"group": group, "role": "viewer"})

    api.token = pipeline
    assert api.get(mine).status_code == 404, "it may look, and there is nothing yet"
    refused = api.post(f"{mine}/undo", {})
    assert refused.status_code == 403
    assert (
        f"does not let 'system:serviceaccount:{namespace}:pipeline' update inferenceservices"
        in refused.text
    )
    elsewhere = api.get("/api/v1/endpoints?namespace=default")
    assert elsewhere.status_code == 403, "a role there, by its group, and no right in the cluster"
    assert "get inferenceservices.serving.kserve.io in 'default'" in elsewhere.text
    assert api.ok("GET", "/api/v1/endpoints")["items"] == []

    editor = account(cluster, namespace, "editor")
    permit(cluster, namespace, "editor", "get", "update")
    api.token = admin
    body = {"user": f"k8s:system:serviceaccount:{namespace}:editor", "role": "editor"}
    api.ok("POST", f"/api/v1/access/{namespace}/bindings", body)
    api.token = editor
    assert api.post(f"{mine}/undo", {}).status_code == 404

    for audience in ("", "grafana"):
        api.token = account(cluster, namespace, "pipeline", audience)
        answer = api.get("/api/v1/whoami")
        assert answer.status_code == 401, "a token for somebody else is not one for us"
        assert "another audience than 'tidegate'" in answer.json()["detail"]
    api.token = pipeline[:-6] + "AAAAAA"
    assert api.get("/api/v1/whoami").status_code == 401

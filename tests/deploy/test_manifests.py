"""What the manifests name exists in the code: programs, settings, ports, paths, images, labels,
rights."""

import importlib.util
import json
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from tests.deploy.objects import BASE, CHART, DEPLOY, ROOT, Pod, base, env, of, pods, read, selects
from tidegate.core.drivers import rendering
from tidegate.core.triton import protocol
from tidegate.deploy_worker.kubernetes.watched_tenants import TENANT_LABEL
from tidegate.deploy_worker.settings import WorkerSettings
from tidegate.settings import Settings
from tidegate.store.__main__ import main as store_main
from tidegate.template_service.settings import TemplateSettings
from tidegate.web import probes
from tidegate.web.serving import CLOSE_TIMEOUT_S

OBJECTS = base()
PODS = list(pods(OBJECTS))
SETTINGS: dict[str, type[BaseSettings]] = {
    "tidegate.deployment_service": Settings,
    "tidegate.deploy_worker": WorkerSettings,
    "tidegate.template_service": TemplateSettings,
    "tidegate.store": Settings,
}
# With everything on
FULL = list(pods(read((ROOT / "tests" / "deploy" / "golden" / "full.yaml").read_text())))
every_pod = pytest.mark.parametrize("pod", PODS, ids=[pod.owner for pod in PODS])


def values() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
    return content


def test_the_three_programs_are_there() -> None:
    assert {pod.main["command"][2] for pod in PODS} == set(SETTINGS) - {"tidegate.store"}


@pytest.mark.parametrize("pod", PODS + FULL, ids=[pod.owner for pod in PODS + FULL])
def test_a_container_runs_a_program_with_settings_that_it_has(pod: Pod) -> None:
    for container in pod.containers:
        python, flag, module, *_ = container["command"]
        assert (python, flag) == ("python", "-m")
        assert importlib.util.find_spec(f"{module}.__main__") is not None
        known = {f"TIDEGATE_{name.upper()}" for name in SETTINGS[module].model_fields}
        assert {name for name in env(container) if name.startswith("TIDEGATE_")} <= known
        arguments = {
            name.removeprefix("TIDEGATE_").lower(): value
            for name, value in env(container).items()
            if value
        }
        SETTINGS[module].model_validate(arguments)


@every_pod
def test_ports_and_probes_are_those_of_the_program(pod: Pod) -> None:
    (port,) = pod.main["ports"]
    state = env(pod.main)
    assert str(port["containerPort"]) == state.get(
        "TIDEGATE_METRICS_PORT", state.get("TIDEGATE_PORT")
    )
    assert state["TIDEGATE_HOST"] == "0.0.0.0"
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        http_get = pod.main[probe]["httpGet"]
        assert http_get["path"] in probes.PATHS
        assert http_get["port"] == port["name"]


@every_pod
def test_the_grace_period_is_enough_to_leave_in_order(pod: Pod) -> None:
    before = pod.main.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    drain = float(env(pod.main).get("TIDEGATE_DRAIN", 1))
    assert pod.spec["terminationGracePeriodSeconds"] > before + drain + CLOSE_TIMEOUT_S


@every_pod
def test_a_pod_may_do_as_little_as_it_can(pod: Pod) -> None:
    assert pod.spec["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert pod.spec["automountServiceAccountToken"] == (pod.owner == "tidegate-deploy-worker")
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod.spec)
    for container in pod.containers:
        allowed = container["securityContext"]
        assert allowed["readOnlyRootFilesystem"]
        assert not allowed["allowPrivilegeEscalation"]
        assert allowed["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["requests"]
        assert "memory" in container["resources"]["limits"]


def test_the_migrations_command_is_understood(capsys: pytest.CaptureFixture[str]) -> None:
    (init,) = next(pod for pod in PODS if pod.owner == "tidegate-deployment-service").spec[
        "initContainers"
    ]
    with pytest.raises(SystemExit) as ended:
        store_main([*init["command"][3:], "--help"])
    assert ended.value.code == 0
    assert "--grants" in capsys.readouterr().out


def test_no_secret_is_written_down() -> None:
    assert not of(OBJECTS, "Secret")
    for pod in PODS:
        for container in pod.containers:
            urls = [
                item
                for item in container["env"]
                if item["name"].endswith(("_URL", "_TOKEN", "_PASSWORD"))
            ]
            assert all(
                "secretKeyRef" in url.get("valueFrom", {}) or url["name"] == "TIDEGATE_URL"
                for url in urls
            )
    assert values()["database"]["existingSecret"] == ""


def test_the_owner_of_the_tables_is_known_to_the_migrations_alone() -> None:
    keys = {
        container["name"]: item["valueFrom"]["secretKeyRef"]["key"]
        for pod in PODS
        for container in pod.containers
        for item in container["env"]
        if item["name"] == "TIDEGATE_DATABASE_URL"
    }
    assert keys == {
        "migrations": "owner-url",
        "deployment-service": "api-url",
        "deploy-worker": "worker-url",
    }


def test_one_image_which_is_that_of_the_catalog() -> None:
    catalog = yaml.safe_load((ROOT / "catalog" / "catalog.yaml").read_text())
    assert {container["image"] for pod in PODS for container in pod.containers} == {
        catalog["image"]
    }


def test_whatever_selects_pods_finds_some() -> None:
    labels = [pod.labels for pod in PODS]
    selectors = [
        *(service["spec"]["selector"] for service in of(OBJECTS, "Service")),
        *(
            budget["spec"]["selector"]["matchLabels"]
            for budget in of(OBJECTS, "PodDisruptionBudget")
        ),
    ]
    assert len(selectors) == 6
    for selector in selectors:
        assert sum(selects({"matchLabels": selector}, label) for label in labels) == 1, selector
    for pod in PODS:
        for spread in pod.spec["topologySpreadConstraints"]:
            assert selects(spread["labelSelector"], pod.labels)


def test_nothing_is_reachable_but_by_name() -> None:
    policies = {p["metadata"]["name"]: p["spec"] for p in of(OBJECTS, "NetworkPolicy")}
    denied = policies.pop("tidegate-default-deny")
    assert all(selects(denied["podSelector"], pod.labels) for pod in PODS)
    assert sorted(denied["policyTypes"]) == ["Egress", "Ingress"]
    assert "ingress" not in denied
    assert "egress" not in denied
    ports = {port["containerPort"] for pod in PODS for port in pod.main["ports"]}
    for name, spec in policies.items():
        assert any(selects(spec["podSelector"], pod.labels) for pod in PODS), name
        for rule in spec.get("ingress", []):
            assert rule["from"], f"{name} lets anybody in"
            assert {port["port"] for port in rule["ports"]} <= ports


def test_a_tenants_policy_speaks_of_the_pods_that_the_drivers_make() -> None:
    (policy,) = read((DEPLOY / "kustomize" / "tenant" / "networkpolicy.yaml").read_text())
    assert policy["spec"]["podSelector"]["matchExpressions"] == [
        {"key": rendering.ENDPOINT, "operator": "Exists"}
    ]
    worker, steps, gateway, prometheus, _knative = policy["spec"]["ingress"]
    triton = {protocol.HTTP_PORT, protocol.GRPC_PORT}
    for rule in (worker, steps, gateway):
        assert triton <= {port["port"] for port in rule["ports"]}
    # Their proxies go past the activator, to the queue-proxy
    knatives = {
        "istio-system",
        "kourier-system",
    }
    assert knatives | {"envoy-gateway-system", "traefik"} <= namespaces(gateway)
    assert {8012, 8013} <= {port["port"] for port in gateway["ports"]}
    assert protocol.METRICS_PORT in {port["port"] for port in prometheus["ports"]}
    labels = next(pod.labels for pod in PODS if pod.owner == "tidegate-deploy-worker")
    assert selects(worker["from"][0]["podSelector"], labels)
    label = next(iter(steps["from"][0]["podSelector"]["matchLabels"]))
    assert f'"{label}", "true"' in (ROOT / "pipelines" / "components.py").read_text()
    allowed = values()["networkPolicy"]["allow"]
    assert label in json.dumps(allowed["api-from-steps"])
    assert TENANT_LABEL in json.dumps(allowed["worker-to-revisions"])


def namespaces(rule: dict[str, Any]) -> set[str]:
    return {
        name
        for peer in rule["from"]
        for match_expression in peer["namespaceSelector"]["matchExpressions"]
        if match_expression["operator"] == "In"
        for name in match_expression["values"]
    }


def normal(rules: list[dict[str, Any]]) -> set[str]:
    return {json.dumps(rule, sort_keys=True) for rule in rules}


def test_the_chart_gives_the_worker_the_rights_that_the_tests_on_a_cluster_use() -> None:
    shipped = {
        (item["kind"], item["metadata"]["name"], item["metadata"].get("namespace")): item
        for file in (DEPLOY / "k8s" / "rbac").glob("clusterrole-*.yaml")
        for item in read(file.read_text())
    }
    ours = {(o["kind"], o["metadata"]["name"], o["metadata"].get("namespace")): o for o in OBJECTS}
    assert set(shipped) <= set(ours)
    for key, item in shipped.items():
        assert normal(item.get("rules", [])) == normal(ours[key].get("rules", [])), key
        assert item.get("roleRef") == ours[key].get("roleRef"), key
        assert item.get("subjects") == ours[key].get("subjects"), key


def test_the_guardrails_know_the_worker_by_the_name_that_it_has_here() -> None:
    policy = (DEPLOY / "k8s" / "policies" / "kyverno" / "protect-tidegate-objects.yaml").read_text()
    (worker,) = of(OBJECTS, "ServiceAccount", "tidegate-deploy-worker")
    assert (
        f"'system:serviceaccount:{worker['metadata']['namespace']}:{worker['metadata']['name']}'"
        in policy
    )


def test_the_base_lists_every_file() -> None:
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    assert sorted(listed) == sorted(
        file.name for file in BASE.glob("*.yaml") if file.name != "kustomization.yaml"
    )

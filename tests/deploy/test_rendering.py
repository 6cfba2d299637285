"""The chart by the real Helm, the overlays by the real kustomize."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.built import require
from tests.deploy.objects import CHART, DEPLOY, Json, env, of, pods, read
from tests.golden_files import check_golden
from tidegate_local.devcluster import build

pytestmark = pytest.mark.cluster
GOLDEN = Path(__file__).with_name("golden")
EXAMPLES = sorted((CHART / "ci").glob("*-values.yaml"))
DIGEST = "sha256:" + "0" * 63 + "1"


@pytest.fixture(scope="module")
def tools() -> build.Built:
    return require(["tools"])["tools"]


def run(
    program: Path, *arguments: object, values: Json | None = None
) -> subprocess.CompletedProcess[str]:
    value = ""
    if values is not None:
        value = yaml.safe_dump(values)
    command = [str(program), *map(str, arguments)]
    return subprocess.run(
        command, input=value, capture_output=True, text=True, check=False, timeout=120
    )


def rendered(tools: build.Built, values: Json, *more: object) -> list[Json]:
    fields = {"database": {"existingSecret": "tidegate-database"}} | values
    done = run(
        tools.program("helm"),
        "template",
        "tidegate",
        CHART,
        "-n",
        "tidegate-system",
        "-f",
        "-",
        *more,
        values=fields,
    )
    assert done.returncode == 0, done.stderr
    return read(done.stdout)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_chart_is_as_helm_likes_it_and_renders_as_before(
    tools: build.Built, path: Path
) -> None:
    linted = run(tools.program("helm"), "lint", "--strict", CHART, "-f", path)
    assert linted.returncode == 0, linted.stdout
    text = run(
        tools.program("helm"), "template", "tidegate", CHART, "-n", "tidegate-system", "-f", path
    ).stdout
    check_golden(GOLDEN / path.name.replace("-values", ""), text)


def test_without_a_database_it_says_which_value_is_missing(tools: build.Built) -> None:
    done = run(tools.program("helm"), "template", "tidegate", CHART)
    assert done.returncode != 0
    assert "database.existingSecret is required" in done.stderr


def test_a_misspelled_setting_is_refused(tools: build.Built) -> None:
    values = {"worker": {"settings": {"gatway_name": "models"}}}
    done = run(tools.program("helm"), "template", "tidegate", CHART, "-f", "-", values=values)
    assert done.returncode != 0
    assert "gatway_name" in done.stderr


def test_a_digest_wins_over_a_tag(tools: build.Built) -> None:
    image = {"registry": "registry.example.com", "repository": "ml/tidegate", "tag": "1.2.3"}
    for more, name in (
        ({}, "registry.example.com/ml/tidegate:1.2.3"),
        ({"digest": DIGEST}, f"registry.example.com/ml/tidegate@{DIGEST}"),
    ):
        results = list(pods(rendered(tools, {"image": image | more})))
        assert {container["image"] for pod in results for container in pod.containers} == {name}
        state = next(env(pod.main) for pod in results if pod.owner.endswith("template-service"))
        assert state["TIDEGATE_IMAGE"] == name  # the steps of pipelines run the same


def test_settings_reach_the_programs_as_they_were_said(tools: build.Built) -> None:
    settings = {"body_limit": 12000000, "drain": 2.5, "tenants": ["team-a", "team-b"]}
    results = rendered(tools, {"api": {"settings": settings}})
    state = next(env(pod.main) for pod in pods(results) if pod.owner.endswith("deployment-service"))
    # Helm's numbers are floats: 1.2e+07 would be refused at the start
    assert state["TIDEGATE_BODY_LIMIT"] == "12000000"
    assert state["TIDEGATE_DRAIN"] == "2.5"
    assert state["TIDEGATE_TENANTS"] == "team-a,team-b"


def test_what_api_and_worker_must_agree_on_is_said_once(tools: build.Built) -> None:
    results = rendered(
        tools,
        {
            "settings": {"schemes": ["s3"], "log_level": "DEBUG"},
            "worker": {"settings": {"log_level": "INFO"}},
        },
    )
    state = {pod.owner: env(pod.main) for pod in pods(results)}
    assert state["tidegate-deployment-service"]["TIDEGATE_SCHEMES"] == "s3"
    assert state["tidegate-deploy-worker"]["TIDEGATE_SCHEMES"] == "s3"
    assert state["tidegate-deploy-worker"]["TIDEGATE_LOG_LEVEL"] == "INFO"  # its own goes first
    assert "TIDEGATE_SCHEMES" not in state["tidegate-template-service"]


def test_what_a_program_says_of_its_pods_goes_before_what_is_said_of_all(
    tools: build.Built,
) -> None:
    everywhere = {"nodeSelector": {"pool": "system"}, "priorityClassName": "high"}
    results = list(
        pods(rendered(tools, {"pod": everywhere, "worker": {"priorityClassName": "higher"}}))
    )
    named = {pod.owner: pod.spec.get("priorityClassName") for pod in results}
    assert named == {
        "tidegate-migrations": "high",
        "tidegate-deployment-service": "high",
        "tidegate-deploy-worker": "higher",
        "tidegate-template-service": "high",
    }
    assert all(pod.spec["nodeSelector"] == {"pool": "system"} for pod in results)


@pytest.mark.parametrize("mode", ["hook", "init"])
def test_the_migrations_reach_the_database_as_the_programs_do(
    tools: build.Built, mode: str
) -> None:
    ca = {"name": "database-ca", "mountPath": "/etc/tidegate/database"}
    values = {
        "tolerations": [{"key": "control-plane", "operator": "Exists"}],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}
            }
        },
        "annotations": {"sidecar.istio.io/inject": "false"},
        "labels": {"team": "ml"},
        "extraEnv": [{"name": "PGSSLROOTCERT", "value": "/etc/tidegate/database/ca.crt"}],
        "extraVolumes": [{"name": "database-ca", "configMap": {"name": "database-ca"}}],
        "extraVolumeMounts": [ca],
    }
    objects = rendered(tools, {"pod": values, "migrations": {"mode": mode}})
    ((pod, result),) = (
        (p, c) for p in pods(objects) for c in p.containers if c["name"] == "migrations"
    )
    assert env(result)["PGSSLROOTCERT"] == "/etc/tidegate/database/ca.crt"
    assert ca in result["volumeMounts"]
    assert {mount["name"] for mount in result["volumeMounts"]} <= {
        volume["name"] for volume in pod.spec["volumes"]
    }
    assert pod.spec["tolerations"] == values["tolerations"]
    assert pod.spec["affinity"] == values["affinity"]
    assert pod.labels["team"] == "ml"
    owner = next(
        o
        for o in objects
        if o["kind"] in ("Job", "Deployment") and o["metadata"]["name"] == pod.owner
    )
    assert owner["spec"]["template"]["metadata"]["annotations"] == values["annotations"]


def test_the_migrations_in_the_apis_pod_mount_what_that_pod_has(tools: build.Built) -> None:
    own = {
        "extraVolumes": [{"name": "own", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "own", "mountPath": "/own"}],
    }
    everywhere = {
        "extraVolumes": [{"name": "all", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "all", "mountPath": "/all"}],
    }
    results = pods(rendered(tools, {"pod": everywhere, "api": own, "migrations": {"mode": "init"}}))
    (migrations,) = (c for pod in results for c in pod.containers if c["name"] == "migrations")
    assert [mount["name"] for mount in migrations["volumeMounts"]] == ["tmp", "own"]


@pytest.mark.parametrize(("gateway", "anybody"), [("", True), ("models", False), (None, False)])
def test_without_a_gateway_clients_come_straight_to_the_pods(
    tools: build.Built, gateway: str | None, anybody: bool
) -> None:
    results = rendered(
        tools, {"tenants": ["team-a"], "worker": {"settings": {"gateway_name": gateway}}}
    )
    (policy,) = of(results, "NetworkPolicy", "tidegate-revisions")
    opened = [
        {port["port"] for port in rule["ports"]}
        for rule in policy["spec"]["ingress"]
        if not rule.get("from")
    ]
    assert opened == ([{8080, 9000}] if anybody else [])


def test_what_runs_where_is_chosen(tools: build.Built) -> None:
    results = rendered(
        tools,
        {
            "templates": {"enabled": False},
            "networkPolicy": {"enabled": False},
            "migrations": {"mode": "none"},
        },
    )
    assert {pod.owner for pod in pods(results)} == {
        "tidegate-deploy-worker",
        "tidegate-deployment-service",
    }
    assert not of(results, "NetworkPolicy")
    assert all("initContainers" not in pod.spec for pod in pods(results))


def test_a_server_outside_of_the_cluster_has_a_name_inside(tools: build.Built) -> None:
    full = read((GOLDEN / "full.yaml").read_text())
    (box,) = of(full, "EndpointSlice")
    (service,) = of(full, "Service", "gpu-box")
    assert box["metadata"]["labels"]["kubernetes.io/service-name"] == "gpu-box"
    assert "selector" not in service["spec"]
    assert {p["name"]: p["port"] for p in box["ports"]} == {
        p["name"]: p["port"] for p in service["spec"]["ports"]
    }


@pytest.mark.parametrize("overlay", ["standalone", "kubeflow"])
def test_an_overlay_builds(tools: build.Built, overlay: str) -> None:
    done = run(tools.program("kustomize"), "build", DEPLOY / "kustomize" / "overlays" / overlay)
    assert done.returncode == 0, done.stderr
    results = read(done.stdout)
    assert {
        o["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for o in of(results, "Namespace")
    } == {"restricted"}
    state = next(env(pod.main) for pod in pods(results) if pod.owner.endswith("template-service"))
    assert ("TIDEGATE_KFP_URL" in state) == (overlay == "kubeflow")
    if overlay == "kubeflow":
        (gate,) = of(results, "NetworkPolicy", "tidegate-allow-api-from-gateway")
        assert "istio-system" in str(gate["spec"]["ingress"])
        assert of(results, "PrometheusRule")

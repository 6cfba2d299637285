"""The worker as a process, on a fake API server: it works, shows that it does, and goes in
order."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deploy_worker.kubernetes.fake_api import FakeKubernetes, serve
from tests.waiting import PATIENCE, until
from tidegate.core.drivers.rendering import Gateway
from tidegate.core.intent import EndpointKey, Mode, Model, Runtime, Scaling
from tidegate.deploy_worker.__main__ import expected_of, gateway_of, main
from tidegate.deploy_worker.kubernetes.kinds import WATCHED
from tidegate.deploy_worker.settings import WorkerSettings
from tidegate.store import Store, endpoints, leases, reconciles, workers
from tidegate.store.migrate import migrate
from tidegate_local.home import free_port

ROUTE = "/apis/gateway.networking.k8s.io/v1/namespaces/team-a/httproutes/fraud"
ISVC = "/apis/serving.kserve.io/v1beta1/namespaces/team-a/inferenceservices/fraud-r1"


def environ(**settings: str) -> dict[str, str]:
    """This process's environment with only these settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    return {**kept, **settings}


def run(**settings: str) -> subprocess.CompletedProcess[str]:
    """Run the worker to its end."""
    command = [sys.executable, "-m", "tidegate.deploy_worker"]
    return subprocess.run(
        command, env=environ(**settings), capture_output=True, text=True, timeout=60, check=False
    )


def answer(port: int, path: str) -> tuple[int, str]:
    """Status and text; 0 where nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as result:
            return result.status, result.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def until_it(fact: Callable[[], object], alive: subprocess.Popen[bytes]) -> None:
    """Look again until the fact holds."""

    def observe() -> object:
        assert alive.poll() is None, "the worker ended"
        return fact()

    until(observe, seconds=60.0)


@pytest.fixture
def fake() -> Iterator[tuple[FakeKubernetes, str]]:
    with serve() as (world, url):
        world.collections |= {f"{kind.root}/{kind.plural}" for kind in WATCHED} | {
            "/api/v1/namespaces"
        }
        world.put(
            "/api/v1/namespaces/team-a", {"metadata": {"labels": {"tidegate.dev/tenant": "true"}}}
        )
        yield world, url


def kubeconfig(folder: Path, url: str) -> Path:
    """A kubeconfig of nobody."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(config))
    return path


@pytest.mark.real
def test_it_writes_what_the_store_says_also_of_an_idle_endpoint_and_stops_in_order(
    fake: tuple[FakeKubernetes, str], database_url: str, tmp_path: Path
) -> None:
    world, url = fake
    migrate(database_url)
    store = Store(database_url)
    with store.begin() as tx:
        endpoints.create(
            tx,
            EndpointKey("team-a", "fraud"),
            mode=Mode.STANDARD,
            spec={},
            model=Model("fraud", "1", "s3://m/1", "sha256-1"),
            runtime=Runtime(),
            scaling=Scaling(1, 2),
            author="ann",
            message="first",
        )
    with store.begin() as tx:  # idle, as one whose objects all went while no worker watched
        (lease,) = leases.claim(tx, "earlier", limit=1, seconds=30)
        reconciles.record(tx, lease)
    port = free_port()
    settings = {
        "TIDEGATE_DATABASE_URL": database_url,
        "TIDEGATE_KUBECONFIG": str(kubeconfig(tmp_path, url)),
        "TIDEGATE_METRICS_PORT": str(port),
        "TIDEGATE_GATEWAY_HOST_TEMPLATE": "{name}-{namespace}.example.org",
    }
    command = [sys.executable, "-m", "tidegate.deploy_worker"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environ(**settings), stderr=log)
    try:
        until_it(lambda: ISVC in world.objects, process)
        assert world.objects[ROUTE]["spec"]["hostnames"] == ["fraud-team-a.example.org"]
        until_it(lambda: answer(port, "/readyz")[0] == 200, process)
        assert answer(port, "/livez")[0] == 200
        message = answer(port, "/metrics")[1]
        assert 'tidegate_cluster_writes_total{result="done"}' in message
        assert (
            "tidegate_workqueue_queue_duration_seconds 0.0" in message
            or "tidegate_endpoints{" in message
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE) == 0, (tmp_path / "log").read_text()
        with store.read() as tx:
            assert workers.newest(tx) is None, "it took its leave"
    finally:
        process.kill()
        store.close()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "TIDEGATE_DATABASE_URL is not set"),
        (
            {"TIDEGATE_DATABASE_URL": "postgresql://x/y", "TIDEGATE_KUBECONFIG": "/nowhere"},
            "TIDEGATE_KUBECONFIG",
        ),
        ({"TIDEGATE_INTERVAL": "soon"}, "TIDEGATE_INTERVAL"),
    ],
)
def test_bad_settings_end_it_with_one_line(settings: dict[str, str], says: str) -> None:
    done = run(**settings)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            {"TIDEGATE_GATEWAY_HOST_TEMPLATE": "models.example.org"},
            "TIDEGATE_GATEWAY_HOST_TEMPLATE",
        ),
        ({"TIDEGATE_GATEWAY_HOST_TEMPLATE": "{host}.example.org"}, "{name} and {namespace}"),
    ],
)
def test_a_host_template_that_names_nobody_ends_it(
    settings: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main()
    assert says in str(ended.value.code)
    assert "\n" not in str(ended.value.code)


def test_without_the_name_of_a_gateway_there_is_none_whatever_the_cluster_says() -> None:
    assert gateway_of(WorkerSettings(gateway_name="")) is None
    named = gateway_of(
        WorkerSettings(gateway_name="main", gateway_namespace="gateways", gateway_tls=True)
    )
    assert named == Gateway("main", "gateways", tls=True)


def test_the_gateway_that_is_asked_for_is_the_one_of_the_settings() -> None:
    settings = WorkerSettings(
        gateway_name="main", gateway_namespace="gateways", kserve_namespace="ks"
    )
    expected = expected_of(settings)
    assert (expected.gateway_namespace, expected.gateway_name, expected.kserve_namespace) == (
        "gateways",
        "main",
        "ks",
    )
    assert (expected.metrics, expected.keda) == (False, False)
    worker_settings = WorkerSettings(keda_prometheus_url="http://prometheus:9090")
    assert (expected_of(worker_settings).metrics, expected_of(worker_settings).keda) == (
        False,
        True,
    )

"""The two wheels: what each holds, what the first can do alone, and that both together run the
local plane."""

import json
from pathlib import Path

import pytest

from tests.wheels.building import ROOT, Environment, build, names
from tidegate_local.home import free_port

pytestmark = pytest.mark.real
WALK = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, f"{name}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
"""
SERVERS = (
    "sqlalchemy",
    "fastapi",
    "uvicorn",
    "psycopg",
    "cryptography",
    "kubernetes",
    "boto3",
    "numpy",
)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def client(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment(tmp_path_factory.mktemp("client") / "venv", wheels["tidegate"])


@pytest.fixture(scope="module")
def local(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment(
        tmp_path_factory.mktemp("local") / "venv", wheels["tidegate"], wheels["tidegate-local"]
    )


def test_the_first_wheel_holds_neither_the_local_plane_nor_the_dev_cluster(
    wheels: dict[str, Path],
) -> None:
    held = names(wheels["tidegate"])
    assert {name.partition("/")[0] for name in held} == {"tidegate", "tidegate-0.1.0.dist-info"}
    assert not [name for name in held if "tidegate_local" in name or "devcluster" in name]
    assert "tidegate/deployment_service/__main__.py" in held
    assert "tidegate/template_service/data/catalog.yaml" in held


def test_the_second_wheel_brings_every_file_that_the_checkout_has(wheels: dict[str, Path]) -> None:
    held = names(wheels["tidegate-local"])
    assert {name.partition("/")[0] for name in held} == {
        "tidegate_local",
        "tidegate_local-0.1.0.dist-info",
    }
    source = ROOT / "local"
    desired = {
        str(path.relative_to(source))
        for path in (source / "tidegate_local").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert desired <= set(held)
    assert "tidegate_local/examples/model-repository/add_sub/config.pbtxt" in held


def test_the_client_needs_none_of_the_servers_packages(client: Environment) -> None:
    there = {path.name for path in client.site.iterdir()}
    assert not there & set(SERVERS)
    walked = client.run(
        "python", "-c", WALK, "tidegate.core", "tidegate.client", "tidegate.cli", "tidegate.steps"
    )
    assert walked.returncode == 0, walked.stderr
    version = client.run("tidegate", "version", "--client")
    assert (version.returncode, version.stdout) == (0, "tidegate 0.1.0\n"), version.stderr


@pytest.mark.parametrize(
    "line", ["up --port 9000", "down", "demo --mode knative", "dev cluster up --build-only"]
)
def test_the_client_alone_says_what_a_local_plane_needs(client: Environment, line: str) -> None:
    name = line.partition(" ")[0]
    ended = client.run("tidegate", *line.split())
    assert (ended.returncode, ended.stdout) == (1, "")
    assert (
        ended.stderr
        == f"✖ `tidegate {name}` comes with another package: pip install tidegate-local\n"
    )


def test_what_needs_an_extra_names_it(client: Environment, tmp_path: Path) -> None:
    ended = client.run("tidegate", "token", "rotate-keys", str(tmp_path / "keys.json"))
    assert ended.returncode == 1
    assert "pip install 'tidegate[server]'" in ended.stderr


def test_why_a_plane_cannot_start_is_what_is_said(local: Environment, tmp_path: Path) -> None:
    """It fails before Envoy and the controllers run: stopping what never started must not hide the
    reason."""
    url = "postgresql://nobody:planted@127.0.0.1:1/none"
    environ = {"TIDEGATE_HOME": str(tmp_path), "HOME": str(Path.home())}
    ended = local.run(
        "tidegate", "up", "--port", str(free_port()), "--database-url", url, **environ
    )
    assert ended.returncode == 1
    assert "the local plane did not start: " in ended.stderr
    assert "Connection refused" in ended.stderr
    assert "planted" not in (tmp_path / "logs" / "plane.log").read_text() + ended.stderr


def test_the_installed_wheels_run_the_local_plane(local: Environment, tmp_path: Path) -> None:
    home = tmp_path / "my home"
    port = free_port()
    environ = {"TIDEGATE_HOME": str(home), "HOME": str(Path.home())}
    up = local.run("tidegate", "up", "--port", str(port), **environ)
    try:
        assert up.returncode == 0, up.stderr
        content = json.loads((home / "plane.json").read_text())
        interpreter = Path(f"/proc/{content['pid']}/cmdline").read_bytes().split(b"\0")[0].decode()
        assert Path(interpreter).parent == local.bin, (
            "the daemon runs from the wheels, not from the checkout"
        )
        uri = up.stdout.split("--uri ")[1].strip()
        assert "/tidegate_local/examples/" in uri
        added = local.run("tidegate", "model", "add", "add_sub", "1", "--uri", uri, **environ)
        assert added.returncode == 0, added.stderr
        served = ["endpoint", "create", "first", "--model", "add_sub", "--version", "1", "--wait"]
        created = local.run("tidegate", *served, **environ)
        assert created.returncode == 0, created.stderr + created.stdout
        secret = local.run(
            "tidegate", "dev", "secret", "triton", "--file", str(home / "token"), **environ
        )
        assert secret.returncode == 0, secret.stderr
    finally:
        down = local.run("tidegate", "down", **environ)
    assert (down.returncode, down.stdout.splitlines()[-1]) == (0, "✔ the local plane is down")

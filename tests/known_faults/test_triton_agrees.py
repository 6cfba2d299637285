"""The lists of model_configs are true: one tritonserver is given all of their models."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.known_faults.model_configs import REFUSED, TAKEN, write
from tests.waiting import until
from tidegate_local.home import free_port
from tidegate_local.processes import toolchain
from tidegate_local.processes.triton import TritonPorts, arguments, environment

pytestmark = pytest.mark.real
LENIENT = ("--exit-on-error=false", "--strict-readiness=false", "--allow-metrics=false")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with every model of both lists."""
    for name, config in {**REFUSED, **TAKEN}.items():
        write(tmp_path / "models", name, config)
    return tmp_path / "models"


@pytest.fixture
def triton(repository: Path) -> Iterator[str]:
    """The address of a tritonserver that goes on without the models it refuses."""
    ports = TritonPorts(free_port(), free_port(), free_port())
    install = toolchain.ensure()
    extra = (*LENIENT, f"--backend-directory={install.backends}")  # the last one counts
    command = arguments(install, str(repository), ports, f"tidegate_configs_{os.getpid()}_", extra)
    with (repository.parent / "triton.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment(install), stdout=log, stderr=log)
        yield f"http://127.0.0.1:{ports.http}"
        process.terminate()
        process.wait(30)


def ready(address: str) -> set[str]:
    """Names of the models that are loaded, none while tritonserver does not answer."""
    try:
        answer = httpx2.post(f"{address}/v2/repository/index", json={"ready": True}, timeout=5.0)
    except httpx2.HTTPError:
        return set()
    return {entry["name"] for entry in answer.json()}


def test_tritonserver_takes_and_refuses_what_is_listed(triton: str, repository: Path) -> None:
    log = repository.parent / "triton.log"
    until(lambda: ready(triton) >= set(TAKEN), "every model of TAKEN", instead=log.read_text)
    assert ready(triton) == set(TAKEN)
    for name in REFUSED:
        assert f"{name}/config.pbtxt" in log.read_text()
    assert log.read_text().count("failed to read text proto from") >= len(REFUSED)

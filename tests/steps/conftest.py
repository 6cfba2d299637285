"""A real plane for whole pipelines, and the Python that has kfp: each started when a test first asks."""

import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.steps.pipeline import Kfp
from tests.system.real import RealEndpoint, RealPlane

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPlane]:
    """A plane of these tests' own; afterwards none of its processes is left."""
    plane = RealPlane(tmp_path_factory.mktemp("plane") / "home")
    try:
        yield plane.start()
    finally:
        plane.stop()


@pytest.fixture(scope="session")
def kfp_python() -> str:
    """Installed where it is not there yet."""
    command = [sys.executable, "-m", "pipelines.toolchain"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def kfp(plane: RealPlane, kfp_python: str, tmp_path: Path) -> Iterator[Kfp]:
    """Runs templates; whatever still runs at the end of the test is ended."""
    made = Kfp(kfp_python, plane, tmp_path)
    yield made
    made.close()


@pytest.fixture
def endpoint(plane: RealPlane, request: pytest.FixtureRequest) -> Iterator[Callable[[str], RealEndpoint]]:
    """Makes an endpoint of this test's own in a mode, serving; deleted afterwards."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:26].strip("-") + f"-{uuid.uuid4().hex[:3]}"
    made: list[RealEndpoint] = []

    def make(mode: str = "standard") -> RealEndpoint:
        made.append(plane.endpoint(name, mode=mode))
        return made[-1]

    yield make
    for one in made:
        one.delete()

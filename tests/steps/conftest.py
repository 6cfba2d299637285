"""A real plane for whole pipelines, started when a test first asks."""

import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.steps.pipeline import Kfp
from tests.system.real import RealEndpoint, RealPlane


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPlane]:
    """A plane of these tests' own; afterwards none of its processes is left."""
    plane = RealPlane(tmp_path_factory.mktemp("plane") / "home")
    try:
        yield plane.start()
    finally:
        plane.stop()


@pytest.fixture
def kfp(plane: RealPlane, kfp_python: str, tmp_path: Path) -> Iterator[Kfp]:
    """Runs templates; whatever still runs at the end of the test is ended."""
    made = Kfp(kfp_python, plane, tmp_path)
    yield made
    made.close()


@pytest.fixture
def endpoint(
    plane: RealPlane, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], RealEndpoint]]:
    """Makes an endpoint of this test's own in a mode, serving; deleted afterwards."""
    name = (
        re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:26].strip("-")
        + f"-{uuid.uuid4().hex[:3]}"
    )
    made: list[RealEndpoint] = []

    def make(mode: str = "standard") -> RealEndpoint:
        made.append(plane.endpoint(name, mode=mode))
        return made[-1]

    yield make
    for real_endpoint in made:
        real_endpoint.delete()

"""One real control plane for all tests of this folder: starting it costs half a minute."""

from collections.abc import Iterator

import pytest

from tidegate.devcluster import build
from tidegate.devcluster.cluster import BASE, PARTS, DevCluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevCluster]:
    if missing := build.missing([*BASE, *PARTS]):
        pytest.skip(f"not built yet: {', '.join(missing)}; `make cluster` builds them once")
    found = DevCluster(tmp_path_factory.mktemp("cluster"))
    found.up(PARTS)
    try:
        yield found
    finally:
        found.down()


@pytest.fixture
def namespace(cluster: DevCluster, request: pytest.FixtureRequest) -> str:
    name = request.node.name.replace("_", "-").lower()[:60].rstrip("-")
    cluster.namespace(name, tenant=True)
    return name

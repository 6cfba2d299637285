"""One real control plane for all tests of this folder: starting it costs half a minute."""

from collections.abc import Iterator
from itertools import count

import pytest

from tests.cluster.desk import desk, key  # noqa: F401  (fixtures)
from tidegate.devcluster import build
from tidegate.devcluster.cluster import USUAL, DevCluster, modules

_numbers = count(1)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevCluster]:
    if missing := build.missing(modules(USUAL)):
        pytest.skip(f"not built yet: {', '.join(missing)}; `make cluster` builds them once")
    found = DevCluster(tmp_path_factory.mktemp("cluster"))
    found.up(USUAL)
    try:
        yield found
    finally:
        found.down()


@pytest.fixture
def namespace(cluster: DevCluster) -> str:
    name = f"t{next(_numbers)}"  # short: KServe puts it into a host name of at most 63 characters
    cluster.namespace(name, tenant=True)
    return name

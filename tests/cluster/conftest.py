"""One real control plane for all tests of this folder: starting it costs half a minute."""

from collections.abc import Iterator
from itertools import count

import pytest

from tests.built import dev_cluster
from tests.cluster.desk import desk, key  # noqa: F401  (fixtures)
from tests.cluster.objects import end_what_runs
from tidegate_local.devcluster.cluster import USUAL, DevCluster

_numbers = count(1)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevCluster]:
    with dev_cluster(tmp_path_factory.mktemp("cluster"), USUAL) as cluster:
        yield cluster


@pytest.fixture
def namespace(cluster: DevCluster) -> Iterator[str]:
    name = f"t{next(_numbers)}"  # short: KServe puts it into a host name of at most 63 characters
    cluster.namespace(name, tenant=True)
    yield name
    end_what_runs(cluster, name)

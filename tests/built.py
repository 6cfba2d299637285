"""Programs of the control plane, built with Go: for tests that are marked `cluster`, and for no
others."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tidegate_local.devcluster import build
from tidegate_local.devcluster.cluster import DevCluster, modules
from tidegate_local.devcluster.sources import MODULES


def require(names: Iterable[str]) -> dict[str, build.Built]:
    """Return built modules by name. Skip the test where one is not built: a test builds nothing
    itself."""
    desired = tuple(names)
    missing = build.missing(desired)
    if missing:
        pytest.skip(
            f"not built yet: {', '.join(missing)}; `make cluster` builds what `make test-cluster` "
            "needs"
        )
    return {name: build.location(MODULES[name]) for name in desired}


@contextmanager
def dev_cluster(folder: Path, parts: tuple[str, ...]) -> Iterator[DevCluster]:
    """Run a control plane with these parts in a folder; afterwards none of its processes is
    left."""
    require(modules(parts))
    cluster = DevCluster(folder)
    cluster.up(parts)
    try:
        yield cluster
    finally:
        cluster.down()

"""A migrated database, a simulated plane behind a link, a real plane: each started when a test first asks."""

from collections.abc import Iterator

import pytest
from fixtures_postgres import Databases

from tests.system.sim import Served
from tidegate.store import Store
from tidegate.store.migrate import migrate


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[str]:
    """The address of a migrated database, one per module."""
    made = databases.fresh(databases.template("system", migrate))
    yield made
    databases.drop(made)


@pytest.fixture(scope="module")
def store(url: str) -> Iterator[Store]:
    store = Store(url)
    yield store
    store.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A simulated plane behind a link, one per module."""
    served = Served(tmp_path_factory.mktemp("link"))
    yield served
    served.close()

"""A database of its own for each test, copied from one that was migrated once."""

from collections.abc import Iterator

import pytest
from fixtures_postgres import Databases

from tidegate.store.engine import Store
from tidegate.store.migrate import apply_grants, migrate


def _prepare(url: str) -> None:
    migrate(url)
    apply_grants(url)


@pytest.fixture
def url(databases: Databases) -> Iterator[str]:
    """The address of a migrated database."""
    made = databases.fresh(databases.template("tidegate", _prepare))
    yield made
    databases.drop(made)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = Store(url)
    yield store
    store.close()

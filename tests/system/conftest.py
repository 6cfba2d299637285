"""A migrated database, a simulated plane behind a link, a real plane: each started when a test
first asks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from fixtures_postgres import Databases

from tests.system.real import RealEndpoint, RealPlane
from tests.system.sim import Served
from tidegate.store import Store
from tidegate.store.migrate import migrate
from tidegate_local.home import Home, free_port
from tidegate_local.processes.postgres import Postgres
from tidegate_local.processes.supervisor import Supervisor


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


@dataclass(frozen=True, slots=True)
class Database:
    """A Postgres that a test may stop."""

    server: Postgres
    url: str


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The real plane's Postgres, in the tests' hands."""
    home = Home(tmp_path_factory.mktemp("database") / "home").create()
    supervisor = Supervisor(home.run)
    server = Postgres(home.pg, home.logs / "postgres.log", supervisor, free_port(), durable=False)
    try:
        yield Database(server, server.start())
    finally:
        supervisor.close()


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory, database: Database) -> Iterator[RealPlane]:
    """The real plane with two workers; afterwards none of its processes is left."""
    plane = RealPlane(
        tmp_path_factory.mktemp("plane") / "home", workers=2, database_url=database.url
    )
    try:
        yield plane.start()
    finally:
        plane.stop()


@pytest.fixture
def endpoint(plane: RealPlane, request: pytest.FixtureRequest) -> Iterator[RealEndpoint]:
    """An endpoint of this test's own in standard mode, serving; deleted afterwards."""
    made = plane.endpoint(re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[-36:].strip("-"))
    yield made
    made.delete()

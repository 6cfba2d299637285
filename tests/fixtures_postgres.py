"""A real Postgres for tests, and a fresh database for each of them.

`TIDEGATE_DATABASE_URL` (a server on which databases may be made) is used where it is set, else the
embedded one is started once per test session. Tests that use these fixtures carry
`@pytest.mark.real`.
"""

import itertools
import os
import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql

from tidegate_local.home import Home, free_port
from tidegate_local.processes.postgres import Postgres, plain
from tidegate_local.processes.supervisor import Supervisor


class Databases:
    """Makes databases on one server; a copy of a template takes milliseconds, migrations need not
    run again."""

    def __init__(self, url: str) -> None:
        self._base, _, self._maintenance = url.rpartition("/")
        self._run = f"t{uuid.uuid4().hex[:8]}"
        self._numbers = itertools.count(1)
        self._templates: dict[str, str] = {}
        self._made: list[str] = []

    def template(self, name: str, prepare: Callable[[str], None]) -> str:
        """A database that `prepare(url)` filled once per session; pass the result to `fresh`.
        `prepare` must close its connections: Postgres copies no database that is in use."""
        if name not in self._templates:
            made = f"{self._run}_{name}"
            self._create(made, "template1")
            prepare(self.url(made))
            self._templates[name] = made
        return self._templates[name]

    def fresh(self, template: str = "template1") -> str:
        """The url of a new database."""
        name = f"{self._run}_{next(self._numbers)}"
        self._create(name, template)
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, with whoever is connected."""
        name = url.rpartition("/")[2]
        self._execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )
        self._made.remove(name)

    def drop_all(self) -> None:
        """Remove everything this session made."""
        for name in tuple(self._made):
            self.drop(self.url(name))

    def url(self, name: str) -> str:
        """The SQLAlchemy address of a database on this server."""
        return f"{self._base}/{name}"

    def _create(self, name: str, template: str) -> None:
        words = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        self._execute(words.format(sql.Identifier(name), sql.Identifier(template)))
        self._made.append(name)

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(plain(self.url(self._maintenance)), autocommit=True) as connection:
            connection.execute(statement)


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """The session's Postgres server."""
    url = os.environ.get("TIDEGATE_DATABASE_URL")
    if url:
        value = Databases(url)
        yield value
        value.drop_all()
        return
    home = Home(tmp_path_factory.mktemp("postgres") / "home").create()
    supervisor = Supervisor(home.run)
    server = Postgres(home.pg, home.logs / "postgres.log", supervisor, free_port(), durable=False)
    try:
        yield Databases(server.start(database="postgres"))
    finally:
        supervisor.close()


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """A fresh, empty database (SQLAlchemy url), dropped afterwards."""
    url = databases.fresh()
    yield url
    databases.drop(url)

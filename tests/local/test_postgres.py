"""The embedded Postgres: fresh databases, crashes, restarts with the data kept."""

import psycopg
import pytest

from tidegate_local.home import Home, free_port
from tidegate_local.processes.postgres import NAME, Postgres, plain
from tidegate_local.processes.process import State
from tidegate_local.processes.supervisor import Supervisor

pytestmark = pytest.mark.real


def server(home: Home, supervisor: Supervisor) -> Postgres:
    return Postgres(home.pg, home.logs / "postgres.log", supervisor, free_port())


def run(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(plain(url), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        if not cursor.description:
            return []
        return cursor.fetchall()


def test_data_outlive_a_stop_and_a_kill(home: Home, supervisor: Supervisor) -> None:
    postgres = server(home, supervisor)
    url = postgres.start()
    assert postgres.start() == url, "starting twice is fine"
    run(url, "CREATE TABLE t (n int)")
    run(url, "INSERT INTO t VALUES (1)")
    postgres.kill()
    supervisor.wait(NAME, lambda s: s.starts >= 2 and s.state is State.RUNNING, 20)
    assert run(postgres.start(), "SELECT n FROM t") == [(1,)]
    postgres.stop()
    assert run(postgres.start(), "SELECT n FROM t") == [(1,)]


def test_nobody_gets_in_without_the_password(home: Home, supervisor: Supervisor) -> None:
    postgres = server(home, supervisor)
    address = postgres.start().partition("@")[2]
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://postgres:guess@{address}")
    assert (home.pg / "password").stat().st_mode & 0o077 == 0


def test_each_test_gets_a_database_of_its_own(database_url: str) -> None:
    assert run(database_url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    run(database_url, "CREATE TABLE mine ()")


def test_the_next_one_is_empty_again(database_url: str) -> None:
    run(database_url, "CREATE TABLE mine ()")

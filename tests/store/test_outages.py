"""Postgres goes away and comes back: one error class meanwhile, no restart of ours afterwards."""

from collections.abc import Iterator

import pytest
from store.builders import KEY, claim_one, impatient, make_endpoint

from tidegate.store import endpoints, leases
from tidegate.store.engine import Store, row, rows, run
from tidegate.store.errors import StoreUnavailable
from tidegate.store.migrate import at_head, migrate
from tidegate_local.home import Home, free_port
from tidegate_local.processes.postgres import Postgres
from tidegate_local.processes.supervisor import Supervisor

pytestmark = pytest.mark.real


@pytest.fixture
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server that a test may stop."""
    home = Home(tmp_path_factory.mktemp("outage") / "home").create()
    supervisor = Supervisor(home.run)
    yield Postgres(home.pg, home.logs / "postgres.log", supervisor, free_port(), durable=False)
    supervisor.close()


def test_a_restart_of_postgres_needs_none_of_ours(postgres: Postgres) -> None:
    url = postgres.start()
    migrate(url)
    store = Store(url)
    made = make_endpoint(store)
    lease = claim_one(store, seconds=600)

    postgres.stop()
    with pytest.raises(StoreUnavailable):
        store.ping()
    with pytest.raises(StoreUnavailable), store.begin() as tx:
        leases.claim(tx, "w1", limit=1, seconds=1)
    with pytest.raises(StoreUnavailable):
        at_head(url)

    postgres.start()
    store.ping()
    with store.read() as tx:
        assert endpoints.get(tx, KEY) == made.endpoint
        assert leases.holds(tx, lease)
    store.close()


def test_connections_that_died_in_the_pool_are_replaced_unseen(store: Store, url: str) -> None:
    store.ping()
    other = Store(url)
    with other.begin() as tx:
        rows(
            tx,
            # with a time it waits until they are gone
            """SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()""",
        )
    other.close()

    store.ping()


def test_a_connection_that_dies_in_the_middle_is_unavailable(store: Store) -> None:
    with pytest.raises(StoreUnavailable), store.begin() as tx:
        row(tx, "SELECT pg_terminate_backend(pg_backend_pid())")
    store.ping()


def test_a_lock_that_somebody_keeps_is_unavailable_and_not_for_ever(store: Store) -> None:
    made = make_endpoint(store)
    with store.begin() as holder:
        endpoints.lock(holder, KEY)
        with (
            pytest.raises(StoreUnavailable, match="lock timeout"),
            impatient(store, "lock_timeout") as tx,
        ):
            endpoints.lock(tx, KEY)
    with store.begin() as tx:
        assert endpoints.lock(tx, KEY) == made.endpoint


def test_a_query_that_never_ends_is_ended(store: Store) -> None:
    with (
        pytest.raises(StoreUnavailable, match="statement timeout"),
        impatient(store, "statement_timeout") as tx,
    ):
        row(tx, "SELECT pg_sleep(60)")


def test_every_connection_has_its_limits_and_its_name(store: Store) -> None:
    with store.read() as tx:
        names = (
            "application_name",
            "statement_timeout",
            "lock_timeout",
            "idle_in_transaction_session_timeout",
        )
        values = [row(tx, "SELECT current_setting(:name) AS value", name=name) for name in names]
    assert [value.value for value in values if value] == ["tidegate", "15s", "5s", "30s"]


def test_a_reader_cannot_write(store: Store) -> None:
    made = make_endpoint(store)
    with pytest.raises(StoreUnavailable, match="only reads"), store.read() as tx:
        run(tx, "UPDATE endpoints SET generation = 9")  # type: ignore[arg-type]
    with store.read() as tx:
        assert endpoints.get(tx, KEY) == made.endpoint


def test_a_standby_after_a_failover_is_unavailable(store: Store) -> None:
    with pytest.raises(StoreUnavailable, match="only reads"), store.begin() as tx:
        run(tx, "SET LOCAL transaction_read_only = on; UPDATE endpoints SET generation = 9")

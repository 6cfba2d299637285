"""Connections and transactions: `Store` makes them, `Tx` and `ReadTx` are what every query takes.

One pool of psycopg connections per process, small, each checked before use, so that a restart of
Postgres costs one failed call at most, and a silent one no more than a deadline
(`connection`). A transaction is short and never spans a network call.
Errors of the connection, of time limits and of locks surface as `StoreUnavailable`, whatever driver
raised them.
"""

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import psycopg.errors
import sqlalchemy as sa
from sqlalchemy import exc

from tidegate.store.codec import clean
from tidegate.store.connection import (
    ANSWER_TIMEOUT_S,
    CONNECT_TIMEOUT_S,
    KEEPALIVES,
    PING_TIMEOUT_S,
    STATEMENT_TIMEOUT_MS,
    Connection,
)
from tidegate.store.errors import StoreUnavailable

LOCK_TIMEOUT_MS = 5_000
IDLE_TIMEOUT_MS = 30_000  # a transaction that its process forgot; the ledger's anchors rely on it
# a connection that worked so lately and is quiet is not asked: that costs as much as a small query
FRESH_S = 1.0

Row = sa.Row[Any]


@dataclass(frozen=True, slots=True)
class ReadTx:
    """A read-only transaction over one snapshot (repeatable read). Opaque to callers."""

    _connection: sa.Connection


@dataclass(frozen=True, slots=True)
class Tx(ReadTx):
    """A transaction that may write (read committed)."""


class Store:
    """The database of one installation.

    url: any Postgres URL (`postgresql://user:pw@host/db`). With a pooler in transaction mode allow
    the startup parameter `options` to be ignored there and set the three timeouts on the roles
    instead.
    """

    def __init__(self, url: str, *, application_name: str = "tidegate", pool_size: int = 5) -> None:
        self.url = url
        self._engine = make_engine(url, application_name=application_name, pool_size=pool_size)
        self._reader = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._single = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        """A writing transaction: commits at the end of the block, rolls back when it raises."""
        with translated(), self._engine.begin() as connection:
            yield Tx(connection)

    @contextmanager
    def read(self) -> Iterator[ReadTx]:
        """A read-only transaction: every query in it sees the same moment."""
        with translated(), self._reader.begin() as connection:
            yield ReadTx(connection)

    @contextmanager
    def single(self) -> Iterator[Tx]:
        """For exactly one statement, which is a transaction of its own: one round trip, where
        `begin` and `read` need three. Committed when the statement returns, whatever the rest of
        the block does."""
        with translated(), self._single.connect() as connection:
            yield Tx(connection)

    def ping(self) -> None:
        """One round trip; raises StoreUnavailable with the reason."""
        with self.read() as tx:
            row(tx, "SELECT 1")

    def close(self) -> None:
        """Close the pool; the next use would open a new one."""
        self._engine.dispose()


def make_engine(
    url: str, *, application_name: str, pool_size: int = 5, patience: float = ANSWER_TIMEOUT_S
) -> sa.Engine:
    """A SQLAlchemy engine with our limits set on every connection. patience: seconds that it waits
    for any answer."""
    options = (
        f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS}"
        f" -c idle_in_transaction_session_timeout={IDLE_TIMEOUT_MS} -c timezone=UTC"
    )
    engine = sa.create_engine(
        sa.make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=CONNECT_TIMEOUT_S,
        connect_args={
            "application_name": application_name,
            "connect_timeout": CONNECT_TIMEOUT_S,
            **KEEPALIVES,
            "options": options,
            # a pooler may give each transaction another server, which has not seen our prepared
            # statements
            "prepare_threshold": None,
        },
    )
    sa.event.listen(engine, "do_connect", partial(_connect, patience))
    sa.event.listen(engine, "checkin", _used)
    sa.event.listen(engine, "checkout", partial(_check, engine.dialect))
    return engine


def _connect(
    patience: float, _dialect: sa.Dialect, _record: Any, args: list[Any], params: dict[str, Any]
) -> Connection:
    connection = Connection.connect(*args, **params)
    connection.patience = patience
    return connection


def _used(_connection: Any, record: Any) -> None:
    record.info["used"] = time.monotonic()


def _has_unread_data(connection: Any) -> bool:
    """Whether the server sent something that nobody asked for: its last words, as a rule. Costs no
    round trip."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _check(dialect: sa.Dialect, connection: Any, record: Any, _proxy: Any) -> None:
    """Replace a connection that has died or fallen silent since it was used. The others of the pool
    are as old and share its fate, so all of them are replaced: else each would have to be waited
    for."""
    if time.monotonic() - record.info.get(
        "used", time.monotonic()
    ) < FRESH_S and not _has_unread_data(connection):
        return
    patience = connection.patience
    connection.patience = min(patience, PING_TIMEOUT_S)
    try:
        alive = dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise exc.InvalidatePoolError("the connection has died") from error
    finally:
        connection.patience = patience
    if not alive:
        raise exc.InvalidatePoolError("the connection has died")


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's and the pool's errors into StoreUnavailable; a violated constraint stays a
    bug."""
    try:
        yield
    except (
        exc.OperationalError,
        exc.InterfaceError,
        exc.TimeoutError,
        psycopg.OperationalError,
    ) as error:
        raise StoreUnavailable(f"the database did not serve this: {_first_line(error)}") from error
    except exc.DBAPIError as error:
        if isinstance(error.orig, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
            raise StoreUnavailable(
                f"the database is not migrated for this version ({_first_line(error)}): run the "
                "migration"
            ) from error
        if isinstance(error.orig, psycopg.errors.ReadOnlySqlTransaction):
            raise StoreUnavailable(
                "this server only reads: it is a standby, or a reader was to write"
            ) from error
        if error.connection_invalidated:
            raise StoreUnavailable(f"the connection was lost: {_first_line(error)}") from error
        raise


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]


@cache
def _statement(sql: str) -> sa.TextClause:
    """Parsed once: every statement is a constant of this package."""
    return sa.text(sql)


def _bound(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters without characters that Postgres cannot take: a name with one is then simply
    not found."""
    return {name: _storable(value) for name, value in params.items()}


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    return value


def rows(tx: ReadTx, sql: str, **params: Any) -> list[Row]:
    """Every row of a query."""
    return list(tx._connection.execute(_statement(sql), _bound(params)).all())


def row(tx: ReadTx, sql: str, **params: Any) -> Row | None:
    """The only row of a query, None without one."""
    return tx._connection.execute(_statement(sql), _bound(params)).one_or_none()


def run(tx: Tx, sql: str, **params: Any) -> int:
    """Run a statement that returns nothing; how many rows it changed."""
    return tx._connection.execute(_statement(sql), _bound(params)).rowcount


def run_many(tx: Tx, sql: str, params: list[dict[str, Any]]) -> None:
    """Run one statement for each set of parameters, in one pipeline."""
    if params:
        tx._connection.execute(_statement(sql), [_bound(param) for param in params])


def clock(tx: ReadTx) -> float:
    """The database's clock, epoch seconds: the only clock that leases and bake times know."""
    now = row(tx, "SELECT extract(epoch FROM clock_timestamp())::float8 AS now")
    assert now is not None
    return float(now.now)

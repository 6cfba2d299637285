"""Bring a database to this version's schema. Migrations expand first and contract a release later,
so that the old version runs beside the new one during an update."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from tidegate.store.connection import ANSWER_TIMEOUT_S
from tidegate.store.engine import make_engine, translated

_HERE = Path(__file__).parent
_PATIENCE_S = 660.0  # beyond a migration's own limit of ten minutes
_ONE_AT_A_TIME = 0x71DE  # advisory lock: two pods of a new release may both start by migrating


def migrate(url: str, revision: str = "head") -> None:
    """Upgrade to `revision`. Needs the rights of the tables' owner; safe to run twice and in
    parallel."""
    with translated(), _connected(url) as connection:
        command.upgrade(_config(connection), revision)


def downgrade(url: str, revision: str) -> None:
    """Go back to `revision`, `base` for an empty schema. Loses what only the newer schema can
    hold."""
    with translated(), _connected(url) as connection:
        command.downgrade(_config(connection), revision)


def check(url: str) -> None:
    """Raise alembic's CommandError when the tables in `tables.py` and the database differ."""
    with translated(), _connected(url) as connection:
        command.check(_config(connection))


def at_head(url: str) -> bool:
    """Whether the database has this version's schema, or that of a newer version: migrations only
    widen it, so during an upgrade the old version's pods must stay ready after it. Raises
    StoreUnavailable."""
    with translated(), closing_engine(url) as engine, engine.connect() as connection:
        scripts = ScriptDirectory.from_config(_config(connection))
        known = {script.revision for script in scripts.walk_revisions()}
        current = set(MigrationContext.configure(connection).get_current_heads())
        return current == set(scripts.get_heads()) or bool(current - known)


def apply_grants(url: str) -> None:
    """Create the roles tidegate_api and tidegate_worker where they are missing, and give each its
    least rights (`grants.sql`). Run it after every `migrate` where the services use these roles;
    needs CREATEROLE once."""
    statements = (_HERE / "grants.sql").read_text()
    with translated(), _connected(url) as connection:
        # the driver's own cursor: many statements, no parameters
        connection.connection.cursor().execute(statements)


@contextmanager
def closing_engine(url: str, patience: float = ANSWER_TIMEOUT_S) -> Iterator[sa.Engine]:
    """An engine for one errand. patience: seconds that it waits for any answer."""
    engine = make_engine(url, application_name="tidegate-migrate", pool_size=1, patience=patience)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _connected(url: str) -> Iterator[sa.Connection]:
    """One transaction on a connection of its own, while holding the migration lock."""
    with closing_engine(url, _PATIENCE_S) as engine, engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL statement_timeout = '10min'"))
        connection.execute(sa.text("SET LOCAL lock_timeout = '1min'"))
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
        # a table that is busy must fail the migration, not queue every request behind it
        connection.execute(sa.text("SET LOCAL lock_timeout = '5s'"))
        yield connection


def _config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE / "migrations"))
    config.attributes["connection"] = connection
    return config

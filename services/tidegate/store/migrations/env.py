"""Alembic's hook: `tidegate.store.migrate` hands over a connection inside a transaction with its
time limits."""

from alembic import context

from tidegate.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()

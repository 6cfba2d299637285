"""Which installation this database is: the UUID that Tidegate stamps on what it makes in the
cluster."""

from tidegate.store.engine import ReadTx, row
from tidegate.store.errors import StoreUnavailable


def store_id(tx: ReadTx) -> str:
    """The store's UUID, made by the first migration; also the name of the installation's ledger
    chain."""
    result = row(tx, "SELECT store_id FROM installation")
    if result is None:
        raise StoreUnavailable("this database has no installation row: run the migration")
    return str(result.store_id)

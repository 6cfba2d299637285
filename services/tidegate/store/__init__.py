"""The store: Postgres, and the only package that knows it.

`engine.Store` makes transactions; every operation is a function that takes one (`Tx` writes,
`ReadTx` reads) and belongs to a module named after what it keeps:

- for the API: `endpoints`, `revisions`, `intents`, `rollouts`, `models`, `tokens`, `idempotency`, `events`
- for the worker: `leases` (claim, extend, holds, wake), `reconciles` (load, record), `housekeeping`
- between them: `inquiries`, `workers`, `notify`, `ledger`
- for whoever installs: `migrate`

Lost races and refusals are values (`values`), a database that does not serve is
`errors.StoreUnavailable`.
"""

from tidegate.store.engine import ReadTx, Store, Tx
from tidegate.store.errors import BadPageToken, NotFound, StoreUnavailable
from tidegate.store.paging import Page
from tidegate.store.values import (
    Appended,
    Busy,
    Context,
    Created,
    Endpoint,
    Exists,
    Finished,
    Lease,
    LostLease,
    ModelRow,
    Principal,
    Recorded,
    Stale,
    Started,
    StoredIntent,
    StoredRevision,
    StoredRollout,
)

__all__ = [
    "Appended",
    "BadPageToken",
    "Busy",
    "Context",
    "Created",
    "Endpoint",
    "Exists",
    "Finished",
    "Lease",
    "LostLease",
    "ModelRow",
    "NotFound",
    "Page",
    "Principal",
    "ReadTx",
    "Recorded",
    "Stale",
    "Started",
    "Store",
    "StoreUnavailable",
    "StoredIntent",
    "StoredRevision",
    "StoredRollout",
    "Tx",
]

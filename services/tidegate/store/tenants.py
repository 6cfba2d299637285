"""What each tenant may name, as an administrator said; every change is a line in the installation's
chain."""

from dataclasses import dataclass

from tidegate.core.allowed import Allowed
from tidegate.core.intent import EndpointKey
from tidegate.store import leases
from tidegate.store.codec import dumps, loads, plain
from tidegate.store.engine import ReadTx, Row, Tx, row, rows
from tidegate.store.installation import store_id
from tidegate.store.ledger import Line, append

_COLUMNS = "namespace, allowed, generation, updated_by, extract(epoch FROM updated_at)::float8 AS updated_at"


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant's list, with who wrote it. generation: rises with each change, from 1; also its
    ETag."""

    namespace: str
    allowed: Allowed
    generation: int
    updated_at: float
    updated_by: str


def get(tx: ReadTx, namespace: str) -> Tenant | None:
    """A tenant's list; None: nobody wrote one, the installation's default holds."""
    result = row(
        tx,
        f"SELECT {_COLUMNS} FROM tenants WHERE namespace = :namespace",  # noqa: S608
        namespace=namespace,
    )
    if not result:
        return None
    return _tenant(result)


def put(tx: Tx, namespace: str, allowed: Allowed, *, author: str, message: str) -> Tenant:
    """Write a tenant's list. Its endpoints are looked at again: what was paused may go on now."""
    result = row(
        tx,
        f"""INSERT INTO tenants (namespace, allowed, generation, updated_by)
            VALUES (:namespace, CAST(:allowed AS jsonb), 1, :author)
            ON CONFLICT (namespace) DO UPDATE SET allowed = excluded.allowed, updated_by = excluded.updated_by,
                updated_at = now(), generation = tenants.generation + 1
            RETURNING {_COLUMNS}""",  # noqa: S608  (a constant of this module)
        namespace=namespace,
        allowed=dumps(allowed),
        author=author,
    )
    assert result is not None
    body = {"namespace": namespace, "generation": result.generation, "allowed": plain(allowed)}
    append(tx, store_id(tx), Line(author, "tenant.set", message, body))
    names = rows(tx, "SELECT name FROM endpoints WHERE namespace = :namespace", namespace=namespace)
    leases.wake(tx, *(EndpointKey(namespace, name.name) for name in names))
    return _tenant(result)


def _tenant(item: Row) -> Tenant:
    return Tenant(
        item.namespace,
        loads(Allowed, item.allowed),
        item.generation,
        item.updated_at,
        item.updated_by,
    )

"""Tenants that accept a stated bound by themselves, at the end of a time box, and up to which."""

from tidegate.store.engine import ReadTx, Tx, row, run
from tidegate.store.installation import store_id
from tidegate.store.ledger import Line, append


def most_points(tx: ReadTx, namespace: str) -> float | None:
    """The largest bound that a tenant's policy accepts, in percent points; None: it accepts none,
    as until somebody says otherwise."""
    result = row(
        tx, "SELECT most_points FROM tenant_acceptance WHERE namespace = :ns", ns=namespace
    )
    if result is None or result.most_points is None:
        return None
    return float(result.most_points)


def set_most_points(
    tx: Tx, namespace: str, points: float | None, *, author: str, message: str
) -> None:
    """Say so for the rollouts that start from now on; a line in the installation's chain."""
    run(
        tx,
        """INSERT INTO tenant_acceptance (namespace, most_points, updated_by)
           VALUES (:ns, CAST(:points AS float8), :author)
           ON CONFLICT (namespace) DO UPDATE
           SET most_points = excluded.most_points, updated_by = excluded.updated_by,
               updated_at = now()""",
        ns=namespace,
        points=points,
        author=author,
    )
    body = {"namespace": namespace, "max_accepted_points": points}
    append(tx, store_id(tx), Line(author, "tenant.acceptance", message, body))

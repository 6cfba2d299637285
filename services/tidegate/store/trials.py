"""Tenants in trial, and what came of their rollouts."""

from collections.abc import Collection

from tidegate.core.agreement import TenantMode, TrialRollout
from tidegate.core.rollout import Outcome
from tidegate.core.trial import exposed
from tidegate.store.engine import ReadTx, Row, Tx, row, rows, run
from tidegate.store.installation import store_id
from tidegate.store.ledger import Line, append
from tidegate.store.progress import read_progress

# An undo's base is what it leads away from: the revision that this rollout had promoted
_ROLLOUTS = """
    SELECT r.id, r.body, r.outcome, e.namespace, e.name, p.body AS progress,
        extract(epoch FROM r.created_at)::float8 AS created_at,
        coalesce(
            (SELECT a.author FROM actions AS a
                WHERE a.rollout_id = r.id AND a.kind IN ('abort', 'reject', 'undo')
                ORDER BY a.id LIMIT 1),
            (SELECT u.body->>'author' FROM rollouts AS u
                WHERE u.endpoint_id = r.endpoint_id AND u.seq > r.seq
                    AND u.body #>> '{strategy,kind}' = 'undo'
                    AND u.body->>'base' = r.body->>'candidate'
                    AND r.outcome = 'promoted'
                ORDER BY u.seq LIMIT 1)
        ) AS stopped_by
    FROM rollouts AS r JOIN endpoints AS e ON e.id = r.endpoint_id
    LEFT JOIN progress AS p ON p.rollout_id = r.id
    WHERE r.body->>'trial' = 'true'
        AND extract(epoch FROM r.created_at) >= :since
        AND (CAST(:namespaces AS text[]) IS NULL OR e.namespace = ANY (CAST(:namespaces AS text[])))
    ORDER BY r.seq DESC LIMIT :limit
"""


def mode(tx: ReadTx, namespace: str) -> TenantMode:
    """Whether verdicts move a tenant's traffic; until somebody says otherwise they do."""
    result = row(tx, "SELECT mode FROM tenant_modes WHERE namespace = :ns", ns=namespace)
    if result is None:
        return TenantMode.ENFORCE
    return TenantMode(result.mode)


def set_mode(tx: Tx, namespace: str, value: TenantMode, *, author: str, message: str) -> None:
    """Say so for the rollouts that start from now on; a line in the installation's chain."""
    run(
        tx,
        """INSERT INTO tenant_modes (namespace, mode, updated_by) VALUES (:ns, :mode, :author)
           ON CONFLICT (namespace) DO UPDATE
           SET mode = excluded.mode, updated_by = excluded.updated_by, updated_at = now()""",
        ns=namespace,
        mode=value.value,
        author=author,
    )
    body = {"namespace": namespace, "mode": value.value}
    append(tx, store_id(tx), Line(author, "tenant.mode", message, body))


def in_trial(
    tx: ReadTx, namespaces: Collection[str] | None, since: float, limit: int
) -> tuple[TrialRollout, ...]:
    """The newest `limit` rollouts in trial of these namespaces (None: of all) that started at
    `since` (epoch seconds) or later."""
    results = rows(
        tx,
        _ROLLOUTS,
        namespaces=None if namespaces is None else sorted(namespaces),
        since=since,
        limit=limit,
    )
    return tuple(_rollout(item) for item in results)


def _rollout(item: Row) -> TrialRollout:
    progress = read_progress(item.progress)
    outcome = None
    if item.outcome is not None:
        outcome = Outcome(item.outcome)
    return TrialRollout(
        item.id,
        item.namespace,
        item.name,
        item.body["candidate"],
        item.created_at,
        progress.would,
        outcome,
        item.stopped_by,
        exposed(progress),
    )

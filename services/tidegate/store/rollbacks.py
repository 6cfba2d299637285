"""What an undo is decided on: who was stable, and how rollouts ended."""

from tidegate.core.intent import EndpointKey
from tidegate.core.strategy import Kind
from tidegate.core.undoing import StableChange
from tidegate.store.engine import ReadTx, Row, row, rows
from tidegate.store.rollouts import SELECT, stored
from tidegate.store.values import StoredRollout

MOST_CHANGES = 1000


def stable_changes(tx: ReadTx, key: EndpointKey) -> tuple[StableChange, ...]:
    """The intents that made another revision stable, newest first, at most a thousand."""
    changes = rows(
        tx,
        """WITH all_intents AS (
               SELECT i.generation, i.rollout_id, extract(epoch FROM i.at)::float8 AS at,
                   (i.body->>'stable')::int AS after,
                   lag((i.body->>'stable')::int) OVER (ORDER BY i.generation) AS before
               FROM intents AS i JOIN endpoints AS e ON e.id = i.endpoint_id
               WHERE e.namespace = :namespace AND e.name = :name)
           SELECT c.before, c.after, c.at, r.body->'strategy'->>'kind' AS kind,
               (r.body->>'candidate')::int AS candidate
           FROM all_intents AS c LEFT JOIN rollouts AS r ON r.id = c.rollout_id
           WHERE c.before IS DISTINCT FROM c.after
           ORDER BY c.generation DESC LIMIT :limit""",
        namespace=key.namespace,
        name=key.name,
        limit=MOST_CHANGES,
    )
    return tuple(
        StableChange(each.before, each.after, each.at, _goes_back(each), _aborts_undo(each))
        for each in changes
    )


def newest_ended(tx: ReadTx, key: EndpointKey) -> StoredRollout | None:
    """The newest rollout that has an outcome."""
    newest = row(
        tx,
        f"""{SELECT} WHERE e.namespace = :namespace AND e.name = :name AND r.outcome IS NOT NULL
            ORDER BY r.seq DESC LIMIT 1""",
        namespace=key.namespace,
        name=key.name,
    )
    if newest is None:
        return None
    return stored(newest)


def _goes_back(change: Row) -> bool:
    """An undo, or a promotion that was aborted after its intent."""
    if change.kind is None:
        return False
    arrives = bool(change.after == change.candidate)
    if change.kind == Kind.UNDO:
        return arrives
    return not arrives


def _aborts_undo(change: Row) -> bool:
    return bool(change.kind == Kind.UNDO and change.after != change.candidate)

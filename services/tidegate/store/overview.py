"""Endpoints with all that people ask about them at once: a page of any length costs three
queries."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from tidegate.core.intent import Intent, Revision
from tidegate.core.rollout import Action, ActionKind
from tidegate.store.codec import loads
from tidegate.store.engine import ReadTx, rows
from tidegate.store.rollouts import SELECT, stored
from tidegate.store.values import Endpoint, StoredIntent, StoredRevision, StoredRollout


@dataclass(frozen=True, slots=True)
class Overview:
    """An endpoint with its current intent, the revisions that it names as stable and candidate, the
    rollout that acts and the actions that its controller has not heard."""

    endpoint: Endpoint
    intent: StoredIntent
    revisions: Mapping[int, StoredRevision]
    rollout: StoredRollout | None
    pending: tuple[Action, ...]


def overviews(tx: ReadTx, endpoints: Sequence[Endpoint]) -> tuple[Overview, ...]:
    """In the order given."""
    ids = [endpoint.id for endpoint in endpoints]
    intents = _intents(tx, ids)
    rollouts = _rollouts(tx, ids)
    actions = unheard(tx, [rollout.rollout.id for rollout in rollouts.values()])
    return tuple(
        Overview(
            endpoint,
            *intents[endpoint.id],
            (acting := rollouts.get(endpoint.id)),
            actions.get(acting.rollout.id, ()) if acting else (),
        )
        for endpoint in endpoints
    )


def current_intents(tx: ReadTx, ids: Collection[str]) -> dict[str, Intent]:
    """The current intents of these endpoints, by endpoint."""
    stored_intents = _intents(tx, sorted(ids))
    return {each: intent.intent for each, (intent, _) in stored_intents.items()}


def _intents(
    tx: ReadTx, ids: list[str]
) -> dict[str, tuple[StoredIntent, dict[int, StoredRevision]]]:
    """By endpoint: the current intent, with the revisions that it names."""
    results = rows(
        tx,
        """SELECT e.id, i.body, i.rollout_id, extract(epoch FROM i.at)::float8 AS at,
               r.body AS revision, r.created_by, extract(epoch FROM r.created_at)::float8 AS created_at
           FROM endpoints AS e JOIN intents AS i ON i.endpoint_id = e.id AND i.generation = e.generation
           LEFT JOIN revisions AS r ON r.endpoint_id = e.id
               AND r.number IN ((i.body->>'stable')::int, (i.body->>'candidate')::int)
           WHERE e.id = ANY (CAST(:ids AS uuid[]))""",
        ids=ids,
    )
    result: dict[str, tuple[StoredIntent, dict[int, StoredRevision]]] = {}
    for item in results:
        if str(item.id) not in result:
            result[str(item.id)] = (
                StoredIntent(loads(Intent, item.body), item.rollout_id, item.at),
                {},
            )
        if item.revision is not None:
            named = StoredRevision(loads(Revision, item.revision), item.created_at, item.created_by)
            result[str(item.id)][1][named.revision.number] = named
    return result


def _rollouts(tx: ReadTx, ids: list[str]) -> dict[str, StoredRollout]:
    results = rows(
        tx,
        f"""{SELECT} WHERE e.id = ANY (CAST(:ids AS uuid[])) AND NOT r.tidy AND r.outcome IS NULL
            ORDER BY r.seq DESC""",
        ids=ids,
    )
    # The oldest comes last, and stays
    return {str(item.endpoint_id): stored(item) for item in results}


def unheard(tx: ReadTx, rollout_ids: list[str]) -> dict[str, tuple[Action, ...]]:
    """By rollout, what people asked for and its controller has not processed yet."""
    if not rollout_ids:
        return {}
    results = rows(
        tx,
        """SELECT w.rollout_id, w.id, w.kind, w.author, w.reason,
               extract(epoch FROM w.at)::float8 AS at
           FROM actions AS w LEFT JOIN progress AS p ON p.rollout_id = w.rollout_id
           WHERE w.rollout_id = ANY (:ids) AND w.id > coalesce((p.body->>'action')::bigint, 0) ORDER BY w.id""",
        ids=rollout_ids,
    )
    result: dict[str, tuple[Action, ...]] = {}
    for item in results:
        action = Action(item.id, ActionKind(item.kind), item.author, item.reason, item.at)
        result[item.rollout_id] = (*result.get(item.rollout_id, ()), action)
    return result

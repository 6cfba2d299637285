"""Intents: append-only, one per generation, through `append_intent` alone."""

import secrets
from dataclasses import replace

from tidegate.core.intent import EndpointKey, Intent
from tidegate.store.codec import Json, clean, dumps, loads, plain
from tidegate.store.engine import ReadTx, Tx, row, rows, run
from tidegate.store.errors import NotFound
from tidegate.store.ledger import Line, append
from tidegate.store.notify import tell, wake_workers
from tidegate.store.paging import Page, decode, page, size
from tidegate.store.values import Appended, Stale, StoredIntent


def append_intent(
    tx: Tx,
    intent: Intent,
    expected_generation: int,
    *,
    rollout_id: str | None = None,
    mark: str = "",
    called: str = "",
) -> Appended | Stale:
    """Append `intent` as generation `expected_generation + 1` (its own `generation` is replaced,
    and its mark by `mark`, '' : a new one), if nobody was faster.

    With it: the endpoint is due now, or again after the present reconcile; its ledger gets a line
    `intent` (called: what the person calls the change); workers and event streams are woken. A
    stable of None marks the endpoint deleted. Who must always win locks the endpoint first
    (`endpoints.lock`) and appends against the generation that it finds. Raises NotFound.
    """
    moved = row(
        tx,
        """UPDATE endpoints SET
               generation = generation + 1,
               deleted_at = CASE WHEN :gone THEN now() END,
               poked = poked OR coalesce(lease_until > clock_timestamp(), false),
               due_at = CASE WHEN lease_until > clock_timestamp() THEN due_at ELSE now() END
           WHERE namespace = :namespace AND name = :name AND generation = :expected RETURNING id""",
        namespace=intent.key.namespace,
        name=intent.key.name,
        expected=expected_generation,
        gone=intent.stable is None,
    )
    if moved is None:
        return Stale(_generation(tx, intent.key))
    stored = replace(
        intent,
        generation=expected_generation + 1,
        author=clean(intent.author),
        message=clean(intent.message),
        mark=mark or secrets.token_hex(4),
    )
    _insert(tx, str(moved.id), stored, rollout_id, called)
    return Appended(stored)


def current_intent(tx: ReadTx, key: EndpointKey) -> StoredIntent | None:
    """The newest intent of an endpoint."""
    newest = history(tx, key, limit=1).items
    if not newest:
        return None
    return newest[0]


def mark(tx: ReadTx, key: EndpointKey, generation: int) -> str | None:
    """What an earlier intent was marked with; None where there is none of this generation."""
    result = row(
        tx,
        """SELECT i.body->>'mark' AS mark FROM intents AS i JOIN endpoints AS e ON e.id = i.endpoint_id
           WHERE e.namespace = :namespace AND e.name = :name AND i.generation = :generation""",
        namespace=key.namespace,
        name=key.name,
        generation=generation,
    )
    return result.mark if result else None


def history(
    tx: ReadTx, key: EndpointKey, *, page_token: str | None = None, limit: int = 100
) -> Page[StoredIntent]:
    """An endpoint's intents, newest first. Raises BadPageToken."""
    before = decode(page_token, int)
    results = rows(
        tx,
        """SELECT i.body, i.rollout_id, extract(epoch FROM i.at)::float8 AS at
           FROM intents AS i JOIN endpoints AS e ON e.id = i.endpoint_id
           WHERE e.namespace = :namespace AND e.name = :name AND i.generation < :before
           ORDER BY i.generation DESC LIMIT :limit""",
        namespace=key.namespace,
        name=key.name,
        before=before[0] if before else 2**62,
        limit=size(limit) + 1,
    )
    items = [StoredIntent(loads(Intent, item.body), item.rollout_id, item.at) for item in results]
    return page(items, size(limit), lambda stored: (stored.intent.generation,))


def was_stable(tx: ReadTx, key: EndpointKey, number: int) -> bool:
    """Whether a revision has ever been what should serve."""
    result = row(
        tx,
        """SELECT EXISTS (SELECT FROM intents AS i JOIN endpoints AS e ON e.id = i.endpoint_id
               WHERE e.namespace = :namespace AND e.name = :name AND i.body->>'stable' = :number) AS so""",
        namespace=key.namespace,
        name=key.name,
        number=str(number),
    )
    return bool(result and result.so)


def _insert(tx: Tx, endpoint_id: str, intent: Intent, rollout_id: str | None, called: str) -> None:
    body: Json = {"intent": plain(intent), "rollout": rollout_id}
    if called:
        body = {**body, "called": called}
    run(
        tx,
        """INSERT INTO intents (endpoint_id, generation, body, author, message, rollout_id)
           VALUES (:id, :generation, CAST(:body AS jsonb), :author, :message, :rollout_id)""",
        id=endpoint_id,
        generation=intent.generation,
        body=dumps(intent),
        author=intent.author,
        message=intent.message,
        rollout_id=rollout_id,
    )
    append(
        tx,
        endpoint_id,
        Line(intent.author, "intent", intent.message, body),
    )
    wake_workers(tx)
    tell(tx, endpoint_id)


def _generation(tx: Tx, key: EndpointKey) -> int:
    result = row(
        tx,
        "SELECT generation FROM endpoints WHERE namespace = :namespace AND name = :name",
        namespace=key.namespace,
        name=key.name,
    )
    if result is None:
        raise NotFound(f"endpoint {key} does not exist")
    return int(result.generation)

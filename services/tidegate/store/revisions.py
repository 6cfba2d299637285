"""Revisions: immutable, numbered per endpoint, never deleted."""

import hashlib

from tidegate.core.adopting import Found
from tidegate.core.intent import EndpointKey, Model, Revision, Runtime
from tidegate.store.codec import dumps, loads
from tidegate.store.engine import ReadTx, Tx, row, rows, run
from tidegate.store.errors import NotFound
from tidegate.store.paging import Page, decode, page, size
from tidegate.store.values import StoredRevision


def digest(model: Model, runtime: Runtime) -> str:
    """`sha256-<hex>` over the model's digest and the runtime: what makes two revisions the same
    thing. The address of the bytes does not count."""
    text = dumps({"model": model.digest, "runtime": runtime})
    return "sha256-" + hashlib.sha256(text.encode()).hexdigest()


def add_revision(
    tx: Tx,
    key: EndpointKey,
    model: Model,
    runtime: Runtime,
    *,
    author: str,
    resolved: str | None = None,
) -> Revision:
    """Store the endpoint's next revision. `resolved`: its digest where the caller knows more than
    `digest` does, such as the image's. Raises NotFound when the endpoint was never made."""
    numbered = row(
        tx,
        """UPDATE endpoints SET next_revision = next_revision + 1
           WHERE namespace = :namespace AND name = :name RETURNING id, next_revision - 1 AS number""",
        namespace=key.namespace,
        name=key.name,
    )
    if numbered is None:
        raise NotFound(f"endpoint {key} does not exist")
    revision = Revision(numbered.number, model, runtime, resolved or digest(model, runtime))
    run(
        tx,
        """INSERT INTO revisions (endpoint_id, number, body, digest, created_by)
           VALUES (:id, :number, CAST(:body AS jsonb), :digest, :author)""",
        id=numbered.id,
        number=revision.number,
        body=dumps(revision),
        digest=revision.digest,
        author=author,
    )
    return revision


def add_adopted(tx: Tx, key: EndpointKey, existing: Found, *, author: str) -> Revision:
    """Store revision 0, or find it where this name was adopted before. Raises NotFound."""
    endpoint = row(
        tx,
        "SELECT id FROM endpoints WHERE namespace = :namespace AND name = :name",
        namespace=key.namespace,
        name=key.name,
    )
    if endpoint is None:
        raise NotFound(f"endpoint {key} does not exist")
    revision = Revision(
        0,
        existing.model,
        existing.runtime,
        digest(existing.model, existing.runtime),
        existing.adopted,
    )
    run(
        tx,
        """INSERT INTO revisions (endpoint_id, number, body, digest, created_by)
           VALUES (:id, 0, CAST(:body AS jsonb), :digest, :author) ON CONFLICT DO NOTHING""",
        id=endpoint.id,
        body=dumps(revision),
        digest=revision.digest,
        author=author,
    )
    stored = get_revision(tx, key, 0)
    assert stored is not None
    return stored.revision


def get_revision(tx: ReadTx, key: EndpointKey, number: int) -> StoredRevision | None:
    """One revision of an endpoint."""
    revisions = _read(tx, key, number + 1, 1)
    if revisions and revisions[0].revision.number == number:
        return revisions[0]
    return None


def list_revisions(
    tx: ReadTx, key: EndpointKey, *, page_token: str | None = None, limit: int = 100
) -> Page[StoredRevision]:
    """An endpoint's revisions, newest first. Raises BadPageToken."""
    before = decode(page_token, int)
    revisions = _read(tx, key, int(before[0]) if before else 2**31 - 1, size(limit) + 1)
    return page(revisions, size(limit), lambda stored: (stored.revision.number,))


def _read(tx: ReadTx, key: EndpointKey, before: int, limit: int) -> list[StoredRevision]:
    results = rows(
        tx,
        """SELECT r.body, r.created_by, extract(epoch FROM r.created_at)::float8 AS created_at
           FROM revisions AS r JOIN endpoints AS e ON e.id = r.endpoint_id
           WHERE e.namespace = :namespace AND e.name = :name AND r.number < :before
           ORDER BY r.number DESC LIMIT :limit""",
        namespace=key.namespace,
        name=key.name,
        before=before,
        limit=limit,
    )
    return [
        StoredRevision(loads(Revision, item.body), item.created_at, item.created_by)
        for item in results
    ]

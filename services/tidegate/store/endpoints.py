"""Endpoints: the rows that live for ever. What should serve is in `intents`, what is rolled out in
`rollouts`."""

# ruff: noqa: S608  (the spliced parts are constants of this package, values are always bound)

from collections.abc import Collection

from tidegate.core.adopting import Found
from tidegate.core.intent import EndpointKey, Intent, Mode, Model, Revision, Runtime, Scaling
from tidegate.store.codec import Json, dumps
from tidegate.store.engine import ReadTx, Row, Tx, row, rows, run
from tidegate.store.intents import append_intent
from tidegate.store.paging import Page, decode, page, size
from tidegate.store.revisions import add_adopted, add_revision
from tidegate.store.values import Appended, Created, Endpoint, Exists

MOST_NAMES = 1000  # among which near ones are looked for
COLUMNS = """e.id, e.namespace, e.name, e.mode, e.spec, e.generation, e.status, e.status_version, e.created_by,
    extract(epoch FROM e.created_at)::float8 AS created_at, extract(epoch FROM e.deleted_at)::float8 AS deleted_at"""
_SELECT = f"SELECT {COLUMNS} FROM endpoints AS e"


def create(
    tx: Tx,
    key: EndpointKey,
    *,
    mode: Mode,
    spec: Json,
    model: Model,
    runtime: Runtime,
    scaling: Scaling,
    author: str,
    message: str,
) -> Created | Exists:
    """Make an endpoint with its first revision as stable and its first intent.

    A deleted name comes back as the same row: revision numbers and generations go on where they
    ended. `spec` is the payload as accepted.
    """
    endpoint = _begin(tx, key, mode, spec, author)
    if isinstance(endpoint, Exists):
        return endpoint
    revision = add_revision(tx, key, model, runtime, author=author)
    return _created(
        tx,
        endpoint,
        revision,
        Intent(key, 0, mode, revision.number, scaling=scaling, author=author, message=message),
        "create",
    )


def adopt(
    tx: Tx, key: EndpointKey, existing: Found, *, spec: Json, author: str, message: str
) -> Created | Exists | Revision:
    """Make an endpoint that begins with somebody else's InferenceService as revision 0. A Revision:
    the name began with another one before, and numbers never repeat."""
    begun = _begin(tx, key, existing.mode, spec, author)
    if isinstance(begun, Exists):
        return begun
    revision = add_adopted(tx, key, existing, author=author)
    if revision.adopted is None or revision.adopted.uid != existing.adopted.uid:
        return revision
    intent = Intent(
        key,
        0,
        existing.mode,
        revision.number,
        scaling=existing.scaling,
        author=author,
        message=message,
    )
    return _created(tx, begun, revision, intent, "adopt")


def _begin(tx: Tx, key: EndpointKey, mode: Mode, spec: Json, author: str) -> Endpoint | Exists:
    endpoint = _reserve(tx, key, mode, author)
    if endpoint.deleted_at is None:
        return Exists(endpoint)
    run(
        tx,
        "UPDATE endpoints SET mode = :mode, spec = CAST(:spec AS jsonb), deleted_at = NULL WHERE "
        "id = :id",
        mode=mode.value,
        spec=dumps(spec),
        id=endpoint.id,
    )
    return endpoint


def _created(
    tx: Tx, endpoint: Endpoint, revision: Revision, intent: Intent, called: str
) -> Created:
    appended = append_intent(tx, intent, endpoint.generation, called=called)
    assert isinstance(appended, Appended)
    now = get(tx, endpoint.key)
    assert now is not None
    return Created(now, revision, appended.intent)


def get(tx: ReadTx, key: EndpointKey) -> Endpoint | None:
    """An endpoint, also a deleted one (`deleted_at`); None when the name was never used."""
    result = row(
        tx,
        f"{_SELECT} WHERE namespace = :namespace AND name = :name",
        namespace=key.namespace,
        name=key.name,
    )
    if not result:
        return None
    return from_row(result)


def lock(tx: Tx, key: EndpointKey) -> Endpoint | None:
    """Like `get`, and nobody else changes it, its intents or its rollouts until this transaction
    ends."""
    result = row(
        tx,
        f"{_SELECT} WHERE namespace = :namespace AND name = :name FOR UPDATE",
        namespace=key.namespace,
        name=key.name,
    )
    if not result:
        return None
    return from_row(result)


def list_endpoints(
    tx: ReadTx,
    *,
    namespaces: tuple[str, ...] | None = None,
    page_token: str | None = None,
    limit: int = 100,
) -> Page[Endpoint]:
    """Endpoints that are not deleted, by namespace and name; None: of all namespaces. Raises
    BadPageToken."""
    after = decode(page_token, str, str) or ("", "")
    results = rows(
        tx,
        f"""{_SELECT} WHERE deleted_at IS NULL AND (namespace, name) > (:namespace, :name)
            AND (CAST(:namespaces AS text[]) IS NULL OR namespace = ANY (CAST(:namespaces AS text[])))
            ORDER BY namespace, name LIMIT :limit""",
        namespace=after[0],
        name=after[1],
        namespaces=list(namespaces) if namespaces is not None else None,
        limit=size(limit) + 1,
    )
    return page(
        [from_row(item) for item in results], size(limit), lambda e: (e.key.namespace, e.key.name)
    )


def by_ids(tx: ReadTx, ids: Collection[str]) -> dict[str, Endpoint]:
    """Endpoints by their ids, deleted ones too."""
    results = rows(tx, f"{_SELECT} WHERE id = ANY (CAST(:ids AS uuid[]))", ids=sorted(ids))
    endpoints = [from_row(item) for item in results]
    return {endpoint.id: endpoint for endpoint in endpoints}


def names(tx: ReadTx, namespace: str) -> tuple[str, ...]:
    """Names of the endpoints of a namespace, at most MOST_NAMES of them."""
    selected = rows(
        tx,
        "SELECT name FROM endpoints WHERE namespace = :namespace AND deleted_at IS NULL ORDER BY "
        "name LIMIT :most",
        namespace=namespace,
        most=MOST_NAMES,
    )
    return tuple(item.name for item in selected)


def used_namespaces(tx: ReadTx) -> tuple[str, ...]:
    """Every namespace that has an endpoint, in order."""
    results = rows(
        tx, "SELECT DISTINCT namespace FROM endpoints WHERE deleted_at IS NULL ORDER BY namespace"
    )
    return tuple(item.namespace for item in results)


def set_spec(tx: Tx, key: EndpointKey, spec: Json) -> None:
    """Replace the payload as accepted, after a PATCH."""
    run(
        tx,
        "UPDATE endpoints SET spec = CAST(:spec AS jsonb) WHERE namespace = :namespace AND name = "
        ":name",
        spec=dumps(spec),
        namespace=key.namespace,
        name=key.name,
    )


def _reserve(tx: Tx, key: EndpointKey, mode: Mode, author: str) -> Endpoint:
    """The name's row, locked; a new one begins as deleted."""
    run(
        tx,
        """INSERT INTO endpoints (namespace, name, mode, created_by, deleted_at)
           VALUES (:namespace, :name, :mode, :author, now()) ON CONFLICT DO NOTHING""",
        namespace=key.namespace,
        name=key.name,
        mode=mode.value,
        author=author,
    )
    endpoint = lock(tx, key)
    assert endpoint is not None
    return endpoint


def from_row(item: Row) -> Endpoint:
    """An Endpoint from a row with COLUMNS."""
    return Endpoint(
        str(item.id),
        EndpointKey(item.namespace, item.name),
        Mode(item.mode),
        item.spec,
        item.generation,
        item.status,
        item.status_version,
        item.created_at,
        item.created_by,
        item.deleted_at,
    )

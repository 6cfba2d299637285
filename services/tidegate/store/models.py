"""Models and their versions, as people registered them. A version is immutable; registering it
again with the same bytes is fine, with others it is refused."""

from dataclasses import dataclass

from tidegate.core.intent import Model
from tidegate.core.shown_address import shown_address
from tidegate.store.codec import clean
from tidegate.store.engine import ReadTx, Row, Tx, row, rows
from tidegate.store.installation import store_id
from tidegate.store.ledger import Line, append
from tidegate.store.paging import Page, decode, page, size
from tidegate.store.values import ModelRow, VersionRow

MOST_NAMES = 1000  # among which near ones are looked for
_MODEL = "SELECT model_id, description, created_by, extract(epoch FROM created_at)::float8 AS created_at FROM models"
_VERSION = """SELECT model_id, version_id, uri, digest, mutable, created_by,
                     extract(epoch FROM created_at)::float8 AS created_at FROM model_versions"""


@dataclass(frozen=True, slots=True)
class Registered:
    """The version is stored; `new` is False when it already was, with the same bytes."""

    model: Model
    new: bool


@dataclass(frozen=True, slots=True)
class Differs:
    """This version id is taken by other bytes, or another address."""

    stored: Model


def create_model(tx: Tx, model_id: str, *, description: str, author: str) -> ModelRow | None:
    """Register a model; None when it already is."""
    result = row(
        tx,
        """INSERT INTO models (model_id, description, created_by) VALUES (:model_id, :description, :author)
           ON CONFLICT DO NOTHING
           RETURNING model_id, description, created_by, extract(epoch FROM created_at)::float8 AS created_at""",
        model_id=model_id,
        description=clean(description),
        author=author,
    )
    if result is None:
        return None
    append(tx, store_id(tx), Line(author, "model.create", description, {"model_id": model_id}))
    return _model_row(result)


def get_model(tx: ReadTx, model_id: str) -> ModelRow | None:
    """A model by its id."""
    result = row(tx, f"{_MODEL} WHERE model_id = :model_id", model_id=model_id)
    if not result:
        return None
    return _model_row(result)


def list_models(tx: ReadTx, *, page_token: str | None = None, limit: int = 100) -> Page[ModelRow]:
    """Models by id. Raises BadPageToken."""
    after = decode(page_token, str)
    results = rows(
        tx,
        f"{_MODEL} WHERE model_id > :after ORDER BY model_id LIMIT :limit",
        after=after[0] if after else "",
        limit=size(limit) + 1,
    )
    return page(
        [_model_row(item) for item in results], size(limit), lambda model: (model.model_id,)
    )


def names(tx: ReadTx) -> tuple[str, ...]:
    """Ids of models, at most MOST_NAMES of them."""
    results = rows(tx, "SELECT model_id FROM models ORDER BY model_id LIMIT :most", most=MOST_NAMES)
    return tuple(item.model_id for item in results)


def version_names(tx: ReadTx, model_id: str) -> tuple[str, ...]:
    """Ids of a model's newest versions, at most MOST_NAMES of them."""
    results = rows(
        tx,
        "SELECT version_id FROM model_versions WHERE model_id = :id ORDER BY created_at DESC LIMIT "
        ":most",
        id=model_id,
        most=MOST_NAMES,
    )
    return tuple(item.version_id for item in results)


def serving_namespaces(tx: ReadTx, model_id: str) -> tuple[str, ...]:
    """Every namespace with an endpoint (not a deleted one) that has a revision of this model, in
    order."""
    results = rows(
        tx,
        """SELECT DISTINCT e.namespace FROM revisions AS r JOIN endpoints AS e ON e.id = r.endpoint_id
           WHERE e.deleted_at IS NULL AND r.body -> 'model' ->> 'model_id' = :model_id ORDER BY e.namespace""",
        model_id=model_id,
    )
    return tuple(item.namespace for item in results)


def add_version(tx: Tx, model: Model, *, author: str) -> Registered | Differs:
    """Register a version of a model that exists."""
    inserted = row(
        tx,
        """INSERT INTO model_versions (model_id, version_id, uri, digest, mutable, created_by)
           VALUES (:model_id, :version_id, :uri, :digest, :mutable, :author)
           ON CONFLICT DO NOTHING RETURNING version_id""",
        model_id=model.model_id,
        version_id=model.version_id,
        uri=model.uri,
        digest=model.digest,
        mutable=model.mutable,
        author=author,
    )
    if inserted is None:
        stored = get_version(tx, model.model_id, model.version_id)
        assert stored is not None
        if stored == model:
            return Registered(stored, new=False)
        return Differs(stored)
    body = {
        "model_id": model.model_id,
        "version_id": model.version_id,
        "uri": shown_address(model.uri),
        "digest": model.digest,
    }
    append(tx, store_id(tx), Line(author, "model.version", "", body))
    return Registered(model, new=True)


def get_version(tx: ReadTx, model_id: str, version_id: str) -> Model | None:
    """One version of a model."""
    version = get_version_row(tx, model_id, version_id)
    if not version:
        return None
    return version.model


def get_version_row(tx: ReadTx, model_id: str, version_id: str) -> VersionRow | None:
    """One version of a model, with who registered it."""
    result = row(
        tx,
        f"{_VERSION} WHERE model_id = :model_id AND version_id = :version_id",
        model_id=model_id,
        version_id=version_id,
    )
    if not result:
        return None
    return _version_row(result)


def list_versions(
    tx: ReadTx, model_id: str, *, page_token: str | None = None, limit: int = 100
) -> Page[VersionRow]:
    """Versions of a model by id. Raises BadPageToken."""
    after = decode(page_token, str)
    results = rows(
        tx,
        f"{_VERSION} WHERE model_id = :model_id AND version_id > :after ORDER BY version_id LIMIT "
        ":limit",
        model_id=model_id,
        after=after[0] if after else "",
        limit=size(limit) + 1,
    )
    return page(
        [_version_row(item) for item in results],
        size(limit),
        lambda version: (version.model.version_id,),
    )


def _version_row(item: Row) -> VersionRow:
    model = Model(item.model_id, item.version_id, item.uri, item.digest, item.mutable)
    return VersionRow(model, item.created_at, item.created_by)


def _model_row(item: Row) -> ModelRow:
    return ModelRow(item.model_id, item.description, item.created_at, item.created_by)

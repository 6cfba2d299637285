"""Models and their versions. A version is checked where it lies before it is accepted."""

from fastapi import APIRouter
from starlette.responses import Response

from tidegate.core.errors import Problem, Remediation
from tidegate.core.intent import Model
from tidegate.core.ports import Resolved, Unresolved
from tidegate.core.shown_address import shown_address
from tidegate.core.uris import check_uri
from tidegate.deployment_service.calls import (
    Caller,
    PageSize,
    PageToken,
    ReadCall,
    Reply,
    WriteCall,
    mutate,
    respond,
)
from tidegate.deployment_service.lookup import not_found
from tidegate.deployment_service.model_rights import check_version
from tidegate.deployment_service.routes import READ, writes
from tidegate.deployment_service.statuses import at
from tidegate.schemas import responses as out
from tidegate.schemas.requests.endpoints import NewModel, NewVersion
from tidegate.store import models
from tidegate.store.engine import ReadTx, Tx
from tidegate.store.values import ModelRow, VersionRow
from tidegate.web.problems import refuse, refused

FIND_MODEL = Remediation(
    "list the models, or register one",
    "GET /api/v1/models, or POST there",
    "tidegate model list, or tidegate model add",
)
router = APIRouter(prefix="/models", tags=["models"])


@router.post("", operation_id="createModel", **writes(201, out.ModelChange))
def create(call: WriteCall, body: NewModel) -> Response:
    """Register a model."""

    def action(tx: Tx) -> Reply:
        made = models.create_model(
            tx, body.model_id, description=body.description, author=call.principal.name
        )
        if made is None:
            remediation = Remediation(
                "register its versions",
                f"POST /api/v1/models/{body.model_id}/versions",
                f"tidegate model add {body.model_id} VERSION --uri URI",
            )
            problem = Problem("/model_id", f"model {body.model_id!r} exists", remediation)
            raise refused(409, "exists", problem)
        return Reply(
            201,
            out.changed(out.ModelChange, _model_out(made)),
            location=f"/api/v1/models/{body.model_id}",
        )

    return mutate(call, action)


@router.get("", operation_id="listModels", response_model=out.ModelsPage, responses=READ)
def index(caller: ReadCall, page_token: PageToken, page_size: PageSize = 50) -> Response:
    """Models by id."""
    with caller.services.store.read() as tx:
        page = models.list_models(tx, page_token=page_token, limit=page_size)
    return respond(
        out.ModelsPage(
            items=[_model_out(model) for model in page.items], next_page_token=page.next_token
        )
    )


@router.get("/{model_id}", operation_id="getModel", response_model=out.ModelOut, responses=READ)
def show(caller: ReadCall, model_id: str) -> Response:
    """One model."""
    with caller.services.store.read() as tx:
        return respond(_model_out(_known(tx, model_id)))


@router.post(
    "/{model_id}/versions", operation_id="createModelVersion", **writes(201, out.VersionChange)
)
def add_version(call: WriteCall, model_id: str, body: NewVersion) -> Response:
    """Register a version: checks the layout below `uri` and digests its bytes. Repeating it with
    the same bytes answers 200."""
    with call.services.store.read() as tx:
        known = _known(tx, model_id)
    _check_plain(call, body.uri)
    check_version(call, known, body.uri)  # before anything is read there
    resolved = _resolve(call, body.uri)  # slow, so never within the transaction
    model = Model(model_id, body.version_id, resolved.uri, resolved.digest, resolved.mutable)

    def action(tx: Tx) -> Reply:
        match models.add_version(tx, model, author=call.principal.name):
            case models.Registered(stored, new):
                row = models.get_version_row(tx, stored.model_id, stored.version_id)
                assert row is not None
                return Reply(201 if new else 200, out.changed(out.VersionChange, _version(row)))
            case models.Differs(stored):
                detail = (
                    f"{model_id} {body.version_id} is {shown_address(stored.uri)} with digest "
                    f"{stored.digest}, "
                    f"not {shown_address(resolved.uri)} with "
                    f"{resolved.digest}, and a version never changes"
                )
                remediation = Remediation(
                    "register these bytes under a new version", "version_id", "VERSION"
                )
                raise refused(409, "version-differs", Problem("/version_id", detail, remediation))

    return mutate(call, action)


@router.get(
    "/{model_id}/versions",
    operation_id="listModelVersions",
    response_model=out.VersionsPage,
    responses=READ,
)
def versions(
    caller: ReadCall, model_id: str, page_token: PageToken, page_size: PageSize = 50
) -> Response:
    """Versions of a model by id."""
    with caller.services.store.read() as tx:
        _known(tx, model_id)
        page = models.list_versions(tx, model_id, page_token=page_token, limit=page_size)
    return respond(
        out.VersionsPage(
            items=[_version(version) for version in page.items], next_page_token=page.next_token
        )
    )


def _check_plain(caller: Caller, uri: str) -> None:
    scheme, separator, _ = uri.partition("://")
    schemes = caller.services.settings.schemes
    if not separator or scheme not in schemes:
        known = ", ".join(schemes)
        raise refuse(
            "/uri",
            f"{shown_address(uri[:200])!r} has no supported storage scheme",
            Remediation(f"use one of {known}"),
        )
    wrong = check_uri(uri)
    if wrong is not None:
        raise refuse("/uri", wrong.detail, wrong.remediation)


def _resolve(caller: Caller, uri: str) -> Resolved:
    match caller.services.registry.resolve(uri):
        case Resolved() as resolved:
            return resolved
        case Unresolved(detail):
            raise refuse(
                "/uri",
                detail,
                Remediation("put a Triton model repository there, and let the service read it"),
            )


def _known(tx: ReadTx, model_id: str) -> ModelRow:
    model = models.get_model(tx, model_id)
    if model is None:
        raise not_found("model", model_id, FIND_MODEL, models.names(tx))
    return model


def _model_out(row: ModelRow) -> out.ModelOut:
    return out.ModelOut(
        model_id=row.model_id,
        description=row.description,
        created_at=at(row.created_at),
        created_by=row.created_by,
    )


def _version(row: VersionRow) -> out.VersionOut:
    model = row.model
    return out.VersionOut(
        model_id=model.model_id,
        version_id=model.version_id,
        uri=shown_address(model.uri),
        digest=model.digest,
        mutable=model.mutable,
        created_at=at(row.created_at),
        created_by=row.created_by,
    )

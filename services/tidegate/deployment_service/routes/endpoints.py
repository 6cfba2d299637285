"""Endpoints: make, list, look, change, take away."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from tidegate.core.access import Role
from tidegate.core.intent import EndpointKey
from tidegate.core.precedence import PROMOTE
from tidegate.deployment_service import adoption, endpoint_changes, lookup, specs
from tidegate.deployment_service.access import visible
from tidegate.deployment_service.calls import (
    IfMatch,
    PageSize,
    PageToken,
    ReadCall,
    WriteCall,
    mutate,
    replayed,
    respond,
)
from tidegate.deployment_service.preconditions import etag, unchanged
from tidegate.deployment_service.preflight import surveyed
from tidegate.deployment_service.routes import NOT_MODIFIED, READ, writes
from tidegate.schemas import responses as out
from tidegate.schemas.requests.endpoints import AdoptEndpoint, NewEndpoint, PatchEndpoint
from tidegate.store import endpoints

router = APIRouter(prefix="/endpoints", tags=["endpoints"])

Force = Annotated[
    bool, Query(description="Override a running plan: the percent is yours until resume.")
]
Supersede = Annotated[bool, Query(description="Abort the running rollout, then start this one.")]


@router.post("", operation_id="createEndpoint", **writes(201, out.EndpointChange))
def create(
    call: WriteCall,
    body: NewEndpoint,
    namespace: Annotated[
        str | None, Query(description="The tenant, where the body names none.")
    ] = None,
) -> Response:
    """Make an endpoint with its first revision. An existing name is 409: start a rollout
    instead."""
    key = specs.key_of(call, body, namespace)
    return mutate(call, lambda tx: endpoint_changes.create(tx, call, key, body), moves=True)


@router.post(
    "/{namespace}/{name}/adopt", operation_id="adoptEndpoint", **writes(201, out.EndpointChange)
)
def adopt(call: WriteCall, namespace: str, name: str, body: AdoptEndpoint) -> Response:
    """Take an InferenceService of your own under Tidegate as the endpoint's r0. Nothing of it is
    written, no pod restarts; everything that is in the way is named."""
    key = EndpointKey(namespace, name)
    known = replayed(call)
    if known is not None:
        return known
    with call.services.store.read() as tx:
        adoption.check_new(tx, key)
    existing = surveyed(call.services.asker, key)
    return mutate(call, lambda tx: adoption.adopt(tx, call, key, body, existing), moves=True)


@router.get("", operation_id="listEndpoints", response_model=out.EndpointsPage, responses=READ)
def index(
    caller: ReadCall,
    page_token: PageToken,
    page_size: PageSize = 50,
    namespace: Annotated[str | None, Query(description="Only this tenant.")] = None,
) -> Response:
    """Endpoints of the namespaces that the caller may view, by namespace and name."""
    namespaces = visible(caller, namespace)
    with caller.services.store.read() as tx:
        page = endpoints.list_endpoints(
            tx, namespaces=namespaces, page_token=page_token, limit=page_size
        )
        items = lookup.endpoints_out(tx, page.items)
    return respond(out.EndpointsPage(items=items, next_page_token=page.next_token))


@router.get(
    "/{namespace}/{name}",
    operation_id="getEndpoint",
    response_model=out.EndpointOut,
    responses={**READ, **NOT_MODIFIED},
)
def show(caller: ReadCall, namespace: str, name: str) -> Response:
    """What should serve and what does. The ETag is the generation: it does not change when only the
    status does."""
    with caller.services.store.read() as tx:
        endpoint = lookup.known(tx, EndpointKey(namespace, name))
        tag = etag(endpoint.generation)
        if unchanged(caller.if_none_match, tag):
            return Response(status_code=304, headers={"ETag": tag})
        return respond(lookup.endpoint_out(tx, endpoint), tag)


@router.patch(
    "/{namespace}/{name}", operation_id="patchEndpoint", **writes(200, out.EndpointChange, 428)
)
def patch(
    call: WriteCall,
    namespace: str,
    name: str,
    body: PatchEndpoint,
    force: Force = False,
    supersede: Supersede = False,
    if_match: IfMatch = None,
) -> Response:
    """Scale, move traffic, or bring a version.

    Lowering `canary_percent` always works and needs no If-Match (a stale one is ignored). 100 and
    null promote and need If-Match. Raising it during a plan that the rollout controller drives
    needs `force`.
    """
    key = EndpointKey(namespace, name)
    if "canary_percent" in body.model_fields_set and body.canary_percent in (None, PROMOTE):
        call.demand(Role.APPROVER, namespace)
    brings = body.model_version_id is not None or body.revision is not None
    grows = body.autoscaling is not None and body.autoscaling.minReplicas is not None
    return mutate(
        call,
        lambda tx: endpoint_changes.patch(tx, call, key, body, force=force, supersede=supersede),
        moves=brings or grows,
    )


@router.delete(
    "/{namespace}/{name}", operation_id="deleteEndpoint", **writes(202, out.EndpointChange, 428)
)
def delete(
    call: WriteCall,
    namespace: str,
    name: str,
    reason: Annotated[str, Query(max_length=2000, description="Why; kept in the history.")] = "",
    if_match: IfMatch = None,
) -> Response:
    """Take an endpoint away; a running rollout is aborted first. Its numbers and history stay."""
    key = EndpointKey(namespace, name)
    return mutate(call, lambda tx: endpoint_changes.delete(tx, call, key, reason))

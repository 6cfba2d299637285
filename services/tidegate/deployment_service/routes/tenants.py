"""Tenants: what their specs may name. Whoever may look at a tenant may read its list;
administrators write it."""

from fastapi import APIRouter
from starlette.responses import Response

from tidegate.deployment_service import tenancy
from tidegate.deployment_service.calls import IfMatch, ReadCall, WriteCall, mutate, respond
from tidegate.deployment_service.preconditions import etag, unchanged
from tidegate.deployment_service.routes import NOT_MODIFIED, READ, writes
from tidegate.schemas import responses as out
from tidegate.schemas.requests.tenants import PutTenant, PutTenantAcceptance, PutTenantMode

router = APIRouter(prefix="/tenants", tags=["tenants"])


@router.get(
    "/{namespace}",
    operation_id="getTenant",
    response_model=out.TenantOut,
    responses={**READ, **NOT_MODIFIED},
)
def show(caller: ReadCall, namespace: str) -> Response:
    """What the specs of a tenant may name, and the most that one may ask for."""
    tenancy.check_namespace(caller, namespace)
    with caller.services.store.read() as tx:
        tenant = tenancy.shown(tx, caller.services.settings, namespace)
    tag = etag(tenant.generation)
    if unchanged(caller.if_none_match, tag):
        return Response(status_code=304, headers={"ETag": tag})
    return respond(tenant, tag)


@router.put("/{namespace}", operation_id="putTenant", **writes(200, out.TenantChange))
def put(call: WriteCall, namespace: str, body: PutTenant, if_match: IfMatch = None) -> Response:
    """Say what the specs of a tenant may name. What serves goes on serving; what is a candidate and
    no longer allowed is paused where it is."""
    tenancy.check_namespace(call, namespace)
    return mutate(call, lambda tx: tenancy.put(tx, call, namespace, body))


@router.put("/{namespace}/mode", operation_id="putTenantMode", **writes(200, out.TenantChange))
def put_mode(call: WriteCall, namespace: str, body: PutTenantMode) -> Response:
    """Put a tenant into trial, or take it out: in trial everything is judged and stored, and no
    verdict moves traffic. It holds for rollouts that start from now on."""
    tenancy.check_namespace(call, namespace)
    return mutate(call, lambda tx: tenancy.put_mode(tx, call, namespace, body))


@router.put(
    "/{namespace}/acceptance", operation_id="putTenantAcceptance", **writes(200, out.TenantChange)
)
def put_acceptance(call: WriteCall, namespace: str, body: PutTenantAcceptance) -> Response:
    """Say up to which stated bound a tenant accepts a candidate by itself, at the end of a time
    box. It holds for rollouts that start from now on."""
    tenancy.check_namespace(call, namespace)
    return mutate(call, lambda tx: tenancy.put_acceptance(tx, call, namespace, body))

"""Tokens for local users, and the metric of a proxy in front whether somebody may pass."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from tidegate.core.access import Role
from tidegate.deployment_service.calls import ReadCall, services_of
from tidegate.deployment_service.routes import PREFIX, READ
from tidegate.schemas import responses as out
from tidegate.schemas.requests.people import LogIn
from tidegate.web.auth import Principal, Unauthorized
from tidegate.web.problems import responses

router = APIRouter(prefix="/auth", tags=["auth"])
OPEN_PATHS = frozenset({f"{PREFIX}/auth/token"})

_HEADER_LIMIT = 4000  # characters of groups: proxies have small buffers
# As Envoy passes the caller's own on
_ANY = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
]


@router.post(
    "/token",
    operation_id="logIn",
    response_model=out.AccessToken,
    responses={**READ, **responses(408, 413, 415, 429)},
)
def log_in(request: Request, body: LogIn) -> Response:
    """A token for a local user, which ends soon. Needs no token; a few attempts a minute."""
    address = ""
    if request.client:
        address = request.client.host
    try:
        made = services_of(request).identities.local.log_in(
            body.username, body.password.get_secret_value(), address
        )
    except Unauthorized as error:
        request.app.state.strangers.turned_away(request, error.reason)
        raise
    answer = out.AccessToken(access_token=made.token, expires_in=made.lasts)
    return JSONResponse(answer.model_dump(), headers={"Cache-Control": "no-store"})


@router.get("/verify", operation_id="verifyCaller", response_model=out.VerifiedOut, responses=READ)
def verify(caller: ReadCall) -> Response:
    """For forward-auth: 200 with the caller's name and groups, for anybody with a valid token."""
    return _passed(caller.principal)


def verify_role(caller: ReadCall, namespace: str, role: Role) -> Response:
    """For forward-auth: 200 for whoever has this role in the namespace (`*`: in every one). What
    comes behind it in the path is the caller's own and means nothing."""
    caller.demand(role, namespace)
    return _passed(caller.principal)


_ROLE: dict[str, Any] = {
    "operation_id": "verifyRole",
    "response_model": out.VerifiedOut,
    "responses": READ,
}
router.get("/verify/{namespace}/{role}", **_ROLE)(verify_role)
for path in ("/verify/{namespace}/{role}", "/verify/{namespace}/{role}/{rest:path}"):
    router.api_route(path, methods=_ANY, include_in_schema=False, **_ROLE)(verify_role)


def _passed(who: Principal) -> Response:
    groups = []
    room = _HEADER_LIMIT
    for group in who.groups:
        room -= len(group) + 1
        if room >= 0:
            groups.append(group)
    headers = {
        "X-Tidegate-User": who.name,
        "X-Tidegate-Groups": ",".join(groups),
        "Cache-Control": "no-store",
    }
    return JSONResponse(out.VerifiedOut(name=who.name, groups=groups).model_dump(), headers=headers)

"""Bearer tokens: every path is closed unless it is listed as open, so that a new route cannot be open by mistake."""

from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from tidegate.core.access import Grant, Role, role_in
from tidegate.web.problems import ApiError, answer

Also = Callable[[Role, str], str]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. Tokens are never kept. also: a second opinion on a role in a namespace, "" or why not; may block."""

    name: str
    grants: tuple[Grant, ...] = ()
    groups: tuple[str, ...] = ()
    also: Also | None = field(default=None, compare=False)

    def role_in(self, namespace: str) -> Role | None:
        """The highest role that was granted there."""
        return role_in(self.grants, namespace)


Lookup = Callable[[str], Principal | None]
Proxied = Callable[[Request], Principal | None]


def nobody(_: Request) -> None:
    """No proxy is trusted to say who calls."""


def unauthorized(detail: str) -> ApiError:
    """401 with the challenge that RFC 6750 asks for."""
    return ApiError(401, "unauthorized", detail, headers={"WWW-Authenticate": 'Bearer realm="tidegate"'})


class AuthMiddleware:
    """Sets `request.state.principal`, or answers 401. `lookup` may block: it runs in a thread. proxied: whom a proxy
    that is trusted has authenticated; it raises ApiError where the proxy is not."""

    def __init__(self, app: ASGIApp, lookup: Lookup, open_paths: frozenset[str], proxied: Proxied = nobody) -> None:
        self._app, self._lookup, self._open, self._proxied = app, lookup, open_paths, proxied

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["path"] in self._open:
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            request.state.principal = await self._principal(request)
        except ApiError as error:
            await answer(request, error)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _principal(self, request: Request) -> Principal:
        if behind := self._proxied(request):
            return behind
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise unauthorized("this path needs a token: send the header 'Authorization: Bearer <token>'")
        principal = await run_in_threadpool(self._lookup, token.strip())
        if principal is None:
            raise unauthorized("the bearer token is unknown or revoked: ask an administrator for a new one")
        return principal

"""Bearer tokens: every path is closed unless it is listed as open, so that a new route cannot be
open by mistake.

Who is not known is logged and counted by reason; who is known and may not is recorded elsewhere.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from prometheus_client import CollectorRegistry, Counter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from tidegate.core.access import Grant, Role, role_in
from tidegate.web.problems import ApiError, answer

log = structlog.get_logger("auth")
Also = Callable[[Role, str], str]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. Tokens are never kept. also: a second opinion on a role in a namespace, "" or why
    not; may block."""

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


class Unauthorized(ApiError):  # noqa: N818  (an expected outcome, named after what it is)
    """401 with the challenge that RFC 6750 asks for. reason: one of few words, for counting."""

    def __init__(self, detail: str, reason: str) -> None:
        super().__init__(
            401, "unauthorized", detail, headers={"WWW-Authenticate": 'Bearer realm="tidegate"'}
        )
        self.reason = reason


def unauthorized(detail: str, reason: str = "unknown") -> Unauthorized:
    """401, to be raised."""
    return Unauthorized(detail, reason)


class Strangers:
    """Counts and logs who was not let in: `tidegate_unauthenticated_total`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._count = Counter(
            "tidegate_unauthenticated",
            "Requests without a valid identity",
            ("reason",),
            registry=registry,
        )

    def turned_away(self, request: Request, reason: str) -> None:
        """One request."""
        self._count.labels(reason).inc()
        address = ""
        if request.client:
            address = request.client.host
        log.warning(
            "unauthenticated",
            reason=reason,
            method=request.method,
            path=request.url.path[:200],
            address=address,
        )


class AuthMiddleware:
    """Sets `request.state.principal`, or answers 401. `lookup` may block: it runs in a thread.
    proxied: whom a proxy that is trusted has authenticated; it raises ApiError where the proxy is
    not."""

    def __init__(
        self,
        app: ASGIApp,
        lookup: Lookup,
        open_paths: frozenset[str],
        strangers: Strangers,
        proxied: Proxied = nobody,
    ) -> None:
        self._app = app
        self._lookup = lookup
        self._open = open_paths
        self._proxied = proxied
        self._strangers = strangers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["path"] in self._open:
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            request.state.principal = await self._principal(request)
        except ApiError as error:
            if error.status in (401, 403):
                self._strangers.turned_away(request, getattr(error, "reason", error.code))
            await answer(request, error)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _principal(self, request: Request) -> Principal:
        behind = self._proxied(request)
        if behind:
            return behind
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise unauthorized(
                "this path needs a token: send the header 'Authorization: Bearer <token>'",
                "missing",
            )
        principal = await run_in_threadpool(self._lookup, token.strip())
        if principal is None:
            raise unauthorized(
                "the bearer token is unknown or revoked: ask an administrator for a new one"
            )
        return principal

"""One middleware around everything: request ids, one log line and two metrics per request, and 500s
as problems."""

import re
import time
import uuid
from collections.abc import Callable

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidegate.web.problems import ApiError, answer

_SAFE_ID = re.compile(r"[A-Za-z0-9._:-]{1,80}")
# Whoever asks chooses the method, and a label's value is kept for ever
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_SHOWN = 500  # characters of what a caller chose, in the log
log = structlog.get_logger("http")


class HttpMetrics:
    """`tidegate_http_requests_total` and `tidegate_http_request_duration_seconds`, by route and not
    by path, so that names of endpoints do not become label values."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("method", "route")
        self.requests = Counter(
            "tidegate_http_requests",
            "HTTP requests answered",
            (*labels, "status"),
            registry=registry,
        )
        self.seconds = Histogram(
            "tidegate_http_request_duration_seconds",
            "Seconds until the answer was sent",
            labels,
            registry=registry,
        )


class TelemetryMiddleware:
    """Outermost of our middlewares. `clock`: monotonic seconds."""

    def __init__(
        self, app: ASGIApp, metrics: HttpMetrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        began = self._clock()
        status = 0
        request_id = _request_id(request)
        request.state.request_id = request_id

        async def observe(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, observe)
            except Exception:
                log.exception("unhandled", path=request.url.path[:_SHOWN])
                if status:  # the answer has begun: only the connection can tell that it broke
                    raise
                detail = f"a bug in Tidegate: look for request id {request_id} in the service's log"
                await answer(request, ApiError(500, "bug", detail))(scope, receive, observe)
            finally:
                self._record(request, status, self._clock() - began)

    def _record(self, request: Request, status: int, seconds: float) -> None:
        route = getattr(request.scope.get("route"), "path", "none")
        method = request.method if request.method in _METHODS else "other"
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.seconds.labels(method, route).observe(seconds)
        principal = getattr(request.state, "principal", None)
        log.info(
            "request",
            method=request.method[:_SHOWN],
            path=request.url.path[:_SHOWN],
            status=status,
            seconds=round(seconds, 4),
            principal=principal.name if principal else None,
        )


def _request_id(request: Request) -> str:
    """The caller's, when it is harmless in logs and headers, so that calls can be followed through;
    else a new one."""
    value = request.headers.get("x-request-id", "")
    if _SAFE_ID.fullmatch(value):
        return value
    return str(uuid.uuid4())

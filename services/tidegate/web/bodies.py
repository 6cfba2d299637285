"""Request bodies: small, JSON, shallow, storable. What Postgres or the JSON parser cannot hold is
refused here once, for every route, with a clear problem instead of a crash deeper down."""

import json
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidegate.core.errors import Problem, Remediation
from tidegate.web.problems import ApiError, answer, refuse, refused

DEPTH_LIMIT = 20
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class BodyMiddleware:
    """Reads the whole body, checks it, sets `request.state.body` (the parsed JSON or None), then
    hands it on."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            _check_target(request)
            body = b""
            if request.method in _WITH_BODY:
                body = await self._read(request)
            if body:
                request.state.body = parse(body)
            else:
                request.state.body = None
        except ApiError as error:
            await answer(request, error)(scope, receive, send)
            return
        pending = [body]

        async def replay() -> Message:
            if pending:
                return {"type": "http.request", "body": pending.pop(), "more_body": False}
            return await receive()

        await self._app(scope, replay, send)

    async def _read(self, request: Request) -> bytes:
        announced = request.headers.get("content-length", "0")
        if announced.isdigit() and int(announced[:20]) > self._limit:
            raise self._too_large()
        chunks: list[bytes] = []
        async for chunk in request.stream():
            chunks.append(chunk)
            if sum(map(len, chunks)) > self._limit:
                raise self._too_large()
        body = b"".join(chunks)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if body and kind != "application/json":
            detail = f"content type {kind[:80]!r} is not supported"
            problem = Problem("Content-Type", detail, Remediation("send application/json"))
            raise refused(415, "not-json", problem, {"Accept": "application/json"})
        return body

    def _too_large(self) -> ApiError:
        detail = f"the body has more than {self._limit} bytes"
        return refused(
            413,
            "too-large",
            Problem("/", detail, Remediation("put model files into the object store")),
        )


def _check_target(request: Request) -> None:
    if "\0" in request.url.path or b"%00" in request.scope["query_string"]:
        raise refuse(
            "url",
            "a NUL byte is in the path or query, which cannot be stored",
            Remediation("remove it"),
        )


def parse(body: bytes) -> Any:
    """The JSON value of a body. Raises ApiError (422) naming what cannot be taken."""
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as exc:  # also UnicodeDecodeError, and integers of thousands of digits
        detail = f"the body is not JSON ({str(exc)[:200]})"
        problem = Problem("/", detail, Remediation("check it with a JSON parser"))
        raise refused(422, "not-json", problem) from None
    _check_value(value)
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _too_deep() -> ApiError:
    return refuse(
        "/",
        f"the body is nested more than {DEPTH_LIMIT} levels deep",
        Remediation("send it flat: no field needs that depth"),
    )


def _check_value(value: Any) -> None:
    todo: list[tuple[Any, str, int]] = [(value, "", 1)]
    while todo:
        item, pointer, depth = todo.pop()
        if depth > DEPTH_LIMIT:
            raise _too_deep()
        if isinstance(item, str):
            _check_text(item, pointer or "/")
        elif isinstance(item, dict):
            for key in item:
                _check_text(key, pointer or "/")
            todo += [(inner, f"{pointer}/{key}", depth + 1) for key, inner in item.items()]
        elif isinstance(item, list):
            todo += [(inner, f"{pointer}/{index}", depth + 1) for index, inner in enumerate(item)]


def _check_text(text: str, pointer: str) -> None:
    if "\0" in text:
        raise refuse(
            pointer.replace("\0", "�"),
            "the text holds a NUL character, which cannot be stored",
            Remediation("remove it"),
        )
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise refuse(
            "/",
            "a text holds half of a surrogate pair, which is not Unicode",
            Remediation("send valid UTF-8"),
        )

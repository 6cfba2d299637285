"""Request bodies: small, JSON, shallow, of few values, storable. What Postgres or the JSON parser
cannot hold is refused here once, for every route, with a clear problem instead of a crash deeper
down. All of it is bounded before anything is validated, so that no body, whoever sends it, costs
more than a few milliseconds of the loop that also answers the probes."""

import asyncio
import json
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidegate.core.errors import Problem, Remediation
from tidegate.web.problems import ApiError, answer, refuse, refused

DEPTH_LIMIT = 20
VALUES_LIMIT = 5_000  # values and keys of a body; the largest that fits a schema has a tenth
OPEN_LIMIT = 4_096  # bytes of a body of somebody who has not logged in
READ_TIMEOUT_S = 20.0  # of a whole body
_IN_LOOP = 16_384  # bytes; a longer body is parsed in a thread
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
                body = await self._in_time(request)
            request.state.body = await _parsed(body)
        except ApiError as error:
            await answer(request, error)(scope, receive, send)
            return
        pending = [body]

        async def replay() -> Message:
            if pending:
                return {"type": "http.request", "body": pending.pop(), "more_body": False}
            return await receive()

        await self._app(scope, replay, send)

    async def _in_time(self, request: Request) -> bytes:
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                return await self._read(request)
        except TimeoutError:
            detail = f"the body did not arrive within {READ_TIMEOUT_S:g} s"
            problem = Problem("/", detail, Remediation("send it again, in one go"))
            raise refused(408, "too-slow", problem, {"Connection": "close"}) from None

    async def _read(self, request: Request) -> bytes:
        limit = self._limit
        if getattr(request.state, "principal", None) is None:
            limit = min(limit, OPEN_LIMIT)
        announced = request.headers.get("content-length", "0")
        if announced.isdigit() and int(announced[:20]) > limit:
            raise _too_large(limit)
        chunks: list[bytes] = []
        size = 0
        async for chunk in request.stream():
            chunks.append(chunk)
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
        body = b"".join(chunks)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if body and kind != "application/json":
            detail = f"content type {kind[:80]!r} is not supported"
            problem = Problem("Content-Type", detail, Remediation("send application/json"))
            raise refused(415, "not-json", problem, {"Accept": "application/json"})
        return body


async def _parsed(body: bytes) -> Any:
    if not body:
        return None
    if len(body) <= _IN_LOOP:
        return parse(body)
    return await run_in_threadpool(parse, body)


def _too_large(limit: int) -> ApiError:
    """What is left of the body is not read, so the connection ends with the answer."""
    detail = f"the body has more than {limit} bytes"
    remediation = Remediation("send less; model files belong into the object store")
    return refused(413, "too-large", Problem("/", detail, remediation), {"Connection": "close"})


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
    values = 1
    while todo:
        item, pointer, depth = todo.pop()
        if depth > DEPTH_LIMIT:
            raise _too_deep()
        if isinstance(item, str):
            _check_text(item, pointer or "/")
        elif isinstance(item, dict | list):
            values += len(item)
            if values > VALUES_LIMIT:
                raise _too_many()
        if isinstance(item, dict):
            for key in item:
                _check_text(key, pointer or "/")
            todo += [(inner, f"{pointer}/{key}", depth + 1) for key, inner in item.items()]
        elif isinstance(item, list):
            todo += [(inner, f"{pointer}/{index}", depth + 1) for index, inner in enumerate(item)]


def _too_many() -> ApiError:
    return refuse(
        "/",
        f"the body holds more than {VALUES_LIMIT} values",
        Remediation("send less at once: no field needs that many"),
    )


def _check_text(text: str, pointer: str) -> None:
    if "\0" in text:
        raise refuse(
            pointer.replace("\0", "�"),
            "the text holds a NUL character, which cannot be stored",
            Remediation("remove it"),
        )
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise refuse(
            "/",
            "a text holds half of a surrogate pair, which is not Unicode",
            Remediation("send valid UTF-8"),
        )

"""RFC 9457 problems: every answer that is not a success has this one shape, also the framework's
own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match

from tidegate.core.errors import VALUE_LIMIT, Problem, Remediation, TidegateError, Unfit, shown
from tidegate.schemas.responses.problems import ErrorItem, ProblemBody, RemediationOut

MEDIA_TYPE = "application/problem+json"
_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
_SECRET = frozenset({"password"})  # fields
# Who sends nonsense is told enough to mend it, and never more than that: of each answer
ERRORS_LIMIT = 20
DETAIL_LIMIT = 2_000  # characters
_PART_LIMIT = 300  # characters of a pointer or a detail of one error
ANSWER_LIMIT = 32_000  # bytes


@dataclass(frozen=True, slots=True)
class Place(Problem):
    """A problem that was found in what would be made of the input: on which step, by which rule,
    where."""

    step: str = ""
    rule: str = ""
    object: str = ""
    path: str = ""


class ApiError(TidegateError):
    """An expected refusal, answered as a problem.

    code: a stable word for programs. detail: names the value, the rule and the way out, for a
    person.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: Sequence[Problem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


def invalid(problems: Sequence[Problem]) -> ApiError:
    """422 for everything wrong with an input at once."""
    return ApiError(422, "invalid", listed(problems), problems)


def listed(problems: Sequence[Problem]) -> str:
    """The problems in one line, with their fields; those beyond `ERRORS_LIMIT` are counted."""
    shown_ones = problems[:ERRORS_LIMIT]
    parts = [f"{problem.field}: {problem.sentence}" for problem in shown_ones]
    more = len(problems) - len(shown_ones)
    if more:
        parts.append(f"and {more} more")
    return "; ".join(parts)


def refuse(field: str, detail: str, remediation: Remediation) -> ApiError:
    """422 for one field."""
    return invalid((Problem(field, detail, remediation),))


def refused(
    status: int, code: str, problem: Problem, headers: Mapping[str, str] | None = None
) -> ApiError:
    """One problem that is no fault of the input alone: its sentence is the answer's detail."""
    return ApiError(status, code, problem.sentence, (problem,), headers)


def render(error: ApiError, path: str, request_id: str) -> JSONResponse:
    """The answer for an error at this path."""
    body = ProblemBody(
        type="about:blank",
        title=HTTPStatus(error.status).phrase,
        status=error.status,
        detail=cut(error.detail, DETAIL_LIMIT),
        instance=cut(path, _PART_LIMIT),
        code=error.code,
        errors=[_error_item(p) for p in error.errors[:ERRORS_LIMIT]],
        request_id=request_id,
    )
    answer = _answer(body, error)
    while len(answer.body) > ANSWER_LIMIT and body.errors:  # a character may be many bytes
        body.errors = body.errors[: len(body.errors) // 2]
        answer = _answer(body, error)
    return answer


def _answer(body: ProblemBody, error: ApiError) -> JSONResponse:
    body.more_errors = len(error.errors) - len(body.errors)
    content = body.model_dump(exclude_none=True)
    return JSONResponse(content, error.status, error.headers, media_type=MEDIA_TYPE)


def cut(text: str, limit: int) -> str:
    """A text at a bounded length."""
    if len(text) <= limit:
        return text
    return text[: limit - 1] + "…"


def _error_item(problem: Problem) -> ErrorItem:
    way = problem.remediation
    remediation = RemediationOut(
        text=way.text, request=way.request or None, command=way.command or None
    )
    if not isinstance(problem, Place):
        return ErrorItem(
            pointer=cut(problem.field, _PART_LIMIT),
            detail=cut(problem.detail, DETAIL_LIMIT),
            remediation=remediation,
        )
    return ErrorItem(
        pointer=cut(problem.field, _PART_LIMIT),
        detail=cut(problem.detail, DETAIL_LIMIT),
        remediation=remediation,
        step=problem.step or None,
        rule=problem.rule or None,
        object=problem.object or None,
        path=problem.path or None,
    )


def install(app: FastAPI) -> None:
    """Answer our errors, the framework's and validation errors as problems."""
    app.add_exception_handler(ApiError, _on_error)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_validation)


def answer(request: Request, error: ApiError) -> JSONResponse:
    """Render with this request's path and id."""
    return render(error, request.url.path, getattr(request.state, "request_id", ""))


async def _on_error(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, ApiError)
    return answer(request, exc)


async def _on_http(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, HTTPException)
    detail = str(exc.detail)
    code = HTTPStatus(exc.status_code).phrase.lower().replace(" ", "-")
    if exc.status_code == HTTPStatus.NOT_FOUND:
        detail = f"there is nothing at {request.url.path}: /openapi.json lists every path"
    headers = dict(exc.headers or {})
    if exc.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = _allowed(request)
        detail = f"{request.method} is not possible at {request.url.path}: use {headers['Allow']}"
    return answer(request, ApiError(exc.status_code, code, detail, headers=headers))


def _allowed(request: Request) -> str:
    """Every method of the path: each has a route of its own, and the framework names those of the
    first alone."""
    taken = (method for method in _METHODS if _takes(request, method))
    return ", ".join(taken)


def _takes(request: Request, method: str) -> bool:
    scope = {**request.scope, "method": method}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)


async def _on_validation(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, RequestValidationError)
    return answer(request, invalid([_item(error) for error in exc.errors()]))


def _item(error: Mapping[str, Any]) -> Problem:
    """pydantic's error as ours: JSON pointers for the body, plain names for parameters and
    headers."""
    where, *path = error["loc"]
    if where == "body":
        pointer = "".join(f"/{cut(str(part), VALUE_LIMIT)}" for part in path)
    else:
        pointer = "/".join(cut(str(part), VALUE_LIMIT) for part in path)
    pointer = pointer or ("/" if where == "body" else str(where))
    cause = (error.get("ctx") or {}).get("error")
    if isinstance(cause, Unfit):
        return Problem(pointer, cause.detail, cause.remediation)
    match error["type"]:
        case "extra_forbidden":
            remediation = Remediation("remove it", "/openapi.json lists the known keys")
            return Problem(pointer, f"unknown key {shown(str(path[-1]))}", remediation)
        case "missing":
            what = "a JSON body is"
            if path:
                what = f"{str(path[-1])!r} is"
            return Problem(pointer, f"{what} required", Remediation("add it"))
    message = cut(error["msg"].removeprefix("Value error, "), _PART_LIMIT)
    secret = _SECRET & {str(part) for part in path}  # its value is not said back
    if secret or cause is not None:
        detail = message
    else:
        detail = f"{shown(error.get('input'))}: {message}"
    return Problem(pointer, detail, Remediation("send such a value"))


_MEANINGS = {
    400: "Malformed request",
    401: "No valid bearer token",
    403: "Not allowed to this principal",
    404: "Not found",
    405: "Method not allowed",
    408: "The body came too slowly",
    409: "Conflict with what is running or exists",
    412: "If-Match is stale",
    413: "Body too large",
    415: "Body is not JSON",
    422: "Invalid input",
    428: "If-Match is required",
    429: "Too many attempts",
    500: "A bug in Tidegate",
    502: "Kubeflow Pipelines failed, or refuses this installation",
    503: "The database, the worker or the cluster does not answer",
}


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI documentation of problems with these statuses."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _MEANINGS[status], "content": content} for status in statuses}

"""What can go wrong with a call, for whoever prints it."""

from collections.abc import Iterator, Sequence
from typing import Any

import httpx2
from pydantic import ValidationError

from tidegate.core.errors import TidegateError
from tidegate.schemas.responses.problems import ErrorItem

TEXT_LIMIT = 200  # characters of an answer that is no problem document


class Unreachable(TidegateError):  # noqa: N818  (an expected outcome, named after what it is)
    """Nobody answered: the change may or may not have happened. Repeat it with the same idempotency key."""


class ApiProblem(TidegateError):  # noqa: N818  (the RFC's word)
    """The service said no (RFC 9457). errors: each thing that is wrong, with its remediation."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        errors: Sequence[ErrorItem] = (),
        *,
        code: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(detail or title)
        self.status, self.title, self.detail = status, title, detail
        self.errors, self.code, self.request_id = tuple(errors), code, request_id


def problem_of(response: httpx2.Response) -> ApiProblem:
    """The problem in an error answer; a proxy on the way may answer something else."""
    try:
        body: Any = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict) or "title" not in body:
        return ApiProblem(response.status_code, response.reason_phrase, response.text[:TEXT_LIMIT])
    return ApiProblem(
        response.status_code,
        str(body["title"]),
        str(body.get("detail", "")),
        tuple(_items(body.get("errors"))),
        code=str(body.get("code", "")),
        request_id=str(body.get("request_id", "")),
    )


def _items(errors: Any) -> Iterator[ErrorItem]:
    """Each item that has the form of ours; a proxy on the way may have its own."""
    for error in errors if isinstance(errors, list) else ():
        try:
            yield ErrorItem.model_validate(error)
        except ValidationError:
            continue

"""What can go wrong with a call, for whoever prints it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
from pydantic import ValidationError

from tidegate.core.errors import Remediation, TidegateError
from tidegate.core.shown_address import shown_address

_TEXTS = ("pointer", "detail", "step", "object", "path", "rule")  # of a fault
TEXT_LIMIT = 200  # characters of an answer that is no problem document


class Unreachable(TidegateError):  # noqa: N818  (an expected outcome, named after what it is)
    """Nobody answered: the change may or may not have happened. Repeat it with the same idempotency
    key."""


class UnreadableAnswer(TidegateError, ValueError):  # noqa: N818  (an expected outcome, named after what it is)
    """Something answered, but not what this client reads: another program, or another version of
    the service."""

    def __init__(self, base_url: str, error: ValidationError) -> None:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        super().__init__(
            f"{shown_address(base_url)} does not answer as this version of Tidegate does ({place}: "
            f"{first['msg']}): is it another one?"
        )


NO_REMEDIATION = Remediation("")  # of a proxy's refusal, or of another version's


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a request, and what to do about it. pointer: where in its body
    (RFC 6901), or a parameter's name. step, object, path, rule: of a fault that preflight found; ""
    where they say nothing."""

    pointer: str = ""
    detail: str = ""
    step: str = ""
    object: str = ""
    path: str = ""
    rule: str = ""
    remediation: Remediation = NO_REMEDIATION


class ApiProblem(TidegateError):  # noqa: N818  (the RFC's word)
    """The service said no (RFC 9457). errors: each thing that is wrong."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        errors: Sequence[Fault] = (),
        *,
        code: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(detail or title)
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.code = code
        self.request_id = request_id


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
        [_fault(error) for error in body.get("errors") or () if isinstance(error, dict)],
        code=str(body.get("code", "")),
        request_id=str(body.get("request_id", "")),
    )


def _fault(error: Mapping[str, Any]) -> Fault:
    texts = {name: str(error.get(name) or "") for name in _TEXTS}
    way = error.get("remediation")
    remediation = NO_REMEDIATION
    if isinstance(way, dict):
        remediation = _remediation(way)
    return Fault(**texts, remediation=remediation)


def _remediation(way: Mapping[str, Any]) -> Remediation:
    return Remediation(*(str(way.get(name) or "") for name in ("text", "request", "command")))

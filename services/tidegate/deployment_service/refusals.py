"""Callers who are known and may not, or whose spec names what its tenant may not: refused, logged,
kept in the ledger.

The call's own transaction is rolled back, so the line is written in one of its own: to the
endpoint's chain where the endpoint exists, else to the installation's.
"""

from collections.abc import Sequence

import structlog
from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from tidegate.core.errors import Problem
from tidegate.core.intent import EndpointKey
from tidegate.deployment_service.calls import services_of
from tidegate.store import endpoints, ledger, rollouts
from tidegate.store.engine import Tx
from tidegate.store.errors import StoreUnavailable
from tidegate.store.installation import store_id
from tidegate.web import problems
from tidegate.web.access import Forbidden
from tidegate.web.problems import ApiError, listed

log = structlog.get_logger("access")


class NotAllowedError(ApiError):
    """422 with everything that the tenant of `key` may not name."""

    def __init__(self, key: EndpointKey, problems: Sequence[Problem]) -> None:
        super().__init__(422, "not-allowed", listed(problems), problems)
        self.key = key


async def on_refusal(request: Request, exc: Exception) -> Response:
    """Answer a refusal, after it was recorded."""
    assert isinstance(exc, Forbidden | NotAllowedError)
    await run_in_threadpool(_record, request, exc)
    return problems.answer(request, exc)


def _record(request: Request, refusal: Forbidden | NotAllowedError) -> None:
    who = request.state.principal.name
    operation = getattr(request.scope.get("route"), "operation_id", None) or ""
    body = {
        "operation": operation, "method": request.method, "path": request.url.path[:500], "code": refusal.code,
        "fields": [problem.field for problem in refusal.errors], "request_id": request.state.request_id,
    }  # fmt: skip
    if isinstance(refusal, NotAllowedError):
        body["endpoint"] = str(refusal.key)
    log.warning("refused", principal=who, message=refusal.detail, **body)
    try:
        with services_of(request).store.begin() as tx:
            ledger.append(
                tx,
                _chain(tx, refusal, request.path_params),
                ledger.Line(who, "refused", refusal.detail, body),
            )
    except StoreUnavailable as error:
        log.error("refusal not recorded", error=str(error), **body)  # noqa: TRY400  (expected: no traceback)


def _chain(tx: Tx, refusal: Forbidden | NotAllowedError, path: dict[str, str]) -> str:
    key = None
    if isinstance(refusal, NotAllowedError):
        key = refusal.key
    if key is None and "rollout_id" in path:
        rollout = rollouts.get(tx, path["rollout_id"])
        key = None
        if rollout:
            key = rollout.key
    elif key is None and "namespace" in path and "name" in path:
        key = EndpointKey(path["namespace"], path["name"])
    endpoint = None
    if key:
        endpoint = endpoints.get(tx, key)
    if endpoint:
        return endpoint.id
    return store_id(tx)

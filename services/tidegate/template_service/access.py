"""Who may call what: one table of every route. A route that is not in it is closed to everybody.

Users of a trusted proxy have no role here: KFP is asked in their name, and decides.
"""

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from tidegate.core.access import Role, namespaces
from tidegate.template_service.callers import Caller
from tidegate.web.access import ANY_CALLER, OPEN, Need, Where, no_rule

_WATCH = Need(Role.VIEWER, Where.CHOSEN)
_RUN = Need(Role.EDITOR, Where.CHOSEN)

NEEDS: dict[str, Need] = {
    # by operation id
    "healthz": OPEN,
    "livez": OPEN,
    "readyz": OPEN,
    "metrics": OPEN,
    "version": OPEN,
    "openapi": ANY_CALLER,
    "listTemplates": ANY_CALLER,
    "getTemplate": ANY_CALLER,
    "downloadTemplate": ANY_CALLER,
    "renderTemplate": ANY_CALLER,
    "submitTemplate": _RUN,
    "uploadCatalog": _RUN,
    "listRuns": _WATCH,
    "getRun": _WATCH,
    "watchRun": _WATCH,
}


async def enforce(request: Request) -> None:
    """The dependency of every route of the API. The route checks the namespace, once it is known;
    whoever has the role nowhere gets no further than here. Raises Forbidden."""
    caller: Caller = request.state.principal
    operation = getattr(request.scope["route"], "operation_id", None) or ""
    need = NEEDS.get(operation)
    if need is None:
        raise no_rule(operation or request.url.path)
    request.state.need = need
    if need.where is Where.CHOSEN and namespaces(caller.grants, need.role) == frozenset():
        await run_in_threadpool(caller.check, need.role, "")  # refused there, and recorded

"""What came of rollouts in trial."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from tidegate.deployment_service import trials
from tidegate.deployment_service.access import visible
from tidegate.deployment_service.calls import ReadCall, respond
from tidegate.deployment_service.routes import READ
from tidegate.deployment_service.routes.series import epoch
from tidegate.schemas import responses as out
from tidegate.store import trials as stored
from tidegate.store.engine import clock

router = APIRouter(prefix="/reports", tags=["reports"])

MONTH = 30 * 86_400.0
MOST = 1000  # rollouts


@router.get(
    "/trial", operation_id="getTrialReport", response_model=out.TrialReportOut, responses=READ
)
def report(
    caller: ReadCall,
    namespace: Annotated[str | None, Query(description="Only this tenant.")] = None,
    since: Annotated[
        datetime | None,
        Query(description="Rollouts that started since then; left out: 30 days ago."),
    ] = None,
) -> Response:
    """How often the verdicts on rollouts in trial and the people agreed, and where they did not."""
    namespaces = visible(caller, namespace)
    with caller.services.store.read() as tx:
        start = clock(tx) - MONTH
        if since is not None:
            start = epoch(since, "since")
        rollouts = stored.in_trial(tx, namespaces, start, MOST)
    return respond(trials.report(start, rollouts, MOST))

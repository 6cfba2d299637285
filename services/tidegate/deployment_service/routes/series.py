"""What charts are drawn from: a rollout's samples, an endpoint's traffic over time."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from tidegate.core.errors import Remediation, shown
from tidegate.core.intent import EndpointKey
from tidegate.core.own.spec import NAME
from tidegate.deployment_service import lookup, series
from tidegate.deployment_service.calls import ReadCall, respond
from tidegate.deployment_service.routes import READ
from tidegate.schemas import responses as out
from tidegate.store import samples
from tidegate.store.engine import clock
from tidegate.store.values import StoredRollout
from tidegate.web.problems import refuse

of_endpoint = APIRouter(prefix="/endpoints/{namespace}/{name}", tags=["endpoints"])
of_rollout = APIRouter(prefix="/rollouts/{rollout_id}", tags=["rollouts"])

DAY = 86_400.0
POINTS = 400
MOST_POINTS = 1000
MOST_CHANGES = 500


@of_rollout.get(
    "/series", operation_id="getRolloutSeries", response_model=out.SeriesOut, responses=READ
)
def rollout_series(
    caller: ReadCall,
    rollout_id: str,
    metric: Annotated[
        str | None,
        Query(description="Only this metric; left out: all of them.", pattern=NAME),
    ] = None,
    points: Annotated[
        int, Query(ge=2, le=MOST_POINTS, description="Most samples that are answered.")
    ] = POINTS,
) -> Response:
    """A rollout over time: the candidate's share desired, routed and measured, and the evidence of
    each metric."""
    with caller.services.store.read() as tx:
        stored = lookup.rollout_by_id(tx, rollout_id)
        _check_metric(metric, stored)
        kept = samples.of_rollout(tx, rollout_id)
    return respond(series.of_rollout(stored, kept, points, metric))


@of_endpoint.get(
    "/traffic", operation_id="getTraffic", response_model=out.TrafficHistoryOut, responses=READ
)
def traffic(
    caller: ReadCall,
    namespace: str,
    name: str,
    since: Annotated[
        datetime | None,
        Query(description="Beginning of the window; left out: a day before `until`."),
    ] = None,
    until: Annotated[
        datetime | None, Query(description="End of the window; left out: now.")
    ] = None,
) -> Response:
    """What an endpoint's traffic should be and was, over time. What was routed is known for
    TIDEGATE_SAMPLES_DAYS."""
    key = EndpointKey(namespace, name)
    with caller.services.store.read() as tx:
        endpoint = lookup.recorded(tx, key)
        end = clock(tx)
        if until is not None:
            end = epoch(until, "until")
        start = end - DAY
        if since is not None:
            start = epoch(since, "since")
        if start >= end:
            raise refuse("since", "is not before `until`", Remediation("send an earlier time"))
        appended = samples.intents(tx, key, start, end, MOST_CHANGES)
        routed = samples.routed(tx, endpoint.id, start, end, MOST_CHANGES)
    return respond(series.traffic(start, end, appended, routed, MOST_CHANGES))


def _check_metric(metric: str | None, stored: StoredRollout) -> None:
    """Raises ApiError (422) where a rollout has no such metric."""
    own = (each.label for each in stored.rollout.strategy.metrics)
    names = dict.fromkeys((*out.MetricName, *own))
    if metric is not None and metric not in names:
        detail = f"{shown(metric)} is no metric of this rollout"
        raise refuse("metric", detail, Remediation(f"send one of {', '.join(names)}"))


def epoch(time: datetime, field: str) -> float:
    """Epoch seconds. A time without a zone could be anybody's."""
    if time.tzinfo is None:
        raise refuse(
            field, "has no time zone", Remediation("send one, such as 2026-01-01T12:00:00Z")
        )
    return time.timestamp()

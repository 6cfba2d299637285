"""Metrics of people's own in a plan."""

from typing import Annotated

from pydantic import Field, StrictInt, StrictStr, StringConstraints

from tidegate.core import bounds
from tidegate.core.on_fail import OnFail
from tidegate.core.own.promql import LONGEST
from tidegate.core.own.spec import NAME, BurnRate
from tidegate.core.strategy import DEFAULT_METRICS
from tidegate.schemas.requests.fields import Body

_ERRORS = DEFAULT_METRICS[0]
_BURN = BurnRate(0.999)
Query = Annotated[StrictStr, StringConstraints(min_length=1, max_length=LONGEST)]


class BurnRateIn(Body):
    """How fast the error budget of an objective may be used."""

    objective: Annotated[
        Annotated[float, Field(gt=0, lt=1)],
        Field(description="Share of good units that is promised", examples=[0.999]),
    ]
    factor: Annotated[
        Annotated[float, Field(gt=0, le=1000)],
        Field(description="How many times as fast as the budget allows is a fail", examples=[14.4]),
    ] = _BURN.factor
    windows_seconds: Annotated[
        list[Annotated[float, Field(ge=1, le=bounds.WEEK)]],
        Field(
            min_length=2,
            max_length=2,
            description="Two windows in seconds, the longer first; a fail needs it in both",
            examples=[[3600, 300]],
        ),
    ] = list(_BURN.windows)  # noqa: RUF012  (pydantic copies it)


class OwnMetricIn(Body):
    """One metric of your own: counters (`good` and `total`), a `mean` with an `objective`, a
    `burn_rate`, or the name of a ready-made metric alone. Queries are PromQL with the placeholders
    `$pods` (after =~), `$revision` and `$namespace` in quotes and `[$window]` as a range; they read
    the endpoint's namespace and no other."""

    name: Annotated[
        Annotated[StrictStr, StringConstraints(pattern=NAME)],
        Field(
            description="Its name, once in a plan; triton_queue_time, triton_failures and "
            "gpu_seconds_per_request need no query",
            examples=["checkout"],
        ),
    ]
    good: Annotated[
        Query | None,
        Field(
            description="Counters of good units: selectors, or sum() of them, with + between",
            examples=['checkout_total{pod=~"$pods",result="ok"}'],
        ),
    ] = None
    total: Annotated[
        Query | None,
        Field(description="Counters of all units", examples=['checkout_total{pod=~"$pods"}']),
    ] = None
    mean: Annotated[
        Query | None,
        Field(
            description="One value of an interval, which is compared with `objective`",
            examples=[None],
        ),
    ] = None
    max: Annotated[
        Annotated[float, Field(gt=0, le=1e12)] | None,
        Field(
            description="Of a mean: its largest value, at which greater ones are cut off; null: "
            "four times the objective",
            examples=[None],
        ),
    ] = None
    objective: Annotated[
        Annotated[float, Field(gt=0, le=1e12)] | None,
        Field(
            description="What it is compared with: of counters a share of bad units instead of "
            "stable's, of a mean a value",
            examples=[None],
        ),
    ] = None
    fail_margin: Annotated[
        Annotated[float, Field(ge=bounds.FAIL_MARGIN.ge, lt=bounds.FAIL_MARGIN.lt)],
        Field(
            description="Of counters: how much above stable's share of bad units is a fail",
            examples=[0.0],
        ),
    ] = _ERRORS.fail_margin
    pass_margin: Annotated[
        Annotated[float, Field(gt=bounds.PASS_MARGIN.gt, lt=bounds.PASS_MARGIN.lt)],
        Field(
            description="Of counters: how much above stable's share is still a pass",
            examples=[0.01],
        ),
    ] = _ERRORS.pass_margin
    burn_rate: Annotated[
        BurnRateIn | None,
        Field(
            description="Of an error budget; of good and total, or of all answers without them",
            examples=[None],
        ),
    ] = None
    min_requests: Annotated[
        Annotated[StrictInt, Field(ge=bounds.MIN_REQUESTS.ge, le=bounds.MIN_REQUESTS.le)],
        Field(
            description="Least units of the candidate (of a mean: requests) before a verdict",
            examples=[20],
        ),
    ] = _ERRORS.min_requests
    on_fail: Annotated[
        OnFail,
        Field(
            description="What a fail does: abort (back to stable), pause, or notify (a condition "
            "and an alert; nothing waits for the metric)",
            examples=["abort"],
        ),
    ] = OnFail.ABORT

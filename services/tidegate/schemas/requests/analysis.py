"""How a candidate is judged: metrics, their margins and allowances, and how sure a verdict is."""

from typing import Annotated

from pydantic import Field, StrictInt

from tidegate.core import bounds
from tidegate.core.incidents import Limits
from tidegate.core.on_fail import OnFail
from tidegate.core.own.spec import MOST
from tidegate.core.strategy import ALPHA, DEFAULT_METRICS
from tidegate.core.windows import NOISE_WINDOW
from tidegate.schemas.requests.fields import WEEK, Body
from tidegate.schemas.requests.own import OwnMetricIn

_ERRORS = DEFAULT_METRICS[0]

_ON_FAIL = (
    "What a fail does: abort (back to stable), pause, or notify (a condition and an alert; nothing "
    "waits for the metric)"
)
Follows = Annotated[OnFail, Field(description=_ON_FAIL, examples=["abort"])]


class SharesIn(Body):
    """How much of a metric is a fail or a pass. Margins and the objective are shares of requests, 0..1."""

    fail_margin: Annotated[
        Annotated[float, Field(ge=bounds.FAIL_MARGIN.ge, lt=bounds.FAIL_MARGIN.lt)],
        Field(
            description="How much above stable's rate is a fail, as a share of requests",
            examples=[0.0],
        ),
    ] = _ERRORS.fail_margin
    pass_margin: Annotated[
        Annotated[float, Field(gt=bounds.PASS_MARGIN.gt, lt=bounds.PASS_MARGIN.lt)],
        Field(
            description="How much above stable's rate is still a pass, as a share of requests",
            examples=[0.01],
        ),
    ] = _ERRORS.pass_margin
    objective: Annotated[
        Annotated[float, Field(gt=0, lt=1)] | None,
        Field(
            description="Rate to compare with instead of stable's, as a share of requests",
            examples=[0.001],
        ),
    ] = None
    min_requests: Annotated[
        Annotated[StrictInt, Field(ge=bounds.MIN_REQUESTS.ge, le=bounds.MIN_REQUESTS.le)],
        Field(description="Least requests of the candidate before a verdict", examples=[20]),
    ] = _ERRORS.min_requests


class MetricIn(SharesIn):
    """One metric of the candidate."""

    on_fail: Follows = OnFail.ABORT


class RejectionsIn(Body):
    """Requests that the candidate refuses with another 4xx (gRPC: its kin), compared with stable.
    They can only fail: a pass never waits for them."""

    fail_margin: Annotated[
        Annotated[float, Field(ge=bounds.FAIL_MARGIN.ge, lt=bounds.FAIL_MARGIN.lt)],
        Field(
            description="How much above stable's rate is a fail, as a share of requests",
            examples=[0.0],
        ),
    ] = _ERRORS.fail_margin
    on_fail: Follows = OnFail.ABORT


class SaturationIn(Body):
    """Requests that the candidate turns away for want of capacity (429), compared with stable. They
    can only fail."""

    on_fail: Annotated[OnFail, Field(description=_ON_FAIL, examples=["pause"])] = OnFail.PAUSE


class LatencyIn(SharesIn):
    """Slow: above `latency_threshold_ms`, which is a bound of an existing histogram bucket. Without
    it every bucket is compared with stable, which can only fail: where it is shown and some bucket
    differs by more than two points."""

    latency_threshold_ms: Annotated[
        Annotated[float, Field(gt=bounds.LATENCY_MS.gt, le=bounds.LATENCY_MS.le)] | None,
        Field(
            description="Milliseconds above which a request is slow; the bound of a histogram "
            "bucket; null: every bucket is compared",
            examples=[250.0],
        ),
    ] = None
    on_fail: Annotated[
        OnFail | None,
        Field(
            description="What a fail does: abort (back to stable), pause, or notify (a condition "
            "and an alert; nothing waits for the metric); null: abort with a threshold, pause "
            "without. A gross slowdown always aborts",
            examples=["pause"],
        ),
    ] = None


class RestartsIn(Body):
    """How often the candidate's containers may restart in the rollout, beyond what stable's did at
    the same time."""

    allowed: Annotated[
        Annotated[StrictInt, Field(ge=0, le=10_000)],
        Field(description="Restarts that are allowed", examples=[2]),
    ] = Limits().restarts
    on_fail: Follows = OnFail.ABORT


class OomKillsIn(Body):
    """How many of the candidate's containers may be killed for memory in the rollout, beyond
    stable's at that time."""

    allowed: Annotated[
        Annotated[StrictInt, Field(ge=0, le=10_000)],
        Field(description="Kills that are allowed", examples=[0]),
    ] = Limits().oom_kills
    on_fail: Follows = OnFail.ABORT


class NoReadyPodsIn(Body):
    """How long, in one step, the candidate may have a share of the traffic and no ready pod while
    stable has one."""

    allowed_seconds: Annotated[
        Annotated[float, Field(ge=0, le=WEEK)],
        Field(description="Seconds that are allowed", examples=[20.0]),
    ] = Limits().no_ready_pods
    on_fail: Follows = OnFail.ABORT


class ExperimentIn(Body):
    """Your own experiment with an A/B: whether the candidate succeeds as often as stable. Margins
    are shares of units: `fail` is less often than stable by more than `fail_margin`, `pass` is not
    less often by `pass_margin` or more; 0 asks for a candidate that succeeds more often, -0.01 for
    one that does by more than a point."""

    fail_margin: Annotated[
        Annotated[float, Field(ge=bounds.FAIL_MARGIN.ge, lt=bounds.FAIL_MARGIN.lt)],
        Field(
            description="How much less often than stable is a fail, as a share of units",
            examples=[0.0],
        ),
    ] = _ERRORS.fail_margin
    pass_margin: Annotated[
        Annotated[float, Field(gt=bounds.EXPERIMENT_MARGIN.gt, lt=bounds.EXPERIMENT_MARGIN.lt)],
        Field(
            description="How much less often than stable is still a pass, as a share of units",
            examples=[0.01],
        ),
    ] = _ERRORS.pass_margin
    min_requests: Annotated[
        Annotated[StrictInt, Field(ge=bounds.MIN_REQUESTS.ge, le=bounds.MIN_REQUESTS.le)],
        Field(description="Least units of the candidate before a verdict", examples=[20]),
    ] = _ERRORS.min_requests
    on_fail: Follows = OnFail.ABORT


class MetricsIn(Body):
    """What is measured; all but experiment and own are where nothing else is said."""

    errors: Annotated[MetricIn, Field(description="Faults of the server; always judged")] = (
        MetricIn()
    )
    rejections: Annotated[
        RejectionsIn, Field(description="Refused requests; always judged, can only fail")
    ] = RejectionsIn()
    saturation: Annotated[
        SaturationIn, Field(description="Requests turned away for want of capacity; always judged")
    ] = SaturationIn()
    latency: Annotated[LatencyIn | None, Field(description="Slow requests; null: not judged")] = (
        LatencyIn()
    )
    restarts: Annotated[RestartsIn, Field(description="Restarts of containers; always judged")] = (
        RestartsIn()
    )
    oom_kills: Annotated[OomKillsIn, Field(description="Kills for memory; always judged")] = (
        OomKillsIn()
    )
    no_ready_pods: Annotated[
        NoReadyPodsIn, Field(description="Seconds with a share and no ready pod; always judged")
    ] = NoReadyPodsIn()
    experiment: Annotated[
        ExperimentIn | None, Field(description="The caller's own experiment; left out: none")
    ] = None
    own: Annotated[
        list[OwnMetricIn],
        Field(max_length=MOST, description="Metrics of the caller's own, judged beside the others"),
    ] = []  # noqa: RUF012  (pydantic copies it)


class AnalysisIn(Body):
    """How the candidate is judged: by which metrics, and how sure a verdict is."""

    alpha: Annotated[
        Annotated[float, Field(gt=bounds.ALPHA.gt, le=bounds.ALPHA.le)],
        Field(
            description="Chance, per rollout, that a candidate no worse than stable fails; above 0 "
            "and at most 0.5",
            examples=[0.01],
        ),
    ] = ALPHA
    noise_window_seconds: Annotated[
        Annotated[float, Field(ge=bounds.NOISE_WINDOW.ge, le=bounds.NOISE_WINDOW.le)],
        Field(
            description="Length of the windows of time none of which decides alone: a pass takes "
            "more than four of them",
            examples=[60.0],
        ),
    ] = NOISE_WINDOW
    metrics: Annotated[MetricsIn, Field(description="What is judged, and how")] = MetricsIn()

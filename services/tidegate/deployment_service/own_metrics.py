"""From people's own metrics in a request to those of a plan, and back. Pure."""

from collections.abc import Iterator, Sequence

from tidegate.core.analysis import Metric, MetricKind
from tidegate.core.errors import Problem, Remediation
from tidegate.core.findings import IncidentKind
from tidegate.core.own import spec
from tidegate.core.own.spec import BurnRate, Own, ReadyMade
from tidegate.schemas.requests.own import BurnRateIn, OwnMetricIn

FIELD = "/analysis/metrics/own"
QUEUE_MS = 50.0  # what a request may wait in Triton's queue where nothing else is said
_MOST = 4.0  # times the objective: the largest value of a mean where none is said
_TAKEN = frozenset((*MetricKind, *IncidentKind))
_FORMS = (
    f"send good and total, or mean, or burn_rate, or one of the names {', '.join(ReadyMade)} alone"
)


def metrics_of(items: Sequence[OwnMetricIn]) -> tuple[Metric, ...]:
    """The metrics of a plan. Those with problems are what is left of them."""
    return tuple(map(_metric, items))


def check(items: Sequence[OwnMetricIn], namespace: str) -> Iterator[Problem]:
    """Everything that is wrong with them, by field. namespace: of the endpoint."""
    seen: set[str] = set()
    for index, item in enumerate(items):
        field = f"{FIELD}/{index}"
        if item.name in _TAKEN:
            detail = f"{item.name!r} is the name of a metric that is judged anyway"
            yield Problem(f"{field}/name", detail, Remediation("choose another name"))
        if item.name in seen:
            detail = f"{item.name!r} is there twice"
            yield Problem(f"{field}/name", detail, Remediation("choose another name"))
        seen.add(item.name)
        problems = list(_check_form(item, field)) or list(_check_numbers(item, field))
        yield from problems
        if not problems:
            own = _own(item)
            yield from spec.check(own, namespace, field)


def _ready(item: OwnMetricIn) -> ReadyMade | None:
    if item.name in tuple(ReadyMade):
        return ReadyMade(item.name)
    return None


def _is_mean(item: OwnMetricIn) -> bool:
    return item.mean is not None or _ready(item) in (ReadyMade.QUEUE_TIME, ReadyMade.GPU_SECONDS)


def _check_form(item: OwnMetricIn, field: str) -> Iterator[Problem]:
    """Whether it is exactly one of the forms."""
    counters = item.good is not None or item.total is not None
    forms = sum((counters or item.burn_rate is not None, item.mean is not None))
    if _ready(item) is not None and forms:
        yield Problem(
            f"{field}/name",
            f"{item.name!r} is the name of a ready-made metric, which needs no query",
            Remediation("leave the query out, or choose another name"),
        )
    elif _ready(item) is None and not forms:
        detail = f"{item.name!r} has no query, and is no ready-made metric"
        yield Problem(field, detail, Remediation(_FORMS))
    elif forms > 1:
        detail = f"{item.name!r} has a mean beside counters or a burn rate"
        yield Problem(f"{field}/mean", detail, Remediation("make it two metrics"))
    elif (item.good is None) != (item.total is None):
        lacking = "total" if item.total is None else "good"
        yield Problem(
            f"{field}/{lacking}",
            "is missing: bad units are those of total that are not good",
            Remediation(f"send {lacking}, too"),
        )


def _check_numbers(item: OwnMetricIn, field: str) -> Iterator[Problem]:
    if _is_mean(item):
        yield from _check_mean(item, field)
        return
    if item.max is not None:
        yield _unfit(f"{field}/max", "belongs to a mean")
    if item.burn_rate is not None:
        yield from _check_burn(item, item.burn_rate, field)
    elif item.objective is not None and item.objective >= 1:
        yield Problem(
            f"{field}/objective",
            f"{item.objective:g} is not below 1: of counters it is a share of bad units",
            Remediation("send a share; 0.01 is one of a hundred"),
        )


def _check_mean(item: OwnMetricIn, field: str) -> Iterator[Problem]:
    objective = _objective(item)
    if objective is None:
        yield Problem(
            f"{field}/objective",
            "is missing: a mean is compared with it",
            Remediation("send the value that the mean must stay below"),
        )
    elif item.max is not None and item.max <= objective:
        yield Problem(
            f"{field}/max",
            f"{item.max:g} is not above the objective of {objective:g}",
            Remediation("send about four times the objective, or leave it out"),
        )


def _check_burn(item: OwnMetricIn, burn: BurnRateIn, field: str) -> Iterator[Problem]:
    if item.objective is not None:
        yield _unfit(f"{field}/objective", "is that of burn_rate")
    long, short = burn.windows_seconds
    if long <= short:
        yield Problem(
            f"{field}/burn_rate/windows_seconds",
            f"{long:g} is not above {short:g}",
            Remediation("send the longer window first"),
        )


def _unfit(field: str, detail: str) -> Problem:
    return Problem(field, f"does not fit here, for it {detail}", Remediation("leave it out"))


def _objective(item: OwnMetricIn) -> float | None:
    if item.objective is None and _ready(item) is ReadyMade.QUEUE_TIME:
        return QUEUE_MS
    return item.objective


def _most(item: OwnMetricIn) -> float:
    objective = _objective(item)
    if item.max is not None or objective is None:
        return item.max or 1.0
    return _MOST * objective


def _own(item: OwnMetricIn) -> Own:
    burn = None
    if item.burn_rate is not None:
        long, short = item.burn_rate.windows_seconds
        burn = BurnRate(item.burn_rate.objective, item.burn_rate.factor, (long, short))
    return Own(
        item.name,
        item.good or "",
        item.total or "",
        item.mean or "",
        _most(item),
        _ready(item),
        burn,
    )


def _metric(item: OwnMetricIn) -> Metric:
    own = _own(item)
    objective = _objective(item)
    if own.burn is not None:
        objective = own.burn.share
    elif own.is_mean and objective is not None:
        objective /= own.most
    return Metric(
        MetricKind.OWN,
        item.fail_margin,
        item.pass_margin,
        objective,
        min_requests=item.min_requests,
        on_fail=item.on_fail,
        own=own,
    )


def answered(metrics: Sequence[Metric]) -> list[OwnMetricIn]:
    """The same fields as in the request that made a plan."""
    return [_answered(metric, metric.own) for metric in metrics if metric.own is not None]


def _answered(metric: Metric, own: Own) -> OwnMetricIn:
    objective = metric.objective
    most = None
    burn = None
    if own.is_mean and objective is not None:
        objective *= own.most
        most = own.most
    if own.burn is not None:
        objective = None
        windows = list(own.burn.windows)
        burn = BurnRateIn(
            objective=own.burn.objective, factor=own.burn.factor, windows_seconds=windows
        )
    return OwnMetricIn(
        name=own.name,
        good=own.good or None,
        total=own.total or None,
        mean=own.mean or None,
        max=most,
        objective=objective,
        fail_margin=metric.fail_margin,
        pass_margin=metric.pass_margin,
        burn_rate=burn,
        min_requests=metric.min_requests,
        on_fail=metric.consequence,
    )

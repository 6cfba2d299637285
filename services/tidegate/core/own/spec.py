"""What a metric of people's own is: counters of which a part is good, or the mean of a bounded
quantity. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tidegate.core.errors import Problem, Remediation
from tidegate.core.own.promql import Subject, counters, expression
from tidegate.core.own.tokens import Refused
from tidegate.core.triton.metrics import FAILURE, GPU_USE, QUEUE_US, SUCCESS

NAME = r"^[a-z]([a-z0-9_-]{0,38}[a-z0-9])?$"
MOST = 10  # of a plan


class ReadyMade(StrEnum):
    """Metrics that need no query: their names."""

    QUEUE_TIME = "triton_queue_time"  # milliseconds that a request waits in Triton's queue
    FAILURES = "triton_failures"  # requests that Triton itself counts as failed
    GPU_SECONDS = "gpu_seconds_per_request"


@dataclass(frozen=True, slots=True)
class BurnRate:
    """How fast an error budget is used. objective: share of good units that is promised (0.999).
    factor: how many times as fast as the budget allows is a fail. windows: seconds, the longer
    first; a fail needs it in each of them, so that an outage that is over fails nobody."""

    objective: float
    factor: float = 14.4
    windows: tuple[float, float] = (3600.0, 300.0)

    @property
    def share(self) -> float:
        """The share of bad units that uses the budget that fast."""
        return self.factor * (1 - self.objective)


@dataclass(frozen=True, slots=True)
class Own:
    """One metric of people's own. good, total: counters of units, PromQL. mean: PromQL of one
    value. most: the largest value of a mean, in its unit. ready: a metric of a name that needs no
    query. burn: of the units of good and total, or of all answers where these are empty."""

    name: str
    good: str = ""
    total: str = ""
    mean: str = ""
    most: float = 1.0
    ready: ReadyMade | None = None
    burn: BurnRate | None = None

    @property
    def is_mean(self) -> bool:
        """Whether it is a mean, and not a share."""
        return bool(self.mean) or self.ready in (ReadyMade.QUEUE_TIME, ReadyMade.GPU_SECONDS)

    @property
    def of_tallies(self) -> bool:
        """Whether it is read as counters, also where their quotient is a mean."""
        return bool(self.total) or self.ready in (ReadyMade.QUEUE_TIME, ReadyMade.FAILURES)

    @property
    def of_answers(self) -> bool:
        """Whether it judges the answers that the data plane counts: nothing else is read."""
        return not (self.of_tallies or self.is_mean)

    @property
    def scale(self) -> float:
        """By what the quotient of its counters is divided: Triton counts microseconds."""
        if self.ready is ReadyMade.QUEUE_TIME:
            return 1000.0
        return 1.0

    @property
    def queries(self) -> "Queries":
        """What is read of it, unbound."""
        return _READY[self.ready] if self.ready else Queries(self.good, self.total, self.mean)


@dataclass(frozen=True, slots=True)
class Queries:
    """PromQL, unbound: two sums of counters, or one expression."""

    part: str = ""
    whole: str = ""
    value: str = ""


def _of_pods(name: str, window: str = "") -> str:
    return f'{name}{{pod=~"$pods"}}{window}'


# avg_over_time is a share of the window, rate is requests per second of it: seconds per request
_GPU = (
    f"sum(avg_over_time({_of_pods(GPU_USE, '[$window]')})) / "
    f"sum(rate({_of_pods(SUCCESS, '[$window]')}))"
)
_READY: Mapping[ReadyMade, Queries] = {
    ReadyMade.QUEUE_TIME: Queries(_of_pods(QUEUE_US), _of_pods(SUCCESS)),
    ReadyMade.FAILURES: Queries(_of_pods(SUCCESS), f"{_of_pods(SUCCESS)} + {_of_pods(FAILURE)}"),
    ReadyMade.GPU_SECONDS: Queries(value=_GPU),
}


def check(own: Own, namespace: str, field: str) -> Iterator[Problem]:
    """What is wrong with its queries and its burn rate. field: JSON pointer to the metric."""
    for name, text in (("good", own.good), ("total", own.total)):
        if text:
            yield from _check_query(text, namespace, f"{field}/{name}", mean=False)
    if own.mean:
        yield from _check_query(own.mean, namespace, f"{field}/mean", mean=True)
    if own.burn is not None and own.burn.share >= 1:
        yield Problem(
            f"{field}/burn_rate/factor",
            f"{own.burn.factor:g} times a budget of {1 - own.burn.objective:g} is {own.burn.share:g}, "
            "which no share of requests can exceed",
            Remediation("send a smaller factor"),
        )


def _check_query(text: str, namespace: str, field: str, *, mean: bool) -> Iterator[Problem]:
    read = counters
    if mean:
        read = expression
    try:
        bound = read(text, Subject(namespace))
    except Refused as refused:
        yield Problem(field, refused.detail, Remediation(refused.remediation))
        return
    if not bound.of_revision:
        yield Problem(
            field,
            "a selector names no revision, so it says the same of both",
            Remediation('put pod=~"$pods", or a label with "$revision", into each selector'),
        )

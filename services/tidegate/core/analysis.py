"""Metrics: what the evidence must answer about a candidate, and how long an answer will about
take."""

import math
from dataclasses import dataclass
from enum import StrEnum

from tidegate.core import bounds
from tidegate.core.errors import Problem, Remediation
from tidegate.core.on_fail import OnFail
from tidegate.core.own.spec import Own
from tidegate.core.sequential import Test, Wealth, requests_to
from tidegate.core.windows import NOISE_WINDOW, Window, seconds_to_pass


class MetricKind(StrEnum):
    """What is counted as bad."""

    ERRORS = "errors"
    REJECTIONS = "rejections"
    SATURATION = "saturation"
    LATENCY = "latency"
    EXPERIMENT = "experiment"  # units of the user's own experiment without success
    OWN = "own"  # what people count themselves


@dataclass(frozen=True, slots=True)
class Metric:
    """What the evidence must answer about the candidate (θc) beside stable (θs), shares of bad
    answers.

    fail: θc > θs + fail_margin is shown. pass: θc < θs + pass_margin is shown. objective: a fixed
    share (SLO) instead of stable: fail is θc > objective, pass θc < objective; an outage that both
    share then fails it. latency_threshold_ms (LATENCY): an answer above it is slow; the bound of an
    existing bucket; None: every bucket is compared (`slowness`). min_requests: candidate answers in
    the step before pass or no-fail counts. EXPERIMENT: units instead of answers; pass_margin 0 or
    below asks for a candidate that succeeds more often than stable (by more than -pass_margin).
    on_fail: None: the default of its kind; a gross slowdown aborts whatever it says. own: of OWN,
    what is counted; of a mean, objective is a share of its largest value.
    """

    kind: MetricKind
    fail_margin: float = 0.0
    pass_margin: float = 0.01
    objective: float | None = None
    latency_threshold_ms: float | None = None
    min_requests: int = 20
    on_fail: OnFail | None = None
    own: Own | None = None

    @property
    def label(self) -> str:
        """Its name, as people know it."""
        if self.own is not None:
            return self.own.name
        return self.kind.value

    @property
    def of_answers(self) -> bool:
        """Whether its counts are all answers and the errors among them."""
        return self.kind is MetricKind.ERRORS or (self.own is not None and self.own.of_answers)

    @property
    def consequence(self) -> OnFail:
        """What follows from a fail: as the plan says, else a candidate that is too small pauses,
        because more replicas may mend it, and one that is slower in some bucket, which people may
        accept. Everything else aborts, also a threshold: the plan's own word on what is too slow."""
        if self.on_fail is not None:
            return self.on_fail
        if self.kind is MetricKind.SATURATION or self.every_bucket:
            return OnFail.PAUSE
        return OnFail.ABORT

    @property
    def every_bucket(self) -> bool:
        """Whether latency is compared in every bucket of the histogram."""
        return self.kind is MetricKind.LATENCY and self.latency_threshold_ms is None

    @property
    def waited_for(self) -> bool:
        """Whether a pass waits for its pass."""
        return self.can_pass and self.consequence is not OnFail.NOTIFY

    @property
    def can_pass(self) -> bool:
        """Whether a pass waits for it: a candidate that is refused no more often than stable shows
        nothing by that, and no number of answers shows that every bucket is alike."""
        if self.every_bucket:
            return False
        return self.kind not in (MetricKind.REJECTIONS, MetricKind.SATURATION)

    @property
    def aborts(self) -> bool:
        """Whether its fail aborts: those that do share alpha."""
        return self.consequence is OnFail.ABORT

    @property
    def fail_test(self) -> Test:
        """The test whose rejected null is the answer `fail`."""
        return Test(True, self.fail_margin, self.objective, self.kind is MetricKind.EXPERIMENT)

    @property
    def pass_test(self) -> Test:
        """The test whose rejected null is the answer `pass`."""
        return Test(False, self.pass_margin, self.objective, self.kind is MetricKind.EXPERIMENT)


def check(metric: Metric, field: str = "metric") -> tuple[Problem, ...]:
    """What is wrong with a metric; () when nothing is."""
    problems = []
    if not bounds.FAIL_MARGIN.holds(metric.fail_margin):
        problems.append(
            Problem(
                f"{field}.fail_margin",
                f"{metric.fail_margin:g} is not between 0 and 0.5",
                Remediation("send a share; 0.01 is one point"),
            )
        )
    experiment = metric.kind is MetricKind.EXPERIMENT
    if experiment and not bounds.EXPERIMENT_MARGIN.holds(metric.pass_margin):
        problems.append(
            Problem(
                f"{field}.pass_margin",
                f"{metric.pass_margin:g} is not between -0.5 and 0.5",
                Remediation("send a share; 0.01 is one point"),
            )
        )
    if experiment and metric.objective is not None:
        problems.append(
            Problem(
                f"{field}.objective",
                "an experiment is compared with stable",
                Remediation("leave it out"),
            )
        )
    if not experiment and not bounds.PASS_MARGIN.holds(metric.pass_margin):
        problems.append(
            Problem(
                f"{field}.pass_margin",
                f"{metric.pass_margin:g} is not above 0 and below 0.5: "
                "equal rates cannot be told from slightly worse ones",
                Remediation("send a share; 0.01 is one point"),
            )
        )
    if metric.objective is not None and not 0 < metric.objective < 1:
        problems.append(
            Problem(
                f"{field}.objective",
                f"{metric.objective:g} is not between 0 and 1",
                Remediation("send a share of the requests"),
            )
        )
    if metric.latency_threshold_ms is not None and metric.latency_threshold_ms <= 0:
        problems.append(
            Problem(
                f"{field}.latency_threshold_ms",
                f"{metric.latency_threshold_ms:g} is not above 0",
                Remediation("send the bound of a histogram bucket, in ms, or leave it out"),
            )
        )
    if metric.every_bucket and metric.objective is not None:
        problems.append(
            Problem(
                f"{field}.objective",
                "every bucket is compared with stable",
                Remediation("send latency_threshold_ms beside it, or leave it out"),
            )
        )
    if metric.kind is not MetricKind.LATENCY and metric.latency_threshold_ms is not None:
        problems.append(
            Problem(
                f"{field}.latency_threshold_ms",
                f"an {metric.kind} metric has no bound",
                Remediation("leave it out"),
            )
        )
    if metric.min_requests < 1:
        problems.append(
            Problem(
                f"{field}.min_requests",
                f"{metric.min_requests} is below 1",
                Remediation("send how many requests are the least"),
            )
        )
    return tuple(problems)


def expected_seconds(
    metric: Metric,
    rate_per_second: float,
    percent: float,
    alpha: float,
    *,
    needs_pass: bool = True,
    base_rate: float = 0.005,
    noise_window: float = NOISE_WINDOW,
) -> float | None:
    """How long a step lasts that sends `percent` (0..100) of `rate_per_second` requests to a
    candidate as good as stable (share of bad answers `base_rate`): until no-fail counts
    (`min_requests`), or until `pass`, which no window of `noise_window` seconds decides alone.
    None: never, or nobody can tell (an experiment, or people's own, whose counts come from outside).
    """
    share = percent / 100
    per_second = rate_per_second * percent / 100
    if per_second <= 0 or metric.kind in (MetricKind.EXPERIMENT, MetricKind.OWN):
        return None
    if not needs_pass:
        return metric.min_requests / per_second
    rates = (base_rate, base_rate)
    threshold = math.log(1 / alpha)
    need = requests_to(Wealth(), metric.pass_test, threshold, rates, share)
    if need is None:
        return None
    least = seconds_to_pass(Window(), threshold, 0.0, noise_window)
    return max(max(need, metric.min_requests) / per_second, least)

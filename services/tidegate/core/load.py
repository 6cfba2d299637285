"""Load: how many requests an endpoint gets, and which share of stable's answers is bad, measured
during rollouts or not. Pure.

Requests are counted over three decaying windows. The shortest that can tell is read: one that holds
`ENOUGH` requests, or would if the longer window were right. So a busy endpoint is known to the
minute, a quiet one is not judged by its last request, and traffic that ends is seen to end. The
share of bad answers needs many of them, so it has the longest window.
"""

import math
from dataclasses import dataclass, replace

from tidegate.core.evalues import Arm
from tidegate.core.evidence import Metric, MetricKind, requests
from tidegate.core.scrapes import Scrape, base_line, between

WINDOWS_S = (600.0, 3600.0, 86_400.0)  # time constants of the decay
BASE_S = 86_400.0
ENOUGH = 20.0  # requests: the rate is known to a quarter
LEAST_S = 300.0  # measured for so long before fewer requests say anything
NEW_S = 60.0  # between two measurements at the beginning
IMAGINED = 0.005  # bad ones beside the counted, so that no forecast assumes a share of 0
COUNTED = 200.0  # answers among which they are imagined
JUMP_S = 60.0  # a scrape so much older than the last: the clock was put back
CHANGED = 0.2  # a rate that moved by less is told as before
_ERRORS = Metric(MetricKind.ERRORS)


@dataclass(frozen=True, slots=True)
class Window:
    """Decayed sums. requests: of all revisions. seconds: in which they were counted."""

    requests: float = 0.0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Requests per second; 0 before the first second."""
        if not self.seconds:
            return 0.0
        return self.requests / self.seconds


@dataclass(frozen=True, slots=True)
class Load:
    """What is kept of an endpoint. last: the base line of the next interval. windows: in the order
    of WINDOWS_S. stable, stable_bad: stable's answers and the bad ones among them, decayed."""

    last: Scrape | None = None
    windows: tuple[Window, ...] = (Window(),) * len(WINDOWS_S)
    stable: float = 0.0
    stable_bad: float = 0.0

    @property
    def rate(self) -> float | None:
        """Requests per second; None where too little was measured to say."""
        longest = self.windows[-1]
        if longest.requests < ENOUGH and longest.seconds < LEAST_S * 0.99:
            return None
        for window, longer in zip(self.windows, self.windows[1:], strict=False):
            if max(window.requests, longer.rate * window.seconds) >= ENOUGH:
                return window.rate
        return self.windows[-1].rate

    @property
    def error_rate(self) -> float | None:
        """Stable's share of bad answers, 0..1; None where too few were counted to say."""
        if self.stable < ENOUGH:
            return None
        return self.stable_bad / self.stable


@dataclass(frozen=True, slots=True)
class Rates:
    """What is told of it, at two digits (`quiet`). None: not known."""

    requests_per_second: float | None = None
    error_rate: float | None = None


def rates(before: Rates, load: Load) -> Rates:
    """The figures after a measurement."""
    return Rates(
        quiet(before.requests_per_second, load.rate), quiet(before.error_rate, load.error_rate)
    )


def measured(load: Load, scrape: Scrape, stable: int) -> Load:
    """The load after one more scrape. The first sets the base line; one that is not later than the
    last changes nothing. stable: the revision's number."""
    last = load.last
    if last is None or scrape.at < last.at - JUMP_S:
        return replace(load, last=base_line(None, scrape, ()))
    if scrape.at <= last.at:
        return load
    seconds = scrape.at - last.at
    number = requests(last, scrape)
    answers = between(last, scrape, stable, _ERRORS).arm
    windows = tuple(
        _decayed(window, number, seconds, constant)
        for window, constant in zip(load.windows, WINDOWS_S, strict=True)
    )
    return _with_base(load, answers, seconds, base_line(last, scrape, ()), windows)


def _with_base(
    load: Load, answers: Arm, seconds: float, last: Scrape, windows: tuple[Window, ...]
) -> Load:
    left = math.exp(-seconds / BASE_S)
    fresh = _fresh(seconds, BASE_S)
    return Load(
        last,
        windows,
        load.stable * left + answers.n * fresh,
        load.stable_bad * left + answers.bad * fresh,
    )


def _decayed(window: Window, number: int, seconds: float, constant: float) -> Window:
    """The window after `number` requests came evenly in `seconds`."""
    left = math.exp(-seconds / constant)
    fresh = _fresh(seconds, constant)
    return Window(
        window.requests * left + number * fresh,
        window.seconds * left + seconds * fresh,
    )


def _fresh(seconds: float, constant: float) -> float:
    """Which part of what came evenly in an interval is left at its end."""
    return -math.expm1(-seconds / constant) * constant / seconds


def next_at(load: Load, now: float, interval: float) -> float:
    """When an endpoint that nothing else wakes is measured next (epoch seconds). interval: seconds
    between two measurements of one that is known."""
    seconds = _pace(load, interval)
    # No answer of the metric source must not make the next pass follow at once
    if load.last is None or load.last.at + seconds <= now:
        return now + seconds
    return min(load.last.at + seconds, now + seconds)


def due(load: Load, now: float, interval: float) -> bool:
    """Whether it is time to measure again; a tenth early is in time."""
    if load.last is None or now < load.last.at - JUMP_S:
        return True
    return now - load.last.at >= 0.9 * _pace(load, interval)


def _pace(load: Load, interval: float) -> float:
    """Seconds between two measurements: a new endpoint is measured more often."""
    if load.rate is None:
        return min(NEW_S, interval)
    return interval


def expected_base(error_rate: float | None) -> float | None:
    """The share of bad answers that a forecast assumes: the measured share, and never quite 0, for
    what was not seen yet may come."""
    if error_rate is None:
        return None
    return max(error_rate, IMAGINED / COUNTED)


def quiet(before: float | None, after: float | None) -> float | None:
    """A figure as it is told, at two digits: what moved a little stays as it was, so that a status
    does not change with every measurement."""
    if after is None or after == 0:
        return after
    if before and abs(after - before) <= CHANGED * before:
        return before
    return _two_digits(after)


def _two_digits(value: float) -> float:
    return float(f"{value:.2g}")

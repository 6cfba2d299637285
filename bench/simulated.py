"""Simulated traffic of a rollout, and the rules that judge it: Tidegate's test and fixed
thresholds.

A run is an array of blocks, one row (nc, yc, ns, ys) per scrape. Each request picks its revision at
random, as the weighted route does, so the candidate's count is binomial. The rates of both
revisions change over time as the scenario says; a good candidate has stable's rate at every moment.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidegate.core.evalues import Arm, Block
from tidegate.core.sequential import Test, Wealth, advance

Counts = npt.NDArray[np.int64]
Rates = npt.NDArray[np.float64]
FAIL = Test(worse=True)


@dataclass(frozen=True, slots=True)
class Scenario:
    """share, stable, candidate: one value per scrape. size: requests per scrape, both revisions
    together."""

    name: str
    size: int
    share: Rates
    stable: Rates
    candidate: Rates

    def run(self, rng: np.random.Generator) -> Counts:
        """One run: shape (scrapes, 4), the columns nc, yc, ns, ys."""
        nc = rng.binomial(self.size, self.share)
        ns = self.size - nc
        return np.stack(
            [nc, rng.binomial(nc, self.candidate), ns, rng.binomial(ns, self.stable)], axis=1
        )


def steady(
    name: str, scrapes: int, size: int, share: float, stable: float, candidate: float
) -> Scenario:
    """Everything constant."""
    return Scenario(name, size, *(np.full(scrapes, x) for x in (share, stable, candidate)))


def rising(scrapes: int) -> Rates:
    """The split of a canary: 1, 5, 10, 25, 50 %, each for a fifth of the scrapes."""
    return np.repeat([0.01, 0.05, 0.10, 0.25, 0.50], -(-scrapes // 5))[:scrapes]


def diurnal(scrapes: int, rate: float) -> Rates:
    """A base rate that swings between a fifth and nine fifths of `rate`, three times."""
    return rate * (1 + 0.8 * np.sin(np.linspace(0, 6 * np.pi, scrapes)))


def outage(scrapes: int, rate: float) -> Rates:
    """A tenth of the scrapes, the last of the rollout, at 50 % bad for both revisions."""
    rates = np.full(scrapes, rate)
    rates[-scrapes // 10 :] = 0.5
    return rates


@dataclass(frozen=True, slots=True)
class Bursts:
    """Good candidate, but pods fail in bursts on their own: the candidate has one pod, stable five.
    In each scrape a pod starts a burst with probability `start` and ends it with probability `end`;
    in a burst half of its answers are bad. Answers of one pod are then not independent, and no test
    that counts them as such can promise anything."""

    name: str
    size: int
    share: Rates
    rate: float
    start: float = 0.002
    end: float = 0.3

    def run(self, rng: np.random.Generator) -> Counts:
        """One run: shape (scrapes, 4), the columns nc, yc, ns, ys."""
        scrapes = len(self.share)
        nc = rng.binomial(self.size, self.share)
        ns = self.size - nc
        pods = np.array([self._pod(rng, scrapes) for _ in range(6)])
        yc = rng.binomial(nc, pods[0])
        ys = np.zeros(scrapes, dtype=np.int64)
        left = ns.copy()
        for position in range(1, 6):
            part = rng.binomial(left, 1 / (6 - position))
            ys += rng.binomial(part, pods[position])
            left -= part
        return np.stack([nc, yc, ns, ys], axis=1)

    def _pod(self, rng: np.random.Generator, scrapes: int) -> Rates:
        draws = rng.random(scrapes)
        rates = np.full(scrapes, self.rate)
        bursting = False
        for position, draw in enumerate(draws):
            if bursting:
                bursting = draw >= self.end
            else:
                bursting = draw < self.start
            if bursting:
                rates[position] = 0.5
        return rates


def tidegate(counts: Counts, threshold: float, test: Test = FAIL) -> int | None:
    """The scrape (from 1) after which the e-process has reached log capital `threshold`; None:
    never."""
    wealth = Wealth()
    for position, (nc, yc, ns, ys) in enumerate(counts.tolist(), start=1):
        wealth = advance(wealth, test, Block(Arm(nc, yc), Arm(ns, ys)))
        if wealth.log_e >= threshold:
            return position
    return None


def interval_rule(counts: Counts, scrapes: int, least: float, failures: int) -> int | None:
    """Look at the candidate alone after every `scrapes` scrapes; abort at the `failures`-th look
    that finds a success rate below `least`. An observation without candidate answers says
    nothing."""
    whole = len(counts) // scrapes * scrapes
    nc, yc = counts[:whole, :2].reshape(-1, scrapes, 2).sum(axis=1).T
    failed = np.flatnonzero((nc > 0) & (nc - yc < least * nc))
    if len(failed) >= failures:
        return int(failed[failures - 1] + 1) * scrapes
    return None


def double_rule(counts: Counts, min_requests: int = 20) -> int | None:
    """Abort when, over all scrapes so far, the candidate has answered `min_requests` times and its
    bad rate is above twice stable's."""
    nc, yc, ns, ys = counts.cumsum(axis=0).T
    ndarray = np.flatnonzero((nc >= min_requests) & (yc * np.maximum(ns, 1) > 2 * ys * nc))
    if len(ndarray):
        return int(ndarray[0]) + 1
    return None


Rule = Callable[[Counts], int | None]


def fixed_rules() -> dict[str, Rule]:
    """The rules that people use, as the examples of their documentation set them, for a scrape of
    15 s.

    argo: every 5 min, success rate ≥ 95 %, failureLimit 3 (the fourth failure aborts). flagger:
    every minute, ≥ 99 %, threshold 5. double: at every scrape, twice stable's rate so far.
    """
    return {
        "argo": lambda counts: interval_rule(counts, 20, 0.95, 4),
        "flagger": lambda counts: interval_rule(counts, 4, 0.99, 5),
        "double": double_rule,
    }

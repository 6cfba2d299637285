"""A promotion under watch without a cluster: the decisions of the core, requests by chance, traffic
that follows every intent at once. For rates and times."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from tidegate.core import strategy, watch, watch_begin, watch_evidence
from tidegate.core.evidence import Counters, Reading, Scrape
from tidegate.core.intent import EndpointKey, Intent, Mode
from tidegate.core.observation import Live, Observation
from tidegate.core.rollout import Outcome, Progress, Rollout, Routed
from tidegate.core.traffic import Traffic, desired
from tidegate.core.turn import Turn
from tidegate.core.watch_values import ALONE, Surroundings, WatchState

OLD = 1
NEW = 2
INTERVAL = 5.0
MINUTE = 60.0

# (revision, seconds since the promotion) -> share of bad answers
Rates = Callable[[int, float], float]


@dataclass(frozen=True, slots=True)
class Seen:
    """How one watch went. undone: seconds until the undo began, None where none did. compared: how
    often old stable got a share. exposed: bad answers until the undo."""

    undone: float | None
    compared: int
    shared: bool
    exposed: int


class Watched:
    """One watch. rate: requests per second. cv: of the noise that each revision has of its own, a
    factor of mean 1 per minute, log-normal."""

    def __init__(self, rates: Rates, rate: float, *, seed: int, cv: float = 0.0) -> None:
        self._rates = rates
        self._rate = rate
        self._random = random.Random(seed)
        self._sigma = math.sqrt(math.log1p(cv * cv))
        self._noise: dict[tuple[int, int], float] = {}
        self._counts = {OLD: [0, 0], NEW: [0, 0]}
        self._traffic: Traffic | None = None
        self.rollout = Rollout("ro-1", strategy.canary(), OLD, NEW, "ann")
        self.intent = Intent(EndpointKey("team", "fraud"), 1, Mode.STANDARD, NEW, standby=(OLD,))
        self._traffic = desired(self.intent)

    def run(self, record: float, seconds: float = 1800.0) -> Seen:
        """From the promotion to the end of the watch."""
        progress = self._began(record)
        compared = 0
        shared = False
        now = 0.0
        while now < 2 * seconds:
            now += INTERVAL
            self._answer(now)
            progress = watch_evidence.gather(
                self.rollout, progress, self._observation(), self._scrape(now)
            )
            decision = watch.follow(self._turn(progress, now))
            progress = decision.progress
            if decision.intent is not None:
                compared += decision.intent.candidate is not None
                self.intent = decision.intent
                self._traffic = desired(self.intent)
            assert progress.watch is not None
            shared = shared or progress.watch.state is WatchState.SHARED
            if decision.starts is not None:
                return Seen(now, compared, shared, self._counts[NEW][1])
            if not progress.watch.runs:
                break
        return Seen(None, compared, shared, self._counts[NEW][1])

    def _began(self, record: float) -> Progress:
        blank = Progress(at=0.0, outcome=Outcome.PROMOTED, routed=Routed(self._traffic, 0.0))
        turn = self._turn(blank, 0.0, Surroundings(record))
        return watch_begin.started(watch_begin.planned(turn)).progress

    def _turn(self, progress: Progress, now: float, surroundings: Surroundings = ALONE) -> Turn:
        return Turn(
            self.rollout,
            replace(progress, at=now),
            self.intent,
            self._observation(),
            now,
            INTERVAL,
            INTERVAL,
            surroundings=surroundings,
        )

    def _observation(self) -> Observation:
        live = (Live(OLD, 1, 1), Live(NEW, 1, 1))
        return Observation(live, self._traffic, settled=True)

    def _answer(self, now: float) -> None:
        assert self._traffic is not None
        for number, counts in self._counts.items():
            share = self._traffic.percent(number) / 100
            requests = self._poisson(self._rate * share * INTERVAL)
            bad = min(self._rates(number, now) * self._factor(number, now), 1.0)
            counts[0] += requests
            counts[1] += self._binomial(requests, bad)

    def _factor(self, number: int, now: float) -> float:
        if not self._sigma:
            return 1.0
        key = (number, int(now // MINUTE))
        if key not in self._noise:
            mean = -self._sigma * self._sigma / 2
            self._noise[key] = math.exp(self._random.gauss(mean, self._sigma))
        return self._noise[key]

    def _poisson(self, mean: float) -> int:
        if mean > 50:
            return max(0, round(self._random.gauss(mean, math.sqrt(mean))))
        left = math.exp(-mean)
        count = 0
        product = self._random.random()
        while product > left:
            count += 1
            product *= self._random.random()
        return count

    def _binomial(self, n: int, share: float) -> int:
        spread = math.sqrt(n * share * (1 - share))
        if spread > 5:
            return min(n, max(0, round(self._random.gauss(n * share, spread))))
        return sum(self._random.random() < share for _ in range(n))

    def _scrape(self, now: float) -> Scrape:
        readings = (
            Reading("envoy", number, Counters(n, bad)) for number, (n, bad) in self._counts.items()
        )
        return Scrape(now, tuple(readings))

"""Bets against a null hypothesis, block after block: the e-processes behind `fail` and `pass`.

Without a margin (the default for `fail`) the bets are on odds ratios, given the total of bad
answers; with a margin or for `pass` they are on pairs of rates. Bets on pairs of rates would do for
the first as well, but in simulated rollouts they mostly needed 10 to 30 % more requests and never
fewer, because they must find out the base rate.

A `Test` is a null hypothesis with a fixed list of bets (alternatives); a `Wealth` is how the bets
stand. The capital starts at 1. Under the null it is a supermartingale, so it ever reaches 1/alpha
with probability at most alpha (Ville's inequality), however often one looks.

The capital is spread over all bets from the start (a mixture inside the test, so that the first
scrape counts), and a reserve bets nothing. After each block a little of everything is spread again
by the prior (fixed share: Herbster and Warmuth, Tracking the best expert): when the base rate
jumps, in an outage, or a good candidate turns bad late, the bets that fit now are soon rich enough.
The weights depend only on earlier blocks and on sizes, so the sum stays a supermartingale. What one
window of time may win is limited (`windows`).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from tidegate.core.evalues import (
    EXACT_TERMS,
    Block,
    against,
    conditional,
    growth,
    log_add,
    log_sum,
    projected,
)
from tidegate.core.noise import exponent, variance
from tidegate.core.windows import (
    Window,
    limited,
    limits,
    next_toward_pass,
)

# How much of the capital is spread again, per candidate answer; never more than _SHARE_MOST per
# block. Per answer, not per block: otherwise frequent small scrapes would eat what they win.
_SHARE = 1e-4
_SHARE_MOST = 0.01

_RESERVE = 0.1  # prior weight of betting nothing
_LEARNED = 0.8  # how much a restart trusts the weights that the bets earned before it

# Odds ratios to bet on, and their prior weights. A small effect needs many requests to show, so it
# gets most of the capital; a large one shows in a few whatever its weight is.
_ODDS = (1.4, 2.2, 4.0, 8.0, 16.0, 40.0, 150.0)
_ODDS_PRIOR = (0.26, 0.26, 0.2, 0.12, 0.07, 0.05, 0.04)
_ODDS_RESERVE = 0.04
_BASE_RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.25, 0.5, 0.8)
_MARGIN_ODDS = (1.5, 3.0, 10.0, 60.0)
_OBJECTIVE_ODDS = (1.5, 3.0, 8.0, 40.0)

# An experiment's rates may lie anywhere, and what it looks for is small.
_EXPERIMENT_ODDS = (1.05, 1.12, 1.25, 1.6, 2.5, 6.0)
_SUCCESS_RATES = (0.001, 0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97)
_EXPERIMENT_TERMS = 20_000  # its blocks are large and few, so they may cost more


@dataclass(frozen=True, slots=True)
class Test:
    """A one-sided null hypothesis and which side of it is claimed.

    worse: True claims "the candidate is worse", null θc ≤ θs + margin or θc ≤ objective; False
    claims "good enough", null θc ≥ θs + margin or θc ≥ objective. objective is a share in 0..1,
    margin one in -1..1; below 0 only for "good enough" of an experiment, whose rates may be any and
    whose effects are small.
    """

    __test__ = False  # not a pytest class

    worse: bool
    margin: float = 0.0
    objective: float | None = None
    experiment: bool = False

    @property
    def by_odds(self) -> bool:
        """Whether odds ratios are bet on: a comparison without margin, which needs no base rate."""
        return self.objective is None and self.margin == 0 and (self.worse or self.experiment)


@dataclass(frozen=True, slots=True)
class Wealth:
    """How the bets of one test stand: log capital of the reserve and of each bet, in the order of
    `bets`. () is a test that has not started. window: where the test is limited by windows."""

    logs: tuple[float, ...] = ()
    window: Window = field(default_factory=Window)

    @property
    def log_e(self) -> float:
        """Log of the e-process: 0 at the start."""
        if not self.logs:
            return 0.0
        total = log_sum(self.logs)
        if self.window.most is None:
            return total
        return min(total, self.window.most)


@lru_cache(maxsize=256)
def bets(test: Test) -> tuple[tuple[float, float], ...]:
    """The alternatives (θs*, θc*) of a test; (0, odds ratio) for a test `by_odds` and (0, θc*) for
    an objective. Each lies strictly on the claimed side of the null's edge."""
    if test.objective is not None:
        power = 1 if test.worse else -1
        return tuple((0.0, _shift(test.objective, odds**power)) for odds in _OBJECTIVE_ODDS)
    if test.by_odds:
        return tuple((0.0, odds) for odds in (_EXPERIMENT_ODDS if test.experiment else _ODDS))
    if test.experiment:
        return tuple(_experiment_bets(test))
    if test.worse:
        rates = [rate for rate in _BASE_RATES if rate + test.margin < 0.95]
        return tuple(
            (rate, _shift(rate + test.margin, odds)) for rate in rates for odds in _MARGIN_ODDS
        )
    return tuple((rate, rate) for rate in _BASE_RATES)


def _experiment_bets(test: Test) -> Iterator[tuple[float, float]]:
    """Pairs of bad rates. With a positive margin for "good enough" the two are equal; else the
    candidate's is a small odds ratio beyond the edge."""
    for stable in (1 - success for success in _SUCCESS_RATES):
        edge = stable + test.margin
        if not test.worse and test.margin > 0:
            yield stable, stable
        elif 0.0005 < edge < 0.9995:
            for odds in _EXPERIMENT_ODDS:
                yield stable, _shift(edge, odds if test.worse else 1 / odds)


def _shift(rate: float, odds: float) -> float:
    """The rate whose odds are `odds` times those of `rate`."""
    return rate * odds / (1 - rate + rate * odds)


@lru_cache(maxsize=256)
def _odds(test: Test) -> tuple[float, ...]:
    """The odds ratio of each bet of a test that claims "worse", beyond the null's edge."""
    if test.objective is not None:
        return _OBJECTIVE_ODDS
    if test.by_odds:
        return _ODDS
    return _MARGIN_ODDS * (len(bets(test)) // len(_MARGIN_ODDS))


@lru_cache(maxsize=256)
def _limits(test: Test) -> tuple[float, ...]:
    """The log of what each bet of a test may multiply by in one window."""
    return limits(_odds(test))


@lru_cache(maxsize=256)
def _prior(test: Test) -> tuple[float, ...]:
    """Log prior weights of the reserve and of each bet."""
    if test.by_odds and not test.experiment:
        bet_weights = [(1 - _ODDS_RESERVE) * weight for weight in _ODDS_PRIOR]
        return (math.log(_ODDS_RESERVE), *map(math.log, bet_weights))
    size = len(bets(test))
    return (math.log(_RESERVE), *((math.log((1 - _RESERVE) / size),) * size))


def log_evalues(test: Test, block: Block) -> tuple[float, ...]:
    """The log e-value of this block for each bet; each has mean ≤ 1 (as an e-value) under the
    null."""
    alternatives = bets(test)
    if test.objective is not None:
        return tuple(against(block.candidate, rate, test.objective) for _, rate in alternatives)
    if test.by_odds:
        if test.worse:
            first = block.candidate
            second = block.stable
        else:
            first = block.stable
            second = block.candidate
        terms = EXACT_TERMS
        if test.experiment:
            terms = _EXPERIMENT_TERMS
        return conditional(first, second, tuple(odds for _, odds in alternatives), terms)
    return tuple(
        projected(block.candidate, block.stable, pair, test.margin) for pair in alternatives
    )


def advance(
    wealth: Wealth,
    test: Test,
    block: Block,
    *others: Block,
    window: int | None = None,
    spread: float = 0.0,
) -> Wealth:
    """The capital after one block. A block without information changes nothing. others: what the
    block may have been instead, where some of it is in doubt; each bet wins the least of them.
    window: the number of the window that the block belongs to, which never falls; None: nothing is
    limited. spread: of stable against itself, in windows that are over (`noise`); it tempers the
    bets on odds."""
    logs = wealth.logs or _prior(test)
    if window is not None:
        wealth = _enter(Wealth(logs, wealth.window), test, window)
        logs = wealth.logs
    present = wealth.window
    noise = 0.0
    if present.won and test.by_odds:
        noise = spread
    gains = _tempered(present, test, block, noise)
    for other in others:
        gains = tuple(map(min, gains, _tempered(present, test, other, noise)))
    if not block.candidate.n or not any(gains):
        return Wealth(logs, present)
    if present.won:
        used = present.used + _answers(present, block, noise)
        gains, won = limited(present.won, gains, _limits(test))
        present = Window(present.number, won, used=used)
    after = [logs[0], *(a + b for a, b in zip(logs[1:], gains, strict=True))]
    return Wealth(_spread(after, test, block), present)


def capital(wealth: Wealth, test: Test) -> tuple[float, ...]:
    """The log capital of each bet."""
    return (wealth.logs or _prior(test))[1:]


def staked(
    wealth: Wealth,
    test: Test,
    gains: tuple[float, ...],
    size: Block,
    window: int,
    most: tuple[float, ...],
) -> Wealth:
    """The capital after something else than a block: gains is its log e-value for each bet. size: a
    block of as much weight. most: the log of what each bet toward "worse" may multiply by in one
    window."""
    entered = _enter(Wealth(wealth.logs or _prior(test), wealth.window), test, window)
    present = entered.window
    if present.won:
        gains, won = limited(present.won, gains, most)
        present = Window(present.number, won)
    after = [entered.logs[0], *(a + b for a, b in zip(entered.logs[1:], gains, strict=True))]
    return Wealth(_spread(after, test, size), present)


def _tempered(present: Window, test: Test, block: Block, noise: float) -> tuple[float, ...]:
    """What each bet wins by a block, to the power that noise leaves."""
    gains = log_evalues(test, block)
    if not noise:
        return gains
    power = exponent(noise, present.used, variance(block.candidate, block.stable))
    return tuple(power * gain for gain in gains)


def _answers(present: Window, block: Block, noise: float) -> float:
    """What noise has left of a block's variance."""
    if not noise:
        return 0.0
    answers = variance(block.candidate, block.stable)
    return answers * exponent(noise, present.used, answers)


def _enter(wealth: Wealth, test: Test, number: int) -> Wealth:
    """The capital in the window `number`: of one that ended, what the limit has left."""
    present = wealth.window
    began = present.won or present.most is not None
    if began and present.number == number:
        return wealth
    if test.worse:
        return Wealth(wealth.logs, Window(number, (0.0,) * len(bets(test))))
    surplus = log_sum(wealth.logs) - wealth.log_e
    logs = tuple(own - surplus for own in wealth.logs)
    return Wealth(logs, next_toward_pass(number, wealth.log_e))


def _spread(logs: Sequence[float], test: Test, block: Block) -> tuple[float, ...]:
    """Fixed share: the same total, a little of it spread again by the prior."""
    share = min(_SHARE_MOST, _SHARE * block.candidate.n)
    total = log_sum(logs)
    keep = math.log1p(-share)
    give = math.log(share)
    prior = _prior(test)
    return tuple(log_add(keep + own, give + total + p) for own, p in zip(logs, prior, strict=True))


def restart(wealth: Wealth, test: Test) -> Wealth:
    """Capital 1 again, spread mostly as the bets had earned it: a new test of the same null that
    has learned the base rate. The weights come from earlier blocks only."""
    if not wealth.logs:
        return Wealth()
    total = log_sum(wealth.logs)
    prior = _prior(test)
    old = math.log(_LEARNED)
    new = math.log(1 - _LEARNED)
    return Wealth(
        tuple(
            log_add(old + own - total, new + p) for own, p in zip(wealth.logs, prior, strict=True)
        )
    )


def requests_to(
    wealth: Wealth, test: Test, threshold: float, rates: tuple[float, float], share: float
) -> float | None:
    """About how many more candidate answers a "good enough" test (worse=False) needs to reach log
    capital `threshold`, at the rates (θs, θc) and the candidate's share of answers (0..1). None: at
    these rates it is not expected to get there.

    For each bet: what it lacks, divided by its expected log growth per candidate answer; the least
    counts. Windows limit it beside that (`windows.seconds_to_pass`)."""
    logs = wealth.logs or _prior(test)
    if wealth.log_e >= threshold:
        return 0.0
    lost = log_sum(logs) - wealth.log_e  # what the window won beyond its limit
    needs = []
    for own, bet in zip(logs[1:], bets(test), strict=True):
        per_answer = _growth_per_answer(test, rates, bet, share)
        if per_answer > 1e-9:
            needs.append(max(0.0, threshold + lost - own) / per_answer)
    return min(needs, default=None)


def _growth_per_answer(
    test: Test, rates: tuple[float, float], bet: tuple[float, float], share: float
) -> float:
    """Expected log growth of a bet per candidate answer."""
    stable, candidate = rates
    if test.objective is not None:
        hit = bet[1] / test.objective
        miss = (1 - bet[1]) / (1 - test.objective)
        return candidate * math.log(hit) + (1 - candidate) * math.log(miss)
    if not 0 < share < 1:
        return 0.0
    if test.by_odds:
        bet = (stable, _shift(stable, 1 / bet[1]))
    return growth(1.0, (1 - share) / share, (stable, candidate), bet, test.margin)

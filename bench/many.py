"""The tests of `core/sequential.py` over many rollouts at once, in numpy: one row for each.

The same formulas in the same order, so that a frontier over thousands of rollouts takes seconds;
`tests/core/test_many.py` holds both to the same figures. Only what a ladder needs is here: the test
on odds ratios toward fail, and the one with a margin toward pass.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from tidegate.core import noise, sequential, windows
from tidegate.core.evalues import EXACT_TERMS
from tidegate.core.sequential import Test, bets

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
FAIL = Test(worse=True)
PASS = Test(worse=False, margin=0.01)
ODDS = np.array([odds for _, odds in bets(FAIL)])
BASES = np.array([rate for rate, _ in bets(PASS)])


@dataclass(frozen=True, slots=True)
class Blocks:
    """One block of each rollout: answers and bad ones of candidate and stable."""

    nc: Counts
    yc: Counts
    ns: Counts
    ys: Counts


def log_sum(logs: Array) -> Array:
    """log Σ exp over the last axis."""
    top = logs.max(-1, keepdims=True)
    return np.asarray(top[..., 0] + np.log(np.exp(logs - top).sum(-1)))


def _log_choose(n: Array, k: Array) -> Array:
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


def log_generating(nc: Counts, ns: Counts, total: Counts) -> Array:
    """`evalues._generating`, or its bound where there are too many terms; a column for each of
    `ODDS`."""
    low = np.maximum(0, total - ns)
    high = np.minimum(nc, total)
    result = np.zeros((len(nc), len(ODDS)))
    exact = (high > low) & (high - low <= EXACT_TERMS)
    if exact.any():
        result[exact] = _exact(nc[exact], ns[exact], total[exact], low[exact], high[exact])
    large = high - low > EXACT_TERMS
    if large.any():
        result[large] = _bound(nc[large], ns[large], total[large])
    return result


def _exact(nc: Counts, ns: Counts, total: Counts, low: Counts, high: Counts) -> Array:
    terms = np.arange(int((high - low).max()) + 1)
    k = low[:, None] + terms[None]
    inside = k <= high[:, None]
    k = np.where(inside, k, low[:, None])
    logs = _log_choose(nc[:, None] + 0.0, k + 0.0)
    logs = logs + _log_choose(ns[:, None] + 0.0, total[:, None] - k + 0.0)
    logs = logs - _log_choose(nc + ns + 0.0, total + 0.0)[:, None]
    logs = np.where(inside, logs, -np.inf)
    return np.stack([log_sum(logs + k * np.log(odds)) for odds in ODDS], axis=1)


def _bound(nc: Counts, ns: Counts, total: Counts) -> Array:
    size = nc + ns
    share = nc / size
    rate = total / size
    columns = []
    for odds in ODDS:
        log_odds = np.log(odds)
        columns.append(
            np.minimum.reduce(
                [
                    total * np.log1p(share * (odds - 1)),
                    nc * np.log1p(rate * (odds - 1)),
                    nc * log_odds + (size - total) * np.log1p(share * (1 / odds - 1)),
                    total * log_odds + ns * np.log1p(rate * (1 / odds - 1)),
                ]
            )
        )
    return np.stack(columns, axis=1)


def variance(nc: Counts, yc: Counts, ns: Counts, ys: Counts) -> Array:
    """`noise.variance`."""
    size = np.maximum(nc + ns, 2)
    bad = yc + ys
    share = nc / size
    value = bad * share * (1 - share) * (size - bad) / (size - 1)
    return np.where((nc > 0) & (ns > 0), value, 0.0)


def _spread_again(logs: Array, prior: Array, nc: Counts) -> Array:
    share = np.minimum(sequential._SHARE_MOST, sequential._SHARE * np.maximum(nc, 1e-9))
    stays = np.log1p(-share)[:, None] + logs
    give = (np.log(share) + log_sum(logs))[:, None] + prior[None]
    return np.asarray(np.logaddexp(stays, give))


@dataclass(slots=True)
class Failing:
    """Toward fail. limited_below: bets on smaller odds are limited in each window; 0: none are.
    tempered: by stable's own noise."""

    runs: int
    limited_below: float = windows.LARGE_ODDS
    tempered: bool = True
    noise_window: float = windows.NOISE_WINDOW
    prior: Array = field(default_factory=lambda: np.array(sequential._prior(FAIL)))
    window: int = 0
    logs: Array = field(init=False)
    won: Array = field(init=False)
    used: Array = field(init=False)
    before: Counts = field(init=False)
    present: Counts = field(init=False)
    windows: Array = field(init=False)
    excess: Array = field(init=False)

    def __post_init__(self) -> None:
        self.logs = np.tile(self.prior, (self.runs, 1))
        self.won = np.zeros((self.runs, len(ODDS)))
        self.used = np.zeros(self.runs)
        self.windows = np.zeros(self.runs)
        self.excess = np.zeros(self.runs)
        self.before = np.zeros((2, self.runs), dtype=np.int64)
        self.present = np.zeros((2, self.runs), dtype=np.int64)

    def take(self, at: float, blocks: Blocks) -> Array:
        """Log e after one block that begins at `at` seconds of evidence."""
        window = windows.window_of(at, self.noise_window)
        if window != self.window:
            self._close(window)
        self.present = self.present + np.stack([blocks.ns, blocks.ys])
        total = blocks.yc + blocks.ys
        gains = blocks.yc[:, None] * np.log(ODDS) - log_generating(blocks.nc, blocks.ns, total)
        if self.tempered:
            gains = self._temper(gains, blocks)
        moves = gains.any(1) & (blocks.nc > 0)
        limits = np.where(self.limited_below > ODDS, np.log(windows.MOST_TOWARD_FAIL), np.inf)
        won = self.won + gains
        allowed = np.minimum(won, limits) - np.minimum(self.won, limits)
        self.won = won
        after = self.logs.copy()
        after[:, 1:] += allowed
        after = _spread_again(after, self.prior, blocks.nc)
        self.logs = np.where(moves[:, None], after, self.logs)
        return log_sum(self.logs)

    def _temper(self, gains: Array, blocks: Blocks) -> Array:
        known = noise._PRIOR_WINDOWS * noise._PRIOR_SPREAD + self.excess
        spread = np.maximum(0.0, known / (noise._PRIOR_WINDOWS + self.windows))
        answers = variance(blocks.nc, blocks.yc, blocks.ns, blocks.ys)
        power = np.maximum(0.0, 1 - 2 * spread * self.used) / (1 + spread * answers)
        self.used = self.used + np.where(gains.any(1), power * answers, 0.0)
        return power[:, None] * gains

    def _close(self, window: int) -> None:
        present = self.present
        before = self.before
        answers = variance(present[0], present[1], before[0], before[1])
        size = np.maximum(present[0] + before[0], 1)
        off = present[1] - (present[1] + before[1]) / size * present[0]
        weight = np.where(answers > 0, (answers / (answers + noise._SURE)) ** 2, 0.0)
        excess = (off**2 - answers) / np.where(answers > 0, answers, 1.0) ** 2
        self.windows = self.windows + weight
        self.excess = self.excess + weight * np.minimum(excess, noise._MOST)
        self.before = present
        self.present = np.zeros_like(present)
        self.won = np.zeros_like(self.won)
        self.used = np.zeros_like(self.used)
        self.window = window


@dataclass(slots=True)
class Passing:
    """Toward pass. limited: by windows."""

    runs: int
    limited: bool = True
    noise_window: float = windows.NOISE_WINDOW
    prior: Array = field(default_factory=lambda: np.array(sequential._prior(PASS)))
    window: int = 0
    logs: Array = field(init=False)
    most: Array = field(init=False)

    def __post_init__(self) -> None:
        self.logs = np.tile(self.prior, (self.runs, 1))
        self.most = np.full(self.runs, np.log(windows.MOST_TOWARD_PASS))

    def take(self, at: float, blocks: Blocks) -> Array:
        """Log e after one block that begins at `at` seconds of the step's evidence."""
        window = windows.window_of(at, self.noise_window)
        if window != self.window:
            self.window = window
            self.logs = self.logs - (log_sum(self.logs) - self.log_e())[:, None]
            self.most = log_sum(self.logs) + np.log(windows.MOST_TOWARD_PASS)
        edge = _edge(blocks.nc + 0.0, blocks.ns + 0.0)
        gains = _ratio(blocks.ns, blocks.ys, edge)
        gains = gains + _ratio(blocks.nc, blocks.yc, edge + PASS.margin)
        moves = (blocks.nc > 0) & (blocks.ns > 0)
        after = self.logs.copy()
        after[:, 1:] += gains
        after = _spread_again(after, self.prior, blocks.nc)
        self.logs = np.where(moves[:, None], after, self.logs)
        return self.log_e()

    def log_e(self) -> Array:
        total = log_sum(self.logs)
        if not self.limited:
            return total
        return np.minimum(total, self.most)


def _ratio(n: Counts, bad: Counts, bottom: Array) -> Array:
    good = (n - bad)[:, None] * np.log((1 - BASES) / (1 - bottom))
    return np.asarray(bad[:, None] * np.log(BASES / bottom) + good)


def _edge(nc: Array, ns: Array) -> Array:
    """`evalues.projection` of the bets of `PASS`."""
    size = (len(nc), len(BASES))
    low = np.broadcast_to(np.maximum(BASES - PASS.margin, 0.0), size)
    high = np.broadcast_to(BASES, size)
    for _ in range(40):
        middle = (low + high) / 2
        c = middle + PASS.margin
        pull = nc[:, None] * (c - BASES) * middle * (1 - middle)
        pull = pull + ns[:, None] * (middle - BASES) * c * (1 - c)
        high = np.where(pull > 0, middle, high)
        low = np.where(pull > 0, low, middle)
    return (low + high) / 2

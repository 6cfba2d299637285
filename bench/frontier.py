"""False aborts of good candidates with noise of their own, beside what it costs to catch bad ones:
the frontier on which the limits of `core/windows.py` and the tempering of `core/noise.py` lie.

A ladder as people get it by default: 1, 5, 10, 25, 50 %, a minute each or `min_requests`, the last
step until a pass. Each revision's rate is a log-normal of mean 1 times its own, drawn anew each
minute and for each revision. Also: how often a candidate that is one point worse is promoted
because of one bad minute of stable. Prints tables and writes build/bench-frontier.json.
Run: python bench/frontier.py [rollouts]
"""

import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from many import Array, Blocks, Counts, Failing, Passing
from report import keep

from tidegate.core.strategy import ALPHA, CANARY_PERCENTS, DEFAULT_METRICS, STEP_BAKE

AT_FAIL = math.log(2 / ALPHA)
AT_PASS = math.log(1 / ALPHA)
SCRAPE = 5.0
MINUTE = 60.0
LAST = 1200.0  # seconds of the last step at most
RULES: dict[str, Callable[[int], Failing]] = {
    "plain": lambda runs: Failing(runs, limited_below=0.0, tempered=False),
    "limit<8": lambda runs: Failing(runs, limited_below=8.0, tempered=False),
    "temper": lambda runs: Failing(runs, limited_below=0.0),
    "both<8": lambda runs: Failing(runs, limited_below=8.0),
    "both<4": Failing,
}


@dataclass(frozen=True, slots=True)
class World:
    """rate: requests per second. base: stable's share of bad answers; worse: how much is on top of
    it at the candidate. noise: coefficient of variation of each revision's own minutes. broken: on
    top of stable's share, in the first minute of the last step."""

    rate: float
    base: float
    worse: float = 0.0
    noise: float = 0.0
    broken: float = 0.0


@dataclass(frozen=True, slots=True)
class Interval:
    """One interval of every rollout. at: seconds since the evidence began; into: since the step
    did."""

    last_step: bool
    at: float
    into: float
    blocks: Blocks


def minutes(rng: np.random.Generator, noise: float, runs: int) -> Array:
    """Factors of mean 1, one for each minute of each rollout."""
    sigma = math.sqrt(math.log(1 + noise**2))
    draws = rng.standard_normal((runs, int(LAST / MINUTE) + 60))
    return np.asarray(np.exp(sigma * draws - sigma**2 / 2))


def intervals(world: World, runs: int, rng: np.random.Generator) -> Iterator[Interval]:
    """Until the last step has lasted `LAST`."""
    ours = minutes(rng, world.noise, runs)
    theirs = minutes(rng, world.noise, runs)
    phase = rng.random(runs) * MINUTE  # minutes of noise and windows do not begin together
    rows = np.arange(runs)
    at = 0.0
    for percent in CANARY_PERCENTS:
        last = percent == CANARY_PERCENTS[-1]
        needed = DEFAULT_METRICS[0].min_requests / (world.rate * percent / 100)
        lasts = max(STEP_BAKE, needed)
        if last:
            lasts = LAST
        into = 0.0
        while into < lasts:
            minute = ((at + phase) // MINUTE).astype(int)
            bad = np.minimum(1.0, (world.base + world.worse) * ours[rows, minute])
            other = world.base * theirs[rows, minute]
            if last and into < MINUTE:
                other = other + world.broken
            n = rng.poisson(world.rate * SCRAPE, runs)
            nc: Counts = rng.binomial(n, percent / 100)
            ns = n - nc
            yc = rng.binomial(nc, bad)
            ys = rng.binomial(ns, np.minimum(1.0, other))
            yield Interval(last, at, into, Blocks(nc, yc, ns, ys))
            at += SCRAPE
            into += SCRAPE


@dataclass(frozen=True, slots=True)
class Row:
    """What came of many rollouts. aborted, promoted: shares of them. exposed: mean candidate
    requests until the abort, NaN where none was aborted."""

    aborted: float
    promoted: float
    exposed: float


def play(world: World, rule: str, runs: int, *, passes: bool) -> Row:
    """Rollouts in a world. passes: whether a pass ends them."""
    rng = np.random.default_rng(20)
    failing = RULES[rule](runs)
    passing = Passing(runs)
    aborted = np.zeros(runs, dtype=bool)
    promoted = np.zeros(runs, dtype=bool)
    exposed = np.zeros(runs)
    for interval in intervals(world, runs, rng):
        live = ~(aborted | promoted)
        if not live.any():
            break
        exposed = exposed + np.where(live, interval.blocks.nc, 0)
        aborted |= live & (failing.take(interval.at, interval.blocks) >= AT_FAIL)
        if passes and interval.last_step:
            log_e = passing.take(interval.into, interval.blocks)
            promoted |= live & ~aborted & (log_e >= AT_PASS)
    mean = math.nan
    if aborted.any():
        mean = float(exposed[aborted].mean())
    return Row(float(aborted.mean()), float(promoted.mean()), mean)


def rows(
    worlds: list[World], runs: int, figure: Callable[[Row], float], *, passes: bool
) -> list[dict[str, Any]]:
    """A figure of each rule in each world, printed."""
    result = []
    print("  rate/s  base%  noise  worse" + "".join(f"{name:>9s}" for name in RULES))
    for world in worlds:
        figures = {name: figure(play(world, name, runs, passes=passes)) for name in RULES}
        where = f"{world.rate:8.0f} {100 * world.base:6.1f} {world.noise:6.1f}"
        print(
            f"{where} {100 * world.worse:+6.1f}"
            + "".join(f"{value:9.1f}" for value in figures.values()),
            flush=True,
        )
        result.append(
            {
                "rate": world.rate,
                "base": world.base,
                "noise": world.noise,
                "worse": world.worse,
                **figures,
            }
        )
    return result


def bad_minute(runs: int) -> list[dict[str, float]]:
    """A candidate one point worse, with and without a minute in which a fifth of stable's answers
    fail."""
    result = []
    print("  rate/s  broken%  promoted%")
    for broken in (0.0, 0.2):
        for rate in (10.0, 100.0, 1000.0):
            world = World(rate, 0.005, 0.01, broken=broken)
            promoted = play(world, "both<4", runs, passes=True).promoted
            print(f"{rate:8.0f} {100 * broken:8.0f} {100 * promoted:10.2f}", flush=True)
            result.append({"rate": rate, "broken": broken, "promoted": promoted})
    return result


def main() -> None:
    runs = 400
    if len(sys.argv) > 1:
        runs = int(sys.argv[1])
    began = time.perf_counter()
    places = [(base, rate) for base in (0.005, 0.02) for rate in (100.0, 1000.0)]
    print(f"false aborts of good candidates, % of {runs} rollouts")
    good = [World(rate, base, noise=noise) for noise in (0.0, 0.3) for base, rate in places]
    false = rows(good, runs, lambda row: 100 * row.aborted, passes=True)
    print("\ncandidate requests until the abort, mean")
    bad = [
        World(rate, base, worse, noise)
        for noise in (0.0, 0.3)
        for base, rate in places
        for worse in (0.01, 0.05, 0.2)
    ]
    exposed = rows(bad, max(runs // 4, 1), lambda row: row.exposed, passes=False)
    print("\na candidate that is one point worse, and a bad minute of stable")
    minute = bad_minute(runs)
    seconds = round(time.perf_counter() - began, 1)
    figures = {"false_aborts": false, "exposed": exposed, "bad_minute": minute}
    keep("frontier", {"runs": runs, **figures, "seconds": seconds})


if __name__ == "__main__":
    main()

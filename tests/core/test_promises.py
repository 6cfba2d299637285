"""Promises over whole rollouts, by Monte Carlo with a fixed seed: false aborts, power, exposure.

Looks after every scrape. What must hold: P(a good candidate ever fails) ≤ alpha, also with a base
rate that changes, an outage that both revisions share and a split that rises. The assertion uses
the Clopper-Pearson interval: it fails where the measured rate is above alpha beyond chance. Per-pod
bursts break the independence that every count-based test needs: their rate is measured by the
bench, not promised here.
"""

import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from tidegate.core.evalues import Arm, Block, growth
from tidegate.core.sequential import Test, Wealth, advance

Rates = npt.NDArray[np.float64]
FAIL = Test(worse=True)
MARGIN = Test(worse=True, margin=0.01)
PASS = Test(worse=False, margin=0.01)
ALPHA = (
    0.05  # larger than the default: more false aborts to count, so a violation shows in fewer runs
)
SPLIT = np.repeat([0.01, 0.05, 0.10, 0.25, 0.50], 30)
SCRAPES = len(SPLIT)


def first_hit(
    test: Test, share: Rates, stable: Rates, candidate: Rates, rng: np.random.Generator
) -> int | None:
    """Candidate requests until log capital log(1/ALPHA), with 100 requests per scrape; None: never
    reached."""
    nc = rng.binomial(100, share)
    rows = zip(
        nc, rng.binomial(nc, candidate), 100 - nc, rng.binomial(100 - nc, stable), strict=True
    )
    wealth = Wealth()
    exposed = 0
    for row in rows:
        n, bad, other, other_bad = map(int, row)
        wealth = advance(wealth, test, Block(Arm(n, bad), Arm(other, other_bad)))
        exposed = exposed + n
        if wealth.log_e >= math.log(1 / ALPHA):
            return exposed
    return None


def flat(rate: float) -> Rates:
    return np.full(SCRAPES, rate)


def diurnal() -> Rates:
    return 0.02 * (1 + 0.9 * np.sin(np.linspace(0, 6 * np.pi, SCRAPES)))


def outage() -> Rates:
    rates = flat(0.005)
    rates[-20:] = 0.5
    return rates


WEATHER = {
    "0.1 %": (flat(0.1), flat(0.001)),
    "0.5 %": (flat(0.1), flat(0.005)),
    "2 %": (flat(0.1), flat(0.02)),
    "20 %": (flat(0.1), flat(0.20)),
    "half and half": (flat(0.5), flat(0.02)),
    "diurnal": (flat(0.1), diurnal()),
    "rising split": (SPLIT, flat(0.02)),
    "rising split, diurnal": (SPLIT, diurnal()),
    "rising split, outage": (SPLIT, outage()),
}


def hits(test: Test, share: Rates, stable: Rates, candidate: Rates, runs: int) -> int:
    rng = np.random.default_rng(11)
    return sum(first_hit(test, share, stable, candidate, rng) is not None for _ in range(runs))


def assert_at_most_alpha(count: int, runs: int) -> None:
    least = 0.0
    if count:
        least = stats.beta.ppf(0.001, count, runs - count + 1)
    assert least <= ALPHA, f"{count} of {runs} is above {ALPHA}"


@pytest.mark.parametrize("name", WEATHER)
def test_a_good_candidate_is_hardly_ever_rolled_back(name: str) -> None:
    share, rate = WEATHER[name]
    assert_at_most_alpha(hits(FAIL, share, rate, rate, 400), 400)


@pytest.mark.parametrize("name", ["2 %", "rising split, outage"])
def test_a_candidate_at_the_margin_is_hardly_ever_rolled_back(name: str) -> None:
    share, rate = WEATHER[name]
    assert_at_most_alpha(hits(MARGIN, share, rate, rate + 0.01, 25), 25)


@pytest.mark.parametrize("name", ["0.5 %", "rising split, outage"])
def test_a_candidate_that_is_too_bad_hardly_ever_passes(name: str) -> None:
    share, rate = WEATHER[name]
    assert_at_most_alpha(hits(PASS, share, rate, rate + 0.01, 60), 60)


@pytest.mark.long
@pytest.mark.parametrize("name", WEATHER)
@pytest.mark.parametrize("test", [FAIL, MARGIN, PASS], ids=["fail", "fail with margin", "pass"])
def test_many_rollouts_at_the_edge_of_the_null(test: Test, name: str) -> None:
    share, rate = WEATHER[name]
    runs = 2000 if test == FAIL else 300
    assert_at_most_alpha(hits(test, share, rate, rate + test.margin, runs), runs)


@pytest.mark.parametrize(
    ("bad", "share"), [(0.2, 0.1), (0.2, 0.5), (0.05, 0.1), (0.05, 0.5), (0.02, 0.5)]
)
def test_a_bad_candidate_rolls_back_before_it_has_answered_many(bad: float, share: float) -> None:
    """Beside the information bound, stable 0.5 %: log(1/alpha) / growth from the null's edge, in
    whole scrapes."""
    rng = np.random.default_rng(3)
    rates = (0.005, bad)
    scrapes = math.log(1 / ALPHA) / growth(100 * share, 100 * (1 - share), rates, rates, 0.0)
    exposed = [first_hit(FAIL, flat(share), flat(0.005), flat(bad), rng) for _ in range(30)]
    assert all(n is not None for n in exposed), "a bad candidate was missed"
    assert np.mean([n for n in exposed if n is not None]) <= (1.5 * scrapes + 1) * 100 * share


def test_a_bad_candidate_rolls_back_in_foul_weather_too() -> None:
    rng = np.random.default_rng(3)
    rate = diurnal()
    rate[10:20] = 0.5
    assert all(
        first_hit(FAIL, flat(0.5), rate, np.minimum(1, 3 * rate), rng) is not None
        for _ in range(30)
    )

"""How noisy stable is against itself, and what that does to the bets against a candidate."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.analysis import Metric, MetricKind
from tidegate.core.evalues import Arm, Block
from tidegate.core.noise import Noise, exponent, observed, spread, variance
from tidegate.core.verdicts import Track, weigh

ERRORS = Metric(MetricKind.ERRORS)
THRESHOLD = math.log(200)
CV = 0.3
SIGMA = math.sqrt(math.log(1 + CV**2))
BETWEEN_TWO = 2 * SIGMA**2  # of the log odds ratio of two alike revisions


def rates(rng: np.random.Generator, base: float, windows: int, sigma: float) -> list[float]:
    """Of one revision, for each window; log-normal with mean `base`."""
    draws = np.exp(sigma * rng.standard_normal(windows) - sigma**2 / 2)
    return [float(rate) for rate in base * draws]


def seen(base: float, n: int, windows: int, sigma: float, seed: int = 1) -> float:
    """The spread that stable shows in so many windows of n answers."""
    rng = np.random.default_rng(seed)
    noise = Noise()
    for number, rate in enumerate(rates(rng, base, windows, sigma)):
        noise = observed(noise, number, Arm(n, int(rng.binomial(n, rate))))
    return spread(observed(noise, windows, Arm()))


def test_independent_answers_show_hardly_any_noise() -> None:
    assert [seen(0.02, 5000, 200, 0.0, seed) < 0.01 for seed in range(5)] == [True] * 5


def test_noise_of_its_own_shows_as_large_as_it_is() -> None:
    assert seen(0.02, 50_000, 400, SIGMA) == pytest.approx(BETWEEN_TWO, rel=0.25)


def test_before_anything_is_known_a_little_noise_is_supposed() -> None:
    assert spread(Noise()) == pytest.approx(0.02)
    assert spread(observed(Noise(), 0, Arm(5000, 5000))) == pytest.approx(0.02)


def test_a_window_that_is_not_over_says_nothing() -> None:
    calm = observed(observed(Noise(), 0, Arm(5000, 25)), 1, Arm(5000, 25))
    outage = observed(calm, 1, Arm(5000, 2500))
    assert spread(outage) == spread(calm)
    assert spread(observed(outage, 2, Arm(5000, 25))) > spread(calm)


def test_an_outage_counts_as_the_two_windows_at_its_ends() -> None:
    noise = Noise()
    for number, bad in enumerate([25] * 10 + [2500] * 3 + [25] * 20):
        noise = observed(noise, number, Arm(5000, bad))
    assert spread(noise) < 0.25


def test_windows_with_few_bad_answers_say_little() -> None:
    noise = Noise()
    for number in range(20):
        noise = observed(noise, number, Arm(10, number % 2))
    assert noise.windows < 0.5


@given(
    st.lists(st.floats(0.01, 500), min_size=1, max_size=12),
    st.floats(0.001, 2.0),
)
def test_the_exponents_of_a_window_never_count_more_than_noise_allows(
    variances: list[float], noise: float
) -> None:
    """Σ η²V + s²A² ≤ A after every block, and A ≤ 1/s²."""
    used = 0.0
    squares = 0.0
    for each in variances:
        power = exponent(noise, used, each)
        assert 0 <= power <= 1
        used += power * each
        squares += power**2 * each
        assert squares + noise * used**2 <= used * (1 + 1e-9)
    assert used <= 1 / noise


def test_over_a_noisy_window_a_tempered_bet_is_not_expected_to_win() -> None:
    """By Monte Carlo: the noise as large as the estimate, ten blocks that share it, odds of 1.4.
    Counts are not quite normal, so that a tenth remains."""
    rng = np.random.default_rng(2)
    runs = 200_000
    candidate = 500
    stable = 4500
    bad = 60
    answers = variance(Arm(candidate, bad), Arm(stable, 0))
    u = rng.normal(0.0, 0.3, runs)
    share = candidate / (candidate + stable)
    tilted = share * np.exp(u) / (1 - share + share * np.exp(u))
    used = 0.0
    log_e = np.zeros(runs)
    plain = np.zeros(runs)
    for _ in range(10):
        power = exponent(0.09, used, answers)
        used += power * answers
        gain = rng.binomial(bad, tilted) * math.log(1.4) - bad * math.log1p(share * 0.4)
        log_e += power * gain
        plain += gain
    assert np.mean(np.exp(log_e)) < 1.2
    assert np.mean(np.exp(plain)) > 3


def aborted(base: float, sigma: float, worse: float, runs: int = 60) -> float:
    """The share of runs that fail in 20 minutes at 10 % of 500 requests/s, in blocks of 10 s."""
    rng = np.random.default_rng(4)
    count = 0
    for _ in range(runs):
        track = Track(ERRORS)
        ours = rates(rng, base + worse, 20, sigma)
        theirs = rates(rng, base, 20, sigma)
        for minute in range(20):
            nc = rng.binomial(5000, 0.1, 6)
            yc = rng.binomial(nc, ours[minute])
            ys = rng.binomial(5000 - nc, theirs[minute])
            for n, bad, other in zip(nc.tolist(), yc.tolist(), ys.tolist(), strict=True):
                track = weigh(track, Block(Arm(n, bad), Arm(5000 - n, other), 10.0), True)
            if track.fail.log_e >= THRESHOLD:
                count += 1
                break
    return count / runs


def test_a_good_candidate_with_noise_of_its_own_is_rarely_aborted() -> None:
    """Without tempering a third are, and more."""
    assert aborted(0.02, SIGMA, 0.0) <= 0.1


def test_a_bad_candidate_is_found_in_spite_of_the_noise() -> None:
    assert aborted(0.02, SIGMA, 0.03, 30) == 1.0

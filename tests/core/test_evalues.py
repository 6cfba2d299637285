"""Each block's e-value, against exact enumeration and scipy."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tidegate.core import evalues
from tidegate.core.evalues import Arm, Block, against, conditional, growth, projected, projection
from tidegate.core.sequential import Test, bets, log_evalues

SIZES = st.integers(0, 9)
SHARES = st.floats(0.001, 0.999)
TESTS = st.one_of(
    st.just(Test(worse=True)),
    st.builds(Test, worse=st.booleans(), margin=st.sampled_from([0.002, 0.01, 0.05, 0.3])),
    st.builds(Test, worse=st.booleans(), objective=st.sampled_from([0.001, 0.01, 0.2, 0.9])),
)


def null_point(test: Test, first: float, two: float) -> tuple[float, float]:
    """A point (θs, θc) of the test's null, made of two numbers in 0..1."""
    if test.objective is not None:
        edge = test.objective
        return first, edge * two if test.worse else edge + (1 - edge) * two
    if test.worse:
        return first, min(1.0, first + test.margin) * two
    stable = first * (1 - test.margin)
    return stable, stable + test.margin + (1 - stable - test.margin) * two


def binomial(bad: int, total: int, rate: float) -> float:
    """Its mass; scipy's overflows at the smallest rates that a double holds."""
    return math.comb(total, bad) * rate**bad * (1 - rate) ** (total - bad)


def expectations(test: Test, nc: int, ns: int, stable: float, candidate: float) -> list[float]:
    """The exact mean of each bet's e-value."""
    means = [0.0] * len(bets(test))
    for yc, ys in itertools.product(range(nc + 1), range(ns + 1)):
        chance = binomial(yc, nc, candidate) * binomial(ys, ns, stable)
        logs = log_evalues(test, Block(Arm(nc, yc), Arm(ns, ys)))
        means = [mean + chance * math.exp(log) for mean, log in zip(means, logs, strict=True)]
    return means


@settings(max_examples=60, deadline=None)
@given(TESTS, SIZES, SIZES, SHARES, st.floats(0, 1))
def test_under_the_null_every_bet_is_worth_at_most_its_price(
    test: Test, nc: int, ns: int, first: float, two: float
) -> None:
    stable, candidate = null_point(test, first, two)
    assert max(expectations(test, nc, ns, stable, candidate)) <= 1 + 1e-9


@pytest.mark.parametrize(
    "test", [Test(True), Test(True, 0.01), Test(False, 0.01), Test(True, objective=0.01)]
)
def test_the_edge_of_the_null_is_the_worst_case(test: Test) -> None:
    rates = [i / 40 for i in range(1, 39)]
    edges = [(r, r + test.margin if test.objective is None else test.objective) for r in rates]
    means = [max(expectations(test, 4, 6, *edge)) for edge in edges]
    assert max(means) <= 1 + 1e-9


@pytest.mark.parametrize(
    ("nc", "ns", "yc", "ys"), [(5, 95, 3, 2), (50, 50, 20, 9), (1, 19, 1, 0), (200, 20, 150, 9)]
)
@pytest.mark.parametrize("odds", [1.4, 4.0, 150.0])
def test_the_conditional_e_value_is_fishers_likelihood_ratio(
    nc: int, ns: int, yc: int, ys: int, odds: float
) -> None:
    law = stats.nchypergeom_fisher(nc + ns, nc, yc + ys, odds)
    null = stats.hypergeom(nc + ns, nc, yc + ys)
    (log,) = conditional(Arm(nc, yc), Arm(ns, ys), (odds,))
    assert log == pytest.approx(law.logpmf(yc) - null.logpmf(yc), abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.floats(0, 1), st.floats(1.01, 500))
def test_the_bound_for_large_blocks_never_promises_more_than_the_exact_sum(
    nc: int, ns: int, part: float, odds: float
) -> None:
    total = round(part * (nc + ns))
    low = max(0, total - ns)
    high = min(nc, total)
    terms = evalues._hypergeometric(nc, ns, total, low, high)
    exact = evalues._log_generating(terms, low, high, math.log(odds))
    assert evalues._generating_bound(nc, ns, total, odds) >= exact - 1e-9


def test_a_huge_block_is_decided_and_stays_finite() -> None:
    worse = conditional(Arm(100_000, 4_000), Arm(100_000, 3_000), (1.4, 4.0))
    same = conditional(Arm(100_000, 3_000), Arm(100_000, 3_000), (1.4, 4.0))
    assert worse[0] > 40
    assert max(same) < 0
    assert all(math.isfinite(x) for x in (*worse, *same))


@pytest.mark.parametrize(
    ("candidate", "stable"),
    [
        (Arm(), Arm()),
        (Arm(9, 9), Arm()),
        (Arm(), Arm(9, 9)),
        (Arm(9, 0), Arm(90, 0)),
        (Arm(9, 9), Arm(90, 90)),
    ],
    ids=["nothing", "no stable", "no candidate", "nobody bad", "all bad"],
)
def test_a_block_that_compares_nothing_moves_nothing(candidate: Arm, stable: Arm) -> None:
    assert conditional(candidate, stable, (2.0, 9.0)) == (0.0, 0.0)
    if not (candidate.n and stable.n):
        assert projected(candidate, stable, (0.01, 0.01), 0.01) == 0.0


def test_an_outage_that_both_share_says_nothing_about_the_candidate() -> None:
    calm = conditional(Arm(100, 1), Arm(900, 9), (4.0,))[0]
    outage = conditional(Arm(100, 50), Arm(900, 450), (4.0,))[0]
    assert calm < 0
    assert outage < 0


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 500), st.integers(1, 500), SHARES, st.floats(0, 1), st.floats(0.001, 0.4))
def test_the_projection_is_the_nearest_point_of_the_edge(
    nc: int, ns: int, first: float, two: float, margin: float
) -> None:
    stable = first * (1 - margin) * 0.98 + 0.001
    candidate = 0.001 + (stable + margin) * 0.98 * two  # better than the edge
    best = projection(nc, ns, (stable, candidate), margin)

    def distance(edge: float) -> float:
        return float(
            ns * stats.entropy([stable, 1 - stable], [edge, 1 - edge])
            + nc * stats.entropy([candidate, 1 - candidate], [edge + margin, 1 - edge - margin])
        )

    others = np.linspace(1e-6, 1 - margin - 1e-6, 50)
    assert distance(best) <= min(distance(x) for x in others) + 1e-9


def test_growth_is_largest_for_the_bet_that_is_right() -> None:
    true = (0.01, 0.01)
    right = growth(100, 900, true, true, 0.01)
    assert right > 0
    for bet in ((0.003, 0.003), (0.03, 0.03), (0.2, 0.2)):
        assert growth(100, 900, true, bet, 0.01) < right


def test_against_is_a_likelihood_ratio() -> None:
    law = stats.binom(40, 0.1)
    null = stats.binom(40, 0.01)
    assert against(Arm(40, 3), 0.1, 0.01) == pytest.approx(law.logpmf(3) - null.logpmf(3))

"""Bets on a mean: they are e-values, under any law of the values, and they find out."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.own.mean import bet, log_evalues, values_to
from tidegate.core.sequential import Test, Wealth, restart

OBJECTIVES = (0.01, 0.05, 0.25, 0.5, 0.9)


@given(
    st.sampled_from(OBJECTIVES),
    st.booleans(),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_each_bet_is_an_e_value_whatever_the_law_is(
    objective: float, worse: bool, low: float, high: float, how_far: float
) -> None:
    """Every law with a mean is a mixture of laws on two points with that mean, and the bet is
    linear: so two points are enough, with any mean on the side of the null."""
    edge = objective
    if worse:
        mean = how_far * edge
    else:
        mean = edge + how_far * (1 - edge)
    below = low * mean
    above = mean + high * (1 - mean)
    if above - below < 1e-9:
        return
    share = (mean - below) / (above - below)
    test = Test(worse, objective=objective)
    pairs = zip(log_evalues(test, below), log_evalues(test, above), strict=True)
    for at_below, at_above in pairs:
        expected = (1 - share) * math.exp(at_below) + share * math.exp(at_above)
        assert expected <= 1 + 1e-9


def after(test: Test, values: list[float], per_window: int = 4) -> Wealth:
    wealth = Wealth()
    for number, value in enumerate(values):
        wealth = bet(wealth, test, value, number // per_window)
    return wealth


def test_one_window_alone_neither_fails_nor_passes() -> None:
    worse = after(Test(True, objective=0.25), [1.0] * 40, per_window=40)
    assert worse.log_e <= math.log(10) + 1e-9
    good = after(Test(False, objective=0.25), [0.0] * 40, per_window=40)
    assert good.log_e <= math.log(3) + 1e-9


@pytest.mark.parametrize(
    ("worse", "value", "most"), [(True, 0.9, 14), (True, 0.5, 20), (False, 0.025, 24)]
)
def test_a_clear_mean_is_known_within_a_few_windows(worse: bool, value: float, most: int) -> None:
    wealth = after(Test(worse, objective=0.25), [value] * most)
    assert wealth.log_e > math.log(100)


def test_a_mean_at_its_objective_is_never_more_than_rarely_called_above_or_below() -> None:
    """Values of 0, 0.25 and 1 with a mean of exactly the objective: 400 rollouts of 60 values."""
    rng = random.Random(7)
    for worse in (True, False):
        test = Test(worse, objective=0.25)
        wrong = 0
        for _ in range(400):
            values = rng.choices([0.0, 0.25, 1.0], [0.6, 0.2, 0.2], k=60)
            wealth = Wealth()
            highest = 0.0
            for number, value in enumerate(values):
                wealth = bet(wealth, test, value, number // 4)
                highest = max(highest, wealth.log_e)
            wrong += highest >= math.log(20)
        assert wrong <= 0.05 * 400


def test_the_forecast_is_about_what_is_needed() -> None:
    test = Test(False, objective=0.25)
    need = values_to(Wealth(), test, math.log(100), 0.05)
    assert need is not None
    wealth = after(test, [0.05] * math.ceil(1.3 * need), per_window=1)
    assert wealth.log_e > math.log(100)
    assert values_to(Wealth(), test, math.log(100), 0.3) is None
    assert values_to(wealth, test, math.log(100), 0.05) == 0.0


def test_a_step_begins_with_what_the_bets_have_learned() -> None:
    test = Test(False, objective=0.25)
    again = restart(after(test, [0.02] * 30), test)
    assert abs(again.log_e) < 1e-9

"""The band holds the true share at all times at once as often as it says, and is no wider than it
must be."""

import random

from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.bands import band, difference
from tidegate.core.evalues import Arm


def _ever_outside(rate: float, seed: int, answers: int = 3000) -> bool:
    chance = random.Random(seed)
    bad = 0
    for n in range(1, answers + 1):
        bad += chance.random() < rate
        if n % 10:
            continue
        low, high = band(Arm(n, bad), 0.05)
        if not low <= rate <= high:
            return True
    return False


def test_the_band_holds_at_all_times_at_once() -> None:
    outside = sum(_ever_outside(0.02, seed, 1500) for seed in range(120))
    assert outside <= 0.05 * 120 + 7  # three standard deviations


@given(st.integers(1, 5000), st.data())
def test_the_band_holds_what_was_counted_and_narrows(n: int, data: st.DataObject) -> None:
    bad = data.draw(st.integers(0, n))
    low, high = band(Arm(n, bad), 0.01)
    assert 0 <= low <= bad / n <= high <= 1
    narrower = band(Arm(10 * n, 10 * bad), 0.01)
    assert narrower[1] - narrower[0] <= high - low


def test_nothing_bad_still_leaves_something_open() -> None:
    low, high = band(Arm(180, 0), 0.05)
    assert low == 0
    assert 0.02 < high < 0.04


def test_no_answers_say_nothing() -> None:
    assert band(Arm(), 0.01) == (0.0, 1.0)
    assert difference(Arm(), Arm(100, 1), 0.01)[1] > 0.9


def test_a_clear_difference_excludes_zero() -> None:
    low, high = difference(Arm(400, 80), Arm(3600, 36), 0.01)
    assert low > 0.1
    assert high < 0.3

"""No window of time decides alone."""

import math

import pytest

from tidegate.core.evalues import Arm, Block
from tidegate.core.sequential import Test, Wealth, advance
from tidegate.core.windows import Window, seconds_to_pass, window_of

FAIL = Test(worse=True)
PASS = Test(worse=False, margin=0.01)
THRESHOLD = math.log(100)
GOOD = Block(Arm(5000, 0), Arm(5000, 0))  # by itself far more than a pass needs
WORSE = Block(Arm(5000, 145), Arm(5000, 100))  # odds of 1.5
BROKEN = Block(Arm(200, 100), Arm(5000, 25))  # odds of 200


def after(test: Test, *windows: list[Block]) -> Wealth:
    """The capital after these blocks, a list for each window."""
    wealth = Wealth()
    for number, blocks in enumerate(windows):
        for block in blocks:
            wealth = advance(wealth, test, block, window=number)
    return wealth


def test_one_window_multiplies_the_evidence_toward_pass_by_three_at_most() -> None:
    assert after(PASS, [GOOD]).log_e == pytest.approx(math.log(3))
    assert after(PASS, [GOOD] * 50).log_e == pytest.approx(math.log(3))
    for windows in range(1, 5):
        wealth = after(PASS, *[[GOOD] * 3] * windows)
        assert wealth.log_e == pytest.approx(windows * math.log(3))


def test_a_pass_takes_four_whole_windows_and_a_part_of_the_fifth() -> None:
    assert after(PASS, *[[GOOD]] * 4).log_e < THRESHOLD < after(PASS, *[[GOOD]] * 5).log_e


def test_what_the_limit_has_cut_off_is_lost_and_a_bad_block_counts_in_full() -> None:
    bad = Block(Arm(100, 4), Arm(100, 0))
    wealth = after(PASS, [GOOD], [bad])
    alone = advance(after(PASS, [GOOD], [Block()]), PASS, bad, window=1)
    assert wealth.log_e == pytest.approx(alone.log_e)
    assert wealth.log_e < math.log(3)


def test_within_a_window_the_evidence_may_fall_back_below_the_limit() -> None:
    awful = Block(Arm(500, 50), Arm(500, 0))
    calm = Block(Arm(500, 0), Arm(500, 0))
    assert after(PASS, [calm]).log_e == pytest.approx(math.log(3))
    assert after(PASS, [calm, awful]).log_e < 0


def test_bets_on_small_odds_win_tenfold_in_one_window_at_most() -> None:
    assert after(FAIL, [WORSE] * 20).log_e < math.log(10)
    assert after(FAIL, *[[WORSE] * 20] * 2).log_e < THRESHOLD
    assert after(FAIL, *[[WORSE] * 20] * 4).log_e > THRESHOLD


def test_large_odds_decide_at_once() -> None:
    assert after(FAIL, [BROKEN]).log_e > THRESHOLD


def test_a_window_is_that_in_which_an_interval_begins() -> None:
    assert [window_of(seconds, 60.0) for seconds in (0.0, 58.0, 60.0, 61.0, 600.0)] == [
        0,
        0,
        1,
        1,
        10,
    ]


@pytest.mark.parametrize(
    ("most", "seconds", "left"),
    [
        (THRESHOLD, 30.0, 0.0),
        (THRESHOLD - 0.1, 30.0, 30.0),
        (THRESHOLD - 0.1, 59.0, 1.0),
        (math.log(3), 0.0, 240.0),
    ],
)
def test_a_pass_waits_for_the_windows_that_it_lacks(
    most: float, seconds: float, left: float
) -> None:
    assert seconds_to_pass(Window(most=most), THRESHOLD, seconds, 60.0) == pytest.approx(left)

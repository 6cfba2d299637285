"""The capital of a test over many blocks."""

import itertools
import json
import math
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tidegate.core.evalues import Arm, Block
from tidegate.core.sequential import Test, Wealth, advance, bets, requests_to, restart

FAIL = Test(worse=True)
PASS = Test(worse=False, margin=0.01)
OWN = tuple(
    Test(worse, margin, experiment=True)
    for worse, margin in ((True, 0.0), (True, 0.02), (False, 0.01), (False, 0.0), (False, -0.02))
)


def arms(most: int = 60) -> st.SearchStrategy[Arm]:
    return st.integers(0, most).flatmap(lambda n: st.builds(Arm, st.just(n), st.integers(0, n)))


BLOCKS = st.lists(st.builds(Block, arms(), arms()), max_size=6)


def play(test: Test, *blocks: Block, wealth: Wealth | None = None) -> Wealth:
    wealth = wealth or Wealth()
    for block in blocks:
        wealth = advance(wealth, test, block)
    return wealth


def block(nc: int, yc: int, ns: int, ys: int) -> Block:
    return Block(Arm(nc, yc), Arm(ns, ys))


@settings(max_examples=30, deadline=None)
@given(
    BLOCKS,
    st.sampled_from([FAIL, Test(True, 0.01), PASS, *OWN]),
    st.integers(1, 6),
    st.integers(1, 8),
    st.floats(0.001, 0.95),
    st.booleans(),
    st.sampled_from([None, 1, 2]),
    st.sampled_from([0.0, 0.1, 3.0]),
)
def test_after_any_history_the_capital_is_not_expected_to_grow_under_the_null(
    history: list[Block],
    test: Test,
    nc: int,
    ns: int,
    stable: float,
    restarted: bool,
    blocks_per_window: int | None,
    spread: float,
) -> None:
    """In windows of one or two blocks, and without; an experiment has none. However noisy stable
    is."""
    windows: list[int | None] = [None] * (len(history) + 1)
    if blocks_per_window is not None and not test.experiment:
        windows = [number // blocks_per_window for number in range(len(history) + 1)]
    wealth = Wealth()
    for earlier, window in zip(history, windows, strict=False):
        wealth = advance(wealth, test, earlier, window=window, spread=spread)
    if restarted:
        wealth = restart(wealth, test)
    candidate = max(stable + test.margin, 0.0)
    expected = 0.0
    for yc, ys in itertools.product(range(nc + 1), range(ns + 1)):
        chance = stats.binom.pmf(yc, nc, candidate) * stats.binom.pmf(ys, ns, stable)
        now = block(nc, yc, ns, ys)
        after = advance(wealth, test, now, window=windows[-1], spread=spread)
        expected += chance * math.exp(after.log_e - wealth.log_e)
    assert expected <= 1 + 1e-9


@given(BLOCKS)
@settings(max_examples=30, deadline=None)
def test_the_state_is_small_finite_and_json(history: list[Block]) -> None:
    wealth = play(FAIL, *history)
    assert len(wealth.logs) <= 40
    assert all(math.isfinite(x) for x in wealth.logs)
    assert tuple(json.loads(json.dumps(asdict(wealth)))["logs"]) == wealth.logs


def test_a_test_starts_at_one() -> None:
    assert Wealth().log_e == 0
    assert play(FAIL, block(0, 0, 20, 1)).log_e == pytest.approx(0)


def test_the_first_scrape_counts() -> None:
    assert play(FAIL, block(100, 50, 900, 3)).log_e > math.log(1000)


def test_the_order_of_two_calm_blocks_hardly_matters() -> None:
    first = block(40, 2, 160, 1)
    two = block(60, 1, 140, 2)
    assert play(FAIL, first, two).log_e == pytest.approx(play(FAIL, two, first).log_e, abs=0.02)


def test_an_outage_block_does_not_destroy_the_power_to_pass() -> None:
    calm = block(100, 0, 100, 1)
    outage = block(100, 50, 100, 50)
    after = play(PASS, *[calm] * 3, outage)
    again = play(PASS, *[calm] * 25, wealth=after)
    assert after.log_e < 0
    assert again.log_e > math.log(100)


def test_a_candidate_that_turns_bad_late_has_no_credit_from_its_good_hours() -> None:
    good = block(50, 0, 450, 2)
    bad = block(50, 10, 450, 2)
    late = play(FAIL, *[good] * 500, *[bad] * 2)
    assert late.log_e > math.log(100)


def test_ten_thousand_quiet_scrapes_leave_enough_capital_to_fail() -> None:
    wealth = Wealth()
    for turn in range(10_000):
        wealth = advance(wealth, FAIL, block(2, 0, 18, int(turn % 20 == 0)))
    assert wealth.log_e > -6
    assert play(FAIL, *[block(2, 2, 18, 0)] * 8, wealth=wealth).log_e > math.log(100)


def test_a_restart_forgets_the_evidence_and_keeps_what_it_learned() -> None:
    calm = block(200, 1, 200, 1)
    learned = restart(play(PASS, *[calm] * 20), PASS)
    assert learned.log_e == pytest.approx(0)
    assert play(PASS, *[calm] * 5, wealth=learned).log_e > play(PASS, *[calm] * 5).log_e
    assert restart(Wealth(), PASS) == Wealth()


def test_every_bet_is_on_the_claimed_side_of_the_edge() -> None:
    for margin in (0.0, 0.002, 0.01, 0.1, 0.4):
        for test in (Test(True, margin), Test(False, margin or 0.001)):
            if test == FAIL:
                assert all(odds > 1 for _, odds in bets(test))
                continue
            for stable, candidate in bets(test):
                assert 0 < stable < 1
                assert 0 < candidate < 1
                assert (candidate > stable + test.margin) == test.worse
    assert all(rate > 0.01 for _, rate in bets(Test(True, objective=0.01)))
    assert all(rate < 0.01 for _, rate in bets(Test(False, objective=0.01)))


def test_the_forecast_of_a_pass_is_about_what_a_pass_then_takes() -> None:
    threshold = math.log(100)
    steps = 0
    wealth = Wealth()
    forecast = requests_to(wealth, PASS, threshold, (0.01, 0.01), 0.5)
    assert forecast is not None
    while wealth.log_e < threshold:
        wealth = advance(wealth, PASS, block(100, 1, 100, 1))
        steps = steps + 1
    assert steps * 100 == pytest.approx(forecast, rel=0.3)
    assert requests_to(wealth, PASS, threshold, (0.01, 0.01), 0.5) == 0


@pytest.mark.parametrize("rates", [(0.01, 0.02), (0.01, 0.5)])
def test_there_is_no_forecast_for_a_candidate_that_is_too_bad(rates: tuple[float, float]) -> None:
    assert requests_to(Wealth(), PASS, 4.6, rates, 0.1) is None


def test_there_is_no_forecast_where_only_one_revision_answers() -> None:
    assert requests_to(Wealth(), PASS, 4.6, (0.01, 0.01), 1.0) is None
    assert requests_to(Wealth(), Test(False, objective=0.05), 4.6, (0.01, 0.01), 1.0) is not None

"""Series stay small whatever happens: never above the bound, first and changes kept, no long
gap."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core.thinning import (
    MOST,
    MOST_CHANGES,
    MOST_REGULAR,
    Thinning,
    due,
    keeps,
    spread,
    stride,
)

WEEK = 604_800.0


class Series:
    """A series as the database keeps it: numbers of regular samples go by `keeps` alone."""

    def __init__(self, interval=1.0):
        self.interval = interval
        self.thinning = Thinning()
        self.kept = []  # (at, number)
        self.most = 0

    def offer(self, at, content=("same",)):
        self.thinning, place = due(self.thinning, at, content, self.interval)
        if place is None:
            return False
        if place.drops is not None:
            self.kept = [
                (when, number)
                for when, number in self.kept
                if number is None or keeps(number, place.drops)
            ]
        self.kept.append((at, place.number))
        self.most = max(self.most, len(self.kept))
        return True

    @property
    def times(self):
        return [at for at, _ in self.kept]


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.floats(min_value=0.05, max_value=3600), min_size=1, max_size=60),
    st.lists(st.integers(0, 3), min_size=1, max_size=50),
)
def test_a_series_is_never_longer_than_its_bound(gaps, states):
    series = Series()
    at = 1_700_000_000.0
    for turn in range(2000):
        at += gaps[turn % len(gaps)]
        series.offer(at, (str(states[turn % len(states)]),))
    assert series.most <= MOST
    regular = [number for _, number in series.kept if number is not None]
    assert len(regular) == len(set(regular))
    assert len(regular) <= MOST_REGULAR
    assert series.times == sorted(series.times)


@settings(deadline=None, max_examples=15)
@given(st.floats(min_value=0.5, max_value=20), st.floats(min_value=0, max_value=0.4), st.integers())
def test_a_series_has_no_gap_above_three_strides(interval, jitter, seed):
    chance = random.Random(seed)
    series = Series(interval)
    at = 0.0
    for _ in range(20_000):
        series.offer(at)
        at += interval * (1 + chance.uniform(-jitter, jitter))
    gaps = [b - a for a, b in zip(series.times, series.times[1:], strict=False)]
    assert max(gaps) <= 3 * stride(series.thinning.level, interval)
    assert series.times[0] == 0.0
    assert len(series.kept) >= MOST_REGULAR // 4


def test_a_week_of_five_seconds():
    series = Series(5.0)
    for turn in range(int(WEEK / 5)):
        series.offer(turn * 5.0, (f"step {turn // 20_000}",))
    assert 250 <= len(series.kept) < 1000
    assert series.most < 1000


def test_what_changes_is_kept_beside_the_regular_ones():
    series = Series()
    series.offer(0.0, ("undecided",))
    for turn in range(1, 20_000):
        series.offer(float(turn), ("undecided",))
    assert series.offer(20_000.3, ("fail",))
    for turn in range(20_001, 200_000):
        series.offer(float(turn), ("fail",))
    assert 20_000.3 in series.times


def test_a_series_that_flaps_is_told_by_its_regular_samples():
    series = Series()
    for turn in range(5000):
        series.offer(turn * 0.5, (str(turn % 2),))
    changes = [at for at, number in series.kept if number is None]
    assert len(changes) == MOST_CHANGES
    assert series.times[-1] > 2400


def test_a_clock_that_was_put_back_does_not_stop_a_series():
    series = Series()
    series.offer(1000.0)
    assert series.offer(400.0)
    assert series.offer(401.0)


@given(st.integers(0, 2000), st.integers(2, 500), st.sets(st.integers(0, 1999), max_size=50))
def test_a_spread_keeps_both_ends_and_is_no_longer_than_asked(count, most, kept):
    inside = frozenset(position for position in kept if position < count)
    chosen = spread(count, most, inside)
    assert len(chosen) == min(count, most)
    assert list(chosen) == sorted(set(chosen))
    if count:
        assert {chosen[0], chosen[-1]} == {0, count - 1}
    if len(inside) <= most - 2:
        assert inside <= set(chosen)

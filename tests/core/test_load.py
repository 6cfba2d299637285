"""Rate and base of an endpoint: what they say, how soon, and when they say nothing."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core.evidence import Counters, Reading, Scrape
from tidegate.core.load import Load, due, expected_base, measured, next_at, quiet

START = 1_700_000_000.0


class Endpoint:
    """Counters of stable r1 that rise by chance."""

    def __init__(self, seed: int = 1) -> None:
        self.random = random.Random(seed)
        self.at = START
        self.answers = 0
        self.errors = 0
        self.load = Load()
        self.scrape()

    def scrape(self) -> None:
        reading = Reading("proxy", 1, Counters(self.answers, self.errors))
        self.load = measured(self.load, Scrape(self.at, (reading,)), 1)

    def run(self, rate: float, seconds: float, every: float = 5.0, bad: float = 0.0) -> None:
        end = self.at + seconds
        while self.at < end:
            self.at += every
            number = self._poisson(rate * every)
            self.answers += number
            self.errors += sum(self.random.random() < bad for _ in range(number))
            self.scrape()

    def _poisson(self, mean: float) -> int:
        if mean > 50:
            return max(0, round(self.random.gauss(mean, mean**0.5)))
        gone = self.random.expovariate(1.0)
        number = 0
        while gone < mean:
            number += 1
            gone += self.random.expovariate(1.0)
        return number


def test_nothing_is_known_before_something_was_measured() -> None:
    endpoint = Endpoint()
    assert (endpoint.load.rate, endpoint.load.error_rate) == (None, None)
    endpoint.run(0.01, 60)
    assert endpoint.load.rate is None, "a single request within a minute says nothing"


def test_nothing_stays_nothing() -> None:
    endpoint = Endpoint()
    endpoint.run(0.0, 600)
    assert endpoint.load.rate == 0.0
    assert endpoint.load.error_rate is None


@pytest.mark.parametrize("seed", range(20))
def test_a_hundredth_per_second_is_never_read_as_a_fifth(seed: int) -> None:
    endpoint = Endpoint(seed)
    rates = []
    for _ in range(24):
        endpoint.run(0.01, 300)
        rates.append(endpoint.load.rate)
    assert all(rate is not None and rate < 0.05 for rate in rates)
    assert endpoint.load.rate == pytest.approx(0.01, rel=0.6)


@pytest.mark.parametrize("rate", [0.05, 0.5, 5.0, 50.0])
@pytest.mark.parametrize("every", [5.0, 300.0])
def test_a_steady_rate_is_known_within_an_hour(rate: float, every: float) -> None:
    endpoint = Endpoint()
    endpoint.run(rate, 3600, every)
    assert endpoint.load.rate == pytest.approx(rate, rel=0.3)


def test_a_busy_endpoint_is_known_at_once() -> None:
    endpoint = Endpoint()
    endpoint.run(100.0, 5)
    assert endpoint.load.rate == pytest.approx(100.0, rel=0.2)


def test_traffic_that_comes_and_ends_is_seen_to() -> None:
    endpoint = Endpoint()
    endpoint.run(0.0, 86_400, every=300)
    endpoint.run(100.0, 900)
    assert endpoint.load.rate is not None
    assert endpoint.load.rate > 70
    endpoint.run(100.0, 7200)
    endpoint.run(0.0, 2700)
    assert endpoint.load.rate is not None
    assert endpoint.load.rate < 2


def test_the_base_is_stables_share_of_bad_answers() -> None:
    endpoint = Endpoint()
    endpoint.run(50.0, 1800, bad=0.02)
    assert endpoint.load.error_rate == pytest.approx(0.02, rel=0.15)
    assert expected_base(endpoint.load.error_rate) == endpoint.load.error_rate


def test_a_forecast_never_assumes_that_nothing_can_fail() -> None:
    assert expected_base(0.0) == pytest.approx(0.000025)
    assert expected_base(None) is None


def test_a_long_absence_is_one_interval_and_a_clock_put_back_begins_anew() -> None:
    endpoint = Endpoint()
    endpoint.run(10.0, 600)
    endpoint.run(10.0, 7200, every=7200)
    assert endpoint.load.rate == pytest.approx(10.0, rel=0.1)
    before = endpoint.load
    reading = Reading("proxy", 1, Counters(5, 0))
    back = measured(before, Scrape(endpoint.at - 3600, (reading,)), 1)
    assert back.windows == before.windows
    assert back.last is not None
    assert back.last.at == endpoint.at - 3600


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.floats(0.5, 90_000), st.integers(0, 100_000)), max_size=40))
def test_a_rate_lies_between_what_was_seen(intervals: list[tuple[float, int]]) -> None:
    load = Load()
    at = START
    total = 0
    for seconds, number in [(1.0, 0), *intervals]:
        at += seconds
        total += number
        load = measured(load, Scrape(at, (Reading("proxy", 1, Counters(total, 0)),)), 1)
    rates = [number / seconds for seconds, number in intervals]
    if load.rate is not None:
        assert min(rates) * 0.999 <= load.rate <= max(rates) * 1.001 + 1e-9


def test_a_new_endpoint_is_measured_often_and_a_known_one_now_and_then() -> None:
    endpoint = Endpoint()
    assert next_at(endpoint.load, START, 300.0) == START + 60.0
    assert due(Load(), START, 300.0)
    assert not due(endpoint.load, START + 30, 300.0)
    endpoint.run(10.0, 600)
    now = endpoint.at
    assert next_at(endpoint.load, now, 300.0) == now + 300.0
    assert not due(endpoint.load, now + 200, 300.0)
    assert due(endpoint.load, now + 300, 300.0)


def test_what_moves_a_little_is_told_as_before() -> None:
    assert quiet(None, 103.7) == 100.0
    assert quiet(100.0, 118.0) == 100.0
    assert quiet(100.0, 131.0) == 130.0
    assert quiet(100.0, 0.0) == 0.0
    assert quiet(0.0, 0.013) == 0.013
    assert quiet(5.0, None) is None

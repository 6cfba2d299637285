"""The canary that is made from rate and base: what it exposes, how soon it says something, and that
nothing is forecast where nothing was measured."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core import strategy
from tidegate.core.analysis import Metric, MetricKind
from tidegate.core.ladder import (
    MAX_EXPOSED,
    PASS_PERCENTS,
    SOON,
    Ladder,
    exposure_beyond,
    following_traffic,
    ladder,
    minimum_seconds,
)
from tidegate.core.load import Rates
from tidegate.core.strategy import Strategy, Until

PLAN = strategy.canary()
RATES = st.floats(0.001, 50_000)
BASES = st.one_of(st.just(0.0), st.floats(0.0001, 0.2))


def percents(made: Ladder) -> list[int]:
    return [step.candidate_traffic.percent for step in made.steps]


def pass_percent(made: Ladder) -> int:
    (step,) = (each for each in made.steps if each.until is Until.PASS)
    return step.candidate_traffic.percent


@given(
    RATES,
    BASES,
    st.integers(1, 5000),
    st.one_of(st.none(), st.integers(1, 200_000)),
    st.floats(1, 600),
    st.floats(0, 600),
)
@settings(max_examples=150, deadline=None)
def test_every_ladder_keeps_its_bounds_or_says_that_it_cannot(
    rate: float, base: float, least: int, most: int | None, window: float, bake: float
) -> None:
    metrics = (Metric(MetricKind.ERRORS, min_requests=least), *PLAN.metrics[1:])
    plan = replace(strategy.canary(bake=bake), metrics=metrics, noise_window=window)
    made = ladder(plan, Rates(rate, base), most)
    assert percents(made) == sorted(set(percents(made)))
    assert max(percents(made)) < 100
    assert strategy.proves(following_traffic(plan, made))
    assert made.exposed is not None
    assert made.max_exposed is not None
    warnings = " ".join(made.warnings)
    if made.exposed > made.max_exposed:
        assert "a pass is expected after about" in warnings
    comes = minimum_seconds(plan, rate, percents(made)[0])
    if comes > SOON:
        assert "the minimum of requests of a step comes only after" in warnings
        assert percents(made)[0] == PASS_PERCENTS[-1]
    # A later step has a larger share, so that its minimum comes sooner
    assert all(seconds is not None and seconds >= bake for seconds in made.seconds)


@given(RATES, BASES, st.floats(1, 600))
@settings(max_examples=80, deadline=None)
def test_by_default_a_pass_has_twice_what_it_is_expected_to_need(
    rate: float, base: float, window: float
) -> None:
    made = ladder(replace(PLAN, noise_window=window), Rates(rate, base))
    assert made.exposed is not None
    assert made.max_exposed is not None
    assert 2 * made.exposed <= made.max_exposed
    assert made.max_exposed >= MAX_EXPOSED


@pytest.mark.parametrize(
    ("rates", "because"),
    [
        (Rates(), "no request rate was measured"),
        (Rates(0.0), "no request was counted lately"),
        (Rates(12.0), "12 requests/s, no error rate was measured"),
    ],
)
def test_where_nothing_was_measured_nothing_is_forecast(rates: Rates, because: str) -> None:
    made = ladder(PLAN, rates)
    assert made.steps == PLAN.steps
    assert made.because == f"{because}: the default steps"
    assert made.exposed is None
    assert made.max_exposed is None
    assert made.seconds[-1] is None
    if rates.requests_per_second is None:
        assert set(made.seconds) == {None}


def test_a_limit_of_the_request_holds_also_where_nothing_was_measured() -> None:
    assert ladder(PLAN, Rates(), 500).max_exposed == 500


def test_few_requests_leave_out_the_small_percents() -> None:
    assert percents(ladder(PLAN, Rates(0.2, 0.005))) == [25, 50]
    assert percents(ladder(PLAN, Rates(1.0, 0.005))) == [5, 10, 25, 50]


def test_many_requests_pass_at_a_small_percent_and_then_show_load() -> None:
    made = ladder(PLAN, Rates(1000.0, 0.02))
    assert pass_percent(made) <= 2
    assert percents(made)[-1] == 50
    assert made.exposed is not None
    assert made.exposed < MAX_EXPOSED / 1.5


def test_the_usual_traffic_has_the_usual_steps() -> None:
    made = ladder(PLAN, Rates(12.0, 0.004))
    assert made.steps == PLAN.steps
    assert made.because == (
        "12 requests/s, 0.4 % errors: 20 requests come in about 2m47s at 1 %, "
        "a pass in about 4m26s at 50 % (1,597 requests)"
    )


def test_a_step_that_takes_long_may_wait_longer() -> None:
    quiet = ladder(PLAN, Rates(0.2, 0.005))
    waits = following_traffic(PLAN, quiet).deadlines.data
    longest = max(seconds for seconds in quiet.seconds if seconds is not None)
    assert waits == pytest.approx(2 * longest)
    given_data = following_traffic(PLAN, quiet, data_given=True)
    assert given_data.deadlines.data == PLAN.deadlines.data


def test_latency_by_a_threshold_is_not_forecast_before_it_was_measured() -> None:
    slow = Metric(MetricKind.LATENCY, latency_threshold_ms=100.0)
    made = ladder(replace(PLAN, metrics=(*PLAN.metrics[:1], slow)), Rates(12.0, 0.004))
    known = dict(zip(percents(made), made.seconds, strict=True))
    assert known[pass_percent(made)] is None
    assert known[1] is not None


def test_steps_that_were_written_out_are_told_when_they_cannot_pass_within_the_limit() -> None:
    rates = Rates(100.0, 0.02)
    written: Strategy = replace(strategy.canary((10, 50)), max_exposed=2000)
    warnings = exposure_beyond(written, rates)
    assert warnings is not None
    assert "max_exposed_requests is 2,000: the rollout pauses there" in warnings
    assert exposure_beyond(replace(written, max_exposed=200_000), rates) is None
    assert exposure_beyond(written, Rates()) is None
    assert exposure_beyond(replace(written, max_exposed=None), rates) is None

"""From counters to what happened in between."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.analysis import Metric, MetricKind
from tidegate.core.evalues import Arm
from tidegate.core.scrapes import Between, Counters, Reading, Scrape, base_line, between

ERRORS = Metric(MetricKind.ERRORS)


def latency(bound_ms: float) -> Metric:
    return Metric(MetricKind.LATENCY, latency_threshold_ms=bound_ms)


def scrape(at: float, *readings: tuple[str, int, int, int], began: float | None = None) -> Scrape:
    return Scrape(
        at,
        tuple(
            Reading(source, rev, Counters(n, bad), began=began) for source, rev, n, bad in readings
        ),
    )


def timed(at: float, *buckets: tuple[float, int], answers: int = 100) -> Scrape:
    return Scrape(at, (Reading("a", 2, Counters(answers, 0, buckets)),))


@pytest.mark.parametrize(
    ("before", "after", "arm"),
    [
        ([("a", 2, 100, 5)], [("a", 2, 150, 7)], Arm(50, 2)),
        ([("a", 2, 100, 5)], [("a", 2, 100, 5)], Arm(0, 0)),
        ([("a", 2, 100, 5)], [("a", 2, 30, 1)], Arm(0, 0)),
        ([("a", 2, 100, 5)], [("a", 2, 120, 1)], Arm(0, 0)),
        ([("a", 2, 100, 5)], [("b", 2, 30, 1)], Arm(0, 0)),
        ([("a", 2, 100, 5)], [("a", 2, 110, 5), ("b", 2, 30, 1)], Arm(10, 0)),
        ([("a", 1, 100, 5)], [("a", 1, 110, 5), ("a", 2, 3, 1)], Arm(3, 1)),
        ([("a", 2, 100, 5)], [("a", 1, 900, 9)], Arm(0, 0)),
        ([], [], Arm(0, 0)),
    ],
    ids=[
        "growth", "quiet", "a fall", "a fall of one counter", "another name", "one more name",
        "first answers of the revision", "another revision only", "nothing",
    ],
)  # fmt: skip
def test_what_happened_between(
    before: list[tuple[str, int, int, int]], after: list[tuple[str, int, int, int]], arm: Arm
) -> None:
    assert between(scrape(0, *before), scrape(15, *after), 2, ERRORS) == Between(arm)


@pytest.mark.parametrize(
    ("before", "after", "arm"),
    [
        ([("a", 2, 100, 5)], [("a", 2, 30, 1)], Arm(30, 1)),
        ([("a", 2, 100, 5)], [("a", 2, 120, 1)], Arm(120, 1)),
        ([("a", 2, 100, 5)], [("a", 2, 120, 9)], Arm(120, 9)),
        ([("a", 2, 100, 5)], [("b", 2, 30, 1)], Arm(30, 1)),
    ],
    ids=["reset", "reset of one counter", "reset and beyond", "new incarnation"],
)
def test_a_source_that_tells_when_it_began_counts_from_zero(
    before: list[tuple[str, int, int, int]], after: list[tuple[str, int, int, int]], arm: Arm
) -> None:
    last = scrape(10, *before, began=-600.0)
    assert between(last, scrape(15, *after, began=12.0), 2, ERRORS) == Between(arm)
    assert between(last, scrape(15, *after, began=9.0), 2, ERRORS) != Between(arm)


def test_a_torn_reading_is_cut_down_and_noted() -> None:
    seen = between(scrape(0, ("a", 2, 100, 5)), scrape(15, ("a", 2, 102, 9)), 2, ERRORS)
    assert seen == Between(Arm(2, 2), torn=1)


def test_slow_is_above_the_bound_by_the_histogram_alone() -> None:
    old = timed(0, (50.0, 40), (100.0, 80), (math.inf, 90), answers=100)
    new = timed(15, (50.0, 60), (100.0, 110), (math.inf, 130), answers=160)
    assert between(old, new, 2, latency(100.0)).arm == Arm(40, 10)
    assert between(old, new, 2, latency(50.0)).arm == Arm(40, 20)


def test_a_histogram_without_an_infinite_bucket_uses_the_answers() -> None:
    assert between(
        timed(0, (100.0, 90)), timed(15, (100.0, 110), answers=130), 2, latency(100.0)
    ).arm == Arm(30, 10)


def test_a_bound_that_is_no_bucket_names_those_that_are() -> None:
    seen = between(
        timed(0, (50.0, 1)), timed(15, (50.0, 2), (200.0, 3), (math.inf, 4)), 2, latency(100.0)
    )
    assert seen == Between(missing="no bucket ends at 100 ms; choose one of 50, 200")


def test_latency_that_is_not_measured_says_so() -> None:
    assert "no latency buckets" in between(timed(0), timed(15), 2, latency(100.0)).missing


def test_a_histogram_that_begins_within_a_known_source_is_only_a_base_line() -> None:
    assert between(timed(0), timed(15, (100.0, 60), (math.inf, 90)), 2, latency(100.0)) == Between()


def test_a_source_that_misses_one_scrape_does_not_count_twice() -> None:
    first = base_line(None, scrape(0, ("a", 2, 100, 5), ("b", 2, 100, 5)), [])
    gap = base_line(first, scrape(15, ("b", 2, 110, 5)), [])
    assert between(gap, scrape(30, ("a", 2, 130, 5), ("b", 2, 120, 5)), 2, ERRORS).arm == Arm(40, 0)


def test_the_base_line_is_small_and_has_no_infinity() -> None:
    kept = base_line(None, timed(0, (10.0, 1), (50.0, 2), (100.0, 3), (math.inf, 4)), [50.0])
    (reading,) = kept.readings
    assert [count for _, count in reading.counters.buckets] == [2, 4]
    assert all(math.isfinite(bound) for bound, _ in reading.counters.buckets)


def test_the_first_answers_of_a_histogram_count() -> None:
    silent = timed(0, answers=0)
    assert between(silent, timed(15, answers=0), 2, latency(100.0)) == Between()
    assert between(silent, timed(15, (100.0, 60), (math.inf, 90)), 2, latency(100.0)).arm == Arm(
        90, 30
    )


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=8))
def test_splitting_an_interval_never_counts_twice_and_never_loses(
    steps: list[tuple[int, int]],
) -> None:
    points = [scrape(0, ("a", 2, 7, 3))]
    n = 7
    bad = 3
    for good, worse in steps:
        n = n + good + worse
        bad = bad + worse
        points.append(scrape(len(points), ("a", 2, n, bad)))
    parts = sum((between(a, b, 2, ERRORS).arm for a, b in itertools.pairwise(points)), Arm())
    assert parts == between(points[0], points[-1], 2, ERRORS).arm

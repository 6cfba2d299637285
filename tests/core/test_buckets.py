"""Ranges of users' buckets, written as the regular expressions of a route."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core import buckets


@given(st.integers(1, 99), st.text("0123456789-x ", max_size=4) | st.integers(0, 120).map(str))
def test_a_range_takes_its_buckets_and_nothing_else(percent: int, value: str) -> None:
    inside = value in {str(number) for number in range(percent)}
    assert buckets.takes(buckets.name(percent), value) is inside


@pytest.mark.parametrize("percent", range(1, 100))
def test_every_percent_takes_as_many_buckets(percent: int) -> None:
    name = buckets.name(percent)
    taken = [n for n in range(100) if buckets.takes(name, str(n))]
    assert taken == list(range(percent))
    assert buckets.within(buckets.pattern(name)) == name
    assert not re.search(buckets.pattern(name), "0\n5"), "an end of line ends no value"


def test_an_expression_of_somebody_else_is_no_range() -> None:
    assert buckets.within("^.*$") is None

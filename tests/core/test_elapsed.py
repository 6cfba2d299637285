"""Only time in which somebody looked is counted."""

import pytest

from tidegate.core.elapsed import elapsed


@pytest.mark.parametrize(
    ("since", "now", "seconds"),
    [
        (None, 100.0, 0.0),  # the first reconcile
        (100.0, 105.0, 5.0),
        (100.0, 120.0, 20.0),  # four intervals late
        (100.0, 120.5, 20.0),  # an outage
        (100.0, 1e9, 20.0),  # a clock that jumps ahead
        (100.0, 40.0, 0.0),  # and one that jumps back
        (0.0, 5.0, 5.0),  # a time of zero is a time
    ],
)
def test_a_gap_is_at_most_four_intervals(since: float | None, now: float, seconds: float) -> None:
    assert elapsed(since, now, 5.0) == seconds

"""What happened between two readings of counters."""

from tidegate.core.evalues import Arm
from tidegate.core.own.readings import Burning, OwnReading, Tally, rise


def reading(*tallies: Tally) -> OwnReading:
    return OwnReading("checkout", 100.0, 100.0, 100.0, tallies)


def test_what_came_on_top_is_added_up_over_sources() -> None:
    last = reading(Tally("a", 2, 90, 100), Tally("b", 2, 0, 0), Tally("a", 1, 5, 5))
    now = reading(Tally("a", 2, 98, 110), Tally("b", 2, 3, 3), Tally("a", 1, 9, 9))
    assert rise(last, now, 2, within=True).arm == Arm(13, 2)
    assert rise(last, now, 1, within=True).arm == Arm(4, 0)


def test_a_source_that_began_again_says_nothing_and_is_named() -> None:
    last = reading(Tally("a", 2, 90, 100), Tally("b", 2, 10, 10))
    now = reading(Tally("a", 2, 4, 4), Tally("b", 2, 15, 15))
    change = rise(last, now, 2, within=True)
    assert change.arm == Arm(5, 0)
    assert change.trouble == "a counter of a fell: it began again"
    again = rise(now, reading(Tally("a", 2, 9, 10), Tally("b", 2, 15, 15)), 2, within=True)
    assert (again.arm, again.trouble) == (Arm(6, 1), "")


def test_a_source_that_was_not_there_is_a_base_line_only() -> None:
    now = reading(Tally("new", 2, 500_000, 900_000))
    assert rise(reading(), now, 2, within=True).arm == Arm()
    # Nor one that is back after it was away: what it counted meanwhile belongs to no interval
    assert rise(reading(Tally("b", 2, 1, 1)), now, 2, within=True).arm == Arm()


def test_good_that_is_no_part_of_total_is_told() -> None:
    last = reading(Tally("a", 2, 0, 0))
    now = reading(Tally("a", 2, 12, 10))
    change = rise(last, now, 2, within=True)
    assert change.arm == Arm()
    assert "12 good units of 10" in change.trouble
    assert rise(last, now, 2, within=False).part == 12  # of a mean it may


def test_a_burn_rate_window_forgets() -> None:
    window = Burning(60.0).having(Arm(100, 50), 15.0)
    assert window.above(0.1)
    for _ in range(20):
        window = window.having(Arm(100, 0), 15.0)
    assert not window.above(0.1)

"""What the CLI says of the watch after a promotion."""

from datetime import UTC, datetime

from tidegate.cli.show_watch import line
from tidegate.core.watch_values import WatchState
from tidegate.schemas.responses import WatchOut

UNTIL = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
NOW = UNTIL.timestamp() - 600
WATCHING = WatchOut(
    rollout="one",
    revision=2,
    base=1,
    state=WatchState.WATCHING,
    until=UNTIL,
    since=None,
    message="",
    record=0.002,
    released="",
    undo=None,
)


def line_of(**changes: object) -> str:
    return line(WATCHING.model_copy(update=changes), NOW).plain


def test_until_when() -> None:
    assert line_of() == "◌ r2 watched until 12:30:00 UTC (10m00s more)"


def test_what_it_saw_comes_first() -> None:
    assert line_of(state=WatchState.SHARED, message="shared outage: both fail").startswith(
        "⚠ shared-outage: shared outage: both fail; watched until"
    )


def test_that_no_undo_is_at_hand() -> None:
    assert line_of(released="r2 needs two pods").endswith(
        "; r1 is no longer on standby: r2 needs two pods"
    )


def test_what_went_back() -> None:
    text = line_of(state=WatchState.UNDONE, message="r2 crashed", undo="two")
    assert text.endswith("r2 crashed; r1 is stable again by rollout two")


def test_that_it_is_over() -> None:
    assert line_of(state=WatchState.ENDED) == "◌ r2 is not watched any more"

"""Thinning: which samples of a series are kept, so that it stays small however long it gets. Pure.

A regular sample is due once in a stride, at first at every pass. When `MOST_REGULAR` of them are
kept, every second is dropped and the stride doubles, so the series is as dense at its beginning as
at its end. A sample at which something changed (a step, a verdict, a share) is kept beside them,
`MOST_CHANGES` at most: a series that changes all the time is told by its regular samples.

Regular samples are numbered by the first stride, so what is dropped is a matter of the number alone
(`keeps`), and a database can drop it without reading a row.
"""

from dataclasses import dataclass, replace

MOST_REGULAR = 600
MOST_CHANGES = 300
MOST = MOST_REGULAR + MOST_CHANGES


@dataclass(frozen=True, slots=True)
class Thinning:
    """How far a series is. level: how often it was halved. number: of the next regular sample. at:
    of the last regular one, epoch seconds, None before the first. changes: how many samples were
    kept for what changed. content: what the last sample showed, by which a change is known."""

    level: int = 0
    number: int = 0
    at: float | None = None
    changes: int = 0
    content: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """A sample's place in its series. number: of a regular one; None: kept because something
    changed. drops: the level by whose numbers older regular samples go now; None: none go."""

    number: int | None
    drops: int | None = None


def keeps(number: int, level: int) -> bool:
    """Whether a regular sample is still kept at this level."""
    return number % (1 << level) == 0


def stride(level: int, interval: float) -> float:
    """Seconds between regular samples at this level. interval: between two passes, seconds."""
    return interval * (1 << level)


def due(
    thinning: Thinning, at: float, content: tuple[str, ...], interval: float
) -> tuple[Thinning, Place | None]:
    """Whether a sample at `at` (epoch seconds) is kept, and the series after it. content: what it
    shows, compared word by word with the last. interval: between two passes, seconds."""
    last = thinning.at
    # Half an interval early is in time, and a clock that was put back must not stop the series
    in_time = stride(thinning.level, interval) - interval / 2
    if last is None or at < last or at - last >= in_time:
        return _regular(replace(thinning, content=content, at=at))
    if content == thinning.content or thinning.changes >= MOST_CHANGES:
        return thinning, None
    return replace(thinning, content=content, changes=thinning.changes + 1), Place(None)


def _regular(thinning: Thinning) -> tuple[Thinning, Place]:
    number = thinning.number
    step = 1 << thinning.level
    if number // step < MOST_REGULAR - 1:
        return replace(thinning, number=number + step), Place(number)
    level = thinning.level + 1
    width = 1 << level
    following = -(-(number + 1) // width) * width
    if keeps(number, level):
        return replace(thinning, level=level, number=following), Place(number, drops=level)
    # Its own number goes at the new level, so it takes the next one that stays
    after = following + width
    return replace(thinning, level=level, number=after), Place(following, drops=level)


def spread(count: int, most: int, kept: frozenset[int] = frozenset()) -> tuple[int, ...]:
    """Positions of at most `most` of `count` samples, evenly spread, the first and the last among
    them, and those of `kept` before all others. most: at least 2."""
    if count <= most:
        return tuple(range(count))
    ends = {0, count - 1}
    important = sorted(kept - ends)[: most - 2]
    left = most - 2 - len(important)
    others = [position for position in range(1, count - 1) if position not in set(important)]
    evenly = {others[index * len(others) // left] for index in range(left)}
    return tuple(sorted(ends | set(important) | evenly))

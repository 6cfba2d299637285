"""No window of time decides alone: how much a test may win in one.

A minute in which one of stable's pods fails, or one slow node, says little about the candidate,
however many requests it holds. So time is cut into windows of `noise_window_seconds`, and within
each the evidence is limited: toward "good enough" the whole capital to `MOST_TOWARD_PASS` times
what the window began with, toward "worse" each bet on odds below `LARGE_ODDS` to `MOST_TOWARD_FAIL`
times. Noise that lasts longer than a window tempers the bets beside that (`noise`).

Why the capital stays a supermartingale: let W be what a test, or one bet, has multiplied by since
its window began. Under the null W is a nonnegative supermartingale that begins at 1, and min(W, c)
is concave and not falling in W, so it is one too. A window ends at a time that was fixed
beforehand (`window_of`), and the next begins with what the limit has left. The surplus is lost, so
that a limit can only make a verdict later, never a false one more frequent.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

NOISE_WINDOW = 60.0  # seconds
MOST_TOWARD_PASS = 3.0
MOST_TOWARD_FAIL = 10.0
# Bets on larger odds are tempered and not limited: limited, they caught +5 points at a base of 2 %
# only after twice as many requests, and no good candidate fared better (docs/adr/0022)
LARGE_ODDS = 4.0

_TOWARD_PASS = math.log(MOST_TOWARD_PASS)
_TOWARD_FAIL = math.log(MOST_TOWARD_FAIL)


@dataclass(frozen=True, slots=True)
class Window:
    """The window that a test is in. number: from 0 on. won: log of what each bet has multiplied by
    in it, before the limit; () where no bet is limited. most: the log capital that the test may
    show in it, None where that is not limited. used: what noise has left of its variances
    (`noise.exponent`)."""

    number: int = 0
    won: tuple[float, ...] = ()
    most: float | None = None
    used: float = 0.0


def window_of(seconds: float, noise_window: float) -> int:
    """The number of the window of an interval that begins when `seconds` of evidence have been
    seen. The windows begin at multiples of `noise_window`; an interval that reaches into the next
    one belongs to the one in which it begins."""
    return int(seconds // noise_window)


def limits(odds: Sequence[float]) -> tuple[float, ...]:
    """The log of what a bet on each of these odds may multiply by in one window."""
    return tuple(_TOWARD_FAIL if each < LARGE_ODDS else math.inf for each in odds)


def limited(
    won: Sequence[float], gains: Sequence[float], most: Sequence[float]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(gains within the limits, what each bet has won in the window so far)."""
    after = tuple([old + gain for old, gain in zip(won, gains, strict=True)])
    allowed = tuple(
        [
            min(new, limit) - min(old, limit)
            for old, new, limit in zip(won, after, most, strict=True)
        ]
    )
    return allowed, after


def next_toward_pass(number: int, log_capital: float) -> Window:
    """The window of a "good enough" test that begins with this log capital."""
    return Window(number, most=log_capital + _TOWARD_PASS)


def seconds_to_pass(window: Window, threshold: float, seconds: float, noise_window: float) -> float:
    """Least seconds of evidence until a "good enough" test may reach log capital `threshold`, after
    `seconds` of it: to the end of the present window, and all whole windows but the last. One that
    has not begun has its first window before it."""
    most = _TOWARD_PASS
    if window.most is not None:
        most = window.most
    lacking = threshold - most
    if lacking <= 0:
        return 0.0
    more = math.ceil(lacking / _TOWARD_PASS)
    return max((window.number + more) * noise_window - seconds, 0.0)

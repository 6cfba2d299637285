"""Waiting on facts: a test looks until something is so, and says what it saw when that never
comes."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
# seconds for what takes one or two on an idle machine: no claim about speed, below pytest's own
# limit
PATIENCE = 240.0
_PAUSE = threading.Event()


def until(
    observe: Callable[[], T | None],
    what: str = "a fact",
    seconds: float = PATIENCE,
    every: float = 0.05,
    instead: Callable[[], object] | None = None,
) -> T:
    """The first truthy answer of `look`. Fails after `seconds` with `what` and what is so `instead`
    (by default the last answer).

    A machine that is busy with other things gives the parts under test less time, and the looks
    too: so a test that waits in vain has also looked as often as an idle machine could have in
    `seconds`."""
    deadline = time.monotonic() + seconds
    observations = 0
    while True:
        seen = observe()
        observations += 1
        if seen:
            return seen
        if time.monotonic() >= deadline and observations * every >= seconds:
            raise AssertionError(
                f"waited {seconds:g} s in vain: {what}; instead: {instead() if instead else seen!r}"
            )
        _PAUSE.wait(every)

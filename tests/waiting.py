"""Waiting on facts: a test looks until something is so, and says what it saw when that never comes."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_PAUSE = threading.Event()


def until(
    look: Callable[[], T | None],
    what: str = "a fact",
    seconds: float = 60.0,
    every: float = 0.05,
    instead: Callable[[], object] | None = None,
) -> T:
    """The first truthy answer of `look`. Fails after `seconds` with `what` and what is so `instead` (by default the
    last answer)."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {seconds:g} s in vain: {what}; instead: {instead() if instead else seen!r}")
        _PAUSE.wait(every)

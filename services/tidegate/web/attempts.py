"""How often somebody may try a password: so often per minute and key, counted before the password
is looked at.

Counted in this process: with N replicas the limit is N times as high.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

MOST_KEYS = 10_000


class Attempts:
    """window: seconds. clock: monotonic seconds."""

    def __init__(self, window: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._window = window
        self._clock = clock
        self._guard = threading.Lock()
        self._tries: dict[str, deque[float]] = {}

    def take(self, limits: Mapping[str, int]) -> float:
        """Count one attempt under every key; or seconds to wait, where a key has had its limit
        (nothing is counted then)."""
        with self._guard:
            now = self._clock()
            self._forget(now)
            full = [key for key, most in limits.items() if len(self._tries.get(key, ())) >= most]
            waits = [self._tries[key][0] + self._window - now for key in full]
            if waits:
                return max(waits)
            for key in limits:
                self._tries.setdefault(key, deque()).append(now)
            return 0.0

    def forgive(self, key: str) -> None:
        """The password was right."""
        with self._guard:
            self._tries.pop(key, None)

    def _forget(self, now: float) -> None:
        for key in list(self._tries):
            tries = self._tries[key]
            while tries and tries[0] <= now - self._window:
                tries.popleft()
            if not tries:
                del self._tries[key]
        while len(self._tries) > MOST_KEYS:  # a flood of names: the oldest are forgotten
            del self._tries[next(iter(self._tries))]

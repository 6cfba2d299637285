"""How often and how long a call is tried again: bounded, with back-off, jitter, and the server's
Retry-After.

A reconcile holds a lease; a write must give up while the lease still holds.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from tidegate.core.ports import Unavailable
from tidegate.deploy_worker.kubernetes.api import Answer

# 401: a token that was just replaced. 500: also a webhook that cannot be reached.
AGAIN = frozenset({401, 408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. total: over all attempts of one write, waits included; one that would end later is
    not begun. attempt: the time-out of one. first, most: waits, doubled each time, each multiplied
    by 0.5..1 at random. `clock` is monotonic."""

    attempts: int = 4
    attempt: float = 5.0
    total: float = 15.0
    first: float = 0.2
    most: float = 5.0
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random

    def persist(self, call: Callable[[float], Answer | Unavailable]) -> Answer | Unavailable:
        """The answer of `call(timeout)`, tried again while nobody answers or the server says
        "later"; at the end Unavailable with the last words."""
        ends = self.clock() + self.total
        wait = self.first
        for number in range(1, self.attempts + 1):
            answer = call(min(self.attempt, max(ends - self.clock(), 0.1)))
            if isinstance(answer, Answer) and answer.status not in AGAIN:
                return answer
            requested = None
            if isinstance(answer, Answer):
                requested = answer.retry_after
            pause = max(requested or 0.0, wait * (0.5 + self.chance() / 2))
            if number == self.attempts or self.clock() + pause >= ends:
                break
            self.pause(pause)
            wait = min(wait * 2, self.most)
        if isinstance(answer, Unavailable):
            message = answer.detail
        else:
            message = f"{answer.words} (HTTP {answer.status})"
        return Unavailable(f"{message} (tried {number} time{'s' if number > 1 else ''})")

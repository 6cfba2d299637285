"""Time for tests: it stands still until a test turns it."""


class Clock:
    """Seconds. `now` may be set."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

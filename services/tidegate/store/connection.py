"""Connections that do not wait for ever.

A dead server is told by the kernel, which gets no answer to its probes. A silent one is not: a
pooler that hangs, or a fail-over that left the old connections open, takes every byte and never
answers. So each answer has a deadline here too, later than the server's own, and a connection that
misses it is given up: the pool then makes a new one.
"""

import time
from typing import Any

import psycopg

CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_MS = 10_000
ANSWER_TIMEOUT_S = STATEMENT_TIMEOUT_MS / 1000 + 2
PING_TIMEOUT_S = 3.0
# To libpq: seconds, and milliseconds that sent bytes may stay unacknowledged
KEEPALIVES: dict[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class Connection(psycopg.Connection[Any]):
    """A psycopg connection; `patience`: seconds that it waits for any answer."""

    patience: float = ANSWER_TIMEOUT_S

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """As psycopg's, within `patience`. Raises OperationalError; the connection is closed."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        began = time.monotonic()
        try:
            return super().wait(gen, interval, self.patience)
        except psycopg.OperationalError as error:
            if self.closed or time.monotonic() - began < self.patience:
                raise
            self.pgconn.finish()
            detail = f"no answer within {self.patience:g} s, so the connection was given up"
            raise psycopg.OperationalError(detail) from error

"""Calls that outlive a restart of the service: what is safe to repeat is repeated, and everything
here is.

Reads are; changes carry an idempotency key, or are actions and beats, of which two are as good as
one.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tidegate.client import ApiProblem, Client, Unreachable
from tidegate.steps.connection import Connection
from tidegate.steps.errors import StepFailed

T = TypeVar("T")
AWAY = (429, 502, 503, 504)  # a proxy without a pod behind it, a service without its database
PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0)


@dataclass(slots=True)
class Service:
    """The API as tasks use it. patience: seconds that it may be away in one call. say: prints a
    line."""

    connection: Connection
    say: Callable[[str], None]
    patience: float = 60.0
    more: dict[str, Any] = field(default_factory=dict)  # of the client: a transport in tests
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _token: str = ""
    _client: Client | None = None

    def ask(self, call: Callable[[Client], T], patience: float | None = None) -> T:
        """The answer. Raises ApiProblem, or StepFailed when nobody answered for longer than the
        patience."""
        limit = self.patience if patience is None else patience
        began = self.clock()
        tries = 0
        renewed = False
        while True:
            try:
                return call(self.client)
            except ApiProblem as problem:
                if problem.status == 401 and not renewed and self._renew():
                    renewed = True
                    continue
                if problem.status not in AWAY or self.clock() - began >= limit:
                    raise
                reason: Exception = problem
            except Unreachable as error:
                if self.clock() - began >= limit:
                    raise StepFailed(str(error)) from None
                reason = error
            if tries == 0:
                self.say(f"⚠ {reason}; trying again for {limit:.0f} s")
            self.sleep(PAUSES_S[min(tries, len(PAUSES_S) - 1)])
            tries += 1

    @property
    def client(self) -> Client:
        """Connected with the token as it was last read."""
        if self._client is None:
            self._token = self.connection.token()
            self._client = Client(self.connection.url, self._token, **self.more)
        return self._client

    def _renew(self) -> bool:
        """Read the token again; whether it is another one."""
        if self.connection.token() == self._token:
            return False
        self.close()
        return True

    def close(self) -> None:
        """Give connections back."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def bell(self, namespace: str, name: str) -> "Bell":
        """A bell that rings when something happens to an endpoint."""
        return Bell(
            Client(self.connection.url, self.connection.token(), **self.more), namespace, name
        )


class Bell:
    """Follows an endpoint's event stream, with reconnects, on a thread of its own: who waits need
    not look all the time, and a stream that is gone only makes the readings rarer than they could
    be."""

    def __init__(self, client: Client, namespace: str, name: str) -> None:
        self._client = client
        self._key = (namespace, name)
        self._rung = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="events", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Until it rings, at most `seconds`."""
        self._rung.wait(seconds)
        self._rung.clear()

    @property
    def broken(self) -> bool:
        """Whether it will never ring again."""
        return not self._thread.is_alive()

    def close(self) -> None:
        """End the stream; the thread follows."""
        self._client.close()

    def _listen(self) -> None:
        try:
            for _ in self._client.events(*self._key):
                self._rung.set()
        except Exception:
            # Whatever ended it: the readings of who waits go on, and say what is wrong.
            self._rung.set()

"""Event streams: what happened to an endpoint, as server-sent events.

`ledger` events are lines of the endpoint's ledger; `endpoint` events carry the endpoint as GET
answers it, whenever that changed. Both carry the store's cursor as `id`, so `Last-Event-ID` resumes
without a gap. A comment keeps a silent stream open.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool

from tidegate.store.events import Cursor
from tidegate.store.notify import EVENTS, listen


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `id` None leaves the client's last id as it is."""

    kind: str
    data: str
    id: str | None = None

    def encode(self) -> str:
        """The wire format of the HTML standard."""
        head = ""
        if self.id is not None:
            head = f"id: {self.id}\n"
        lines = "".join(f"data: {line}\n" for line in self.data.split("\n"))
        return f"{head}event: {self.kind}\n{lines}\n"


@dataclass(slots=True)
class Hub:
    """One listening connection per process for all streams. Streams wait on an `asyncio.Event`
    each; without a listener (or after a lost notice) they look again at every keepalive."""

    _streams: set[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = field(default_factory=set)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self, url: str) -> None:
        """Listen in a thread until `stop`."""
        self._thread = threading.Thread(
            target=listen,
            args=(url, self.wake, self._stop),
            kwargs={"channel": EVENTS},
            name="events",
            daemon=True,
        )
        self._thread.start()

    def begin_stop(self) -> None:
        """End every stream. Safe in a signal handler: the lock is taken in another thread."""
        self._stop.set()
        threading.Thread(target=self.wake, args=("",), name="events-stop", daemon=True).start()

    def stop(self) -> None:
        """End the streams and the listener."""
        self.begin_stop()
        if self._thread is not None:
            self._thread.join()

    @property
    def stopping(self) -> bool:
        """Whether streams must end."""
        return self._stop.is_set()

    def wake(self, subject: str) -> None:
        """Wake the streams of this endpoint id; "": all of them. Called from the listener's
        thread."""
        with self._guard:
            for desired, loop, event in self._streams:
                if subject in ("", desired) and not loop.is_closed():
                    loop.call_soon_threadsafe(event.set)

    @contextmanager
    def subscribed(self, subject: str) -> Iterator[asyncio.Event]:
        """An event that is set when the subject may have changed."""
        entry = (subject, asyncio.get_running_loop(), asyncio.Event())
        with self._guard:
            self._streams.add(entry)
        try:
            yield entry[2]
        finally:
            with self._guard:
                self._streams.discard(entry)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one reconcile found: events to send, and the cursor after them; `gone` ends the
    stream."""

    events: tuple[Event, ...]
    cursor: Cursor
    gone: bool = False


async def stream(
    hub: Hub,
    subject: str,
    observe: Callable[[Cursor], Batch],
    cursor: Cursor,
    limit: float,
    keepalive: float,
) -> AsyncIterator[str]:
    """The stream's text. `observe` blocks; limit, keepalive: seconds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + limit
    yield "retry: 1000\n\n"
    with hub.subscribed(subject) as changed:
        while not hub.stopping:
            changed.clear()
            batch = await run_in_threadpool(observe, cursor)
            for event in batch.events:
                yield event.encode()
            left = end - loop.time()
            if batch.gone or left <= 0:
                return
            if batch.events and batch.cursor != cursor:
                cursor = batch.cursor
                continue  # there may be more than one reconcile brings
            try:
                await asyncio.wait_for(changed.wait(), min(keepalive, left))
            except TimeoutError:
                yield ": still here\n\n"

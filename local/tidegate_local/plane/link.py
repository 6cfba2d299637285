"""The wire between the plane's process and the worker's: core.ports.Cluster and Meter over a
loopback socket.

`multiprocessing.connection` authenticates both ends with a key that lies in the plane's private
folder. A call is (method, arguments); a watch is a connection that only sends endpoint keys.
"""

import contextlib
import queue
import secrets
import threading
from collections.abc import Callable, Sequence
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

import structlog

from tidegate.core.evidence import Scrape
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Capabilities, NoData, Snapshot, Unavailable, Write, WriteResult

log = structlog.get_logger()

_CALLS = frozenset({"observe", "write", "capabilities", "scrape", "explain", "triton_totals"})
_BROKEN = (OSError, EOFError, AuthenticationError)


class Server:
    """Serves a plane on 127.0.0.1. A thread per connection; a laptop has a handful."""

    def __init__(self, plane: Any, port: int, key_file: Path) -> None:
        self._plane = plane
        key = secrets.token_bytes(32)
        key_file.touch(mode=0o600)
        key_file.write_bytes(key)
        self._listener = Listener(("127.0.0.1", port), authkey=key)
        self._closed = False
        self._thread = threading.Thread(target=self._accept, name="link", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more connections."""
        self._closed = True
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                connection = self._listener.accept()
            except _BROKEN:
                continue
            threading.Thread(
                target=self._serve, args=(connection,), name="link-call", daemon=True
            ).start()

    def _serve(self, connection: Connection) -> None:
        with connection, contextlib.suppress(*_BROKEN):
            while True:
                method, args, kwargs = connection.recv()
                if method == "watch":
                    self._stream(connection)
                    return
                if method not in _CALLS:
                    return
                connection.send(getattr(self._plane, method)(*args, **kwargs))

    def _stream(self, connection: Connection) -> None:
        """Send what changed from this thread alone: whoever changes an object waits for no worker,
        and meets no connection that is being closed."""
        changed: queue.SimpleQueue[EndpointKey] = queue.SimpleQueue()
        stop = self._plane.watch(changed.put)
        try:
            # The other end says nothing: what comes is its end
            while not self._closed and not connection.poll():
                with contextlib.suppress(queue.Empty):
                    connection.send(changed.get(timeout=1.0))
        finally:
            stop()


class Remote:
    """The plane as the worker sees it. One connection per thread, made again after a break."""

    def __init__(self, port: int, key_file: Path) -> None:
        self._port = port
        self._key_file = key_file
        self._local = threading.local()

    def observe(self, key: EndpointKey) -> Snapshot | Unavailable:
        """core.ports.Cluster."""
        snapshot: Snapshot | Unavailable = self._call("observe", key)
        return snapshot

    def write(self, action: Write, *, dry_run: bool = False) -> WriteResult:
        """core.ports.Cluster."""
        done: WriteResult = self._call("write", action, dry_run=dry_run)
        return done

    def capabilities(self) -> Capabilities | Unavailable:
        """core.ports.Cluster."""
        capabilities: Capabilities | Unavailable = self._call("capabilities")
        return capabilities

    def scrape(self, key: EndpointKey) -> Scrape | NoData:
        """core.ports.Meter."""
        unavailable = self._call("scrape", key)
        return NoData(unavailable.detail) if isinstance(unavailable, Unavailable) else unavailable

    def explain(self, key: EndpointKey, revision: int) -> Sequence[str]:
        """What is known of a revision's bad answers; nothing when the plane does not answer."""
        result = self._call("explain", key, revision)
        return () if isinstance(result, Unavailable) else result

    def triton_totals(
        self, key: EndpointKey, revision: int
    ) -> dict[str, dict[str, int]] | Unavailable:
        """What the tritonservers of a revision have counted, by pod and name of the counter."""
        totals: dict[str, dict[str, int]] | Unavailable = self._call("triton_totals", key, revision)
        return totals

    def watch(self, wake: Callable[[EndpointKey], None]) -> Callable[[], None]:
        """core.ports.Cluster: on a thread of its own, connected again after a break."""
        stop = threading.Event()
        thread = threading.Thread(target=self._follow, args=(wake, stop), name="watch", daemon=True)
        thread.start()
        return stop.set

    def _follow(self, wake: Callable[[EndpointKey], None], stop: threading.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(*_BROKEN), self._connect() as connection:
                connection.send(("watch", (), {}))
                while not stop.is_set():
                    if connection.poll(1.0):
                        wake(connection.recv())
            stop.wait(0.5)

    def _call(self, method: str, *args: object, **kwargs: object) -> Any:
        try:
            if getattr(self._local, "connection", None) is None:
                self._local.connection = self._connect()
            self._local.connection.send((method, args, kwargs))
            return self._local.connection.recv()
        except _BROKEN as error:
            self._local.connection = None
            return Unavailable(f"the local plane does not answer: {error or type(error).__name__}")

    def _connect(self) -> Connection:
        return Client(("127.0.0.1", self._port), authkey=self._key_file.read_bytes())

"""A worker process that ends itself with exit code 9, as `kill -9` would, at one chosen point of its work.

Production code has no hooks: the worker's own parts are wrapped here. A point is each step between two calls
to the outside: before and after every cluster write, look and scrape; before a transaction begins, when all of
it is written but not committed, and after its commit.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tidegate.core.drivers.rendering import Gateway, Platform
from tidegate.core.evidence import Scrape
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Action, Capabilities, NoData, Snapshot, Unavailable, WriteResult
from tidegate.deploy_worker.loop import Worker
from tidegate.deploy_worker.parts import Parts
from tidegate.local.link import Remote
from tidegate.local.plane import GATEWAY_NAME, GATEWAY_NAMESPACE
from tidegate.store import ReadTx, Store, Tx
from tidegate.telemetry import configure_logs

KILLED = 9


@dataclass(frozen=True, slots=True)
class Job:
    """A worker: its database, its plane's link. kill: number of the point at which it ends, 0 for never. said:
    where it writes which point that was."""

    owner: str
    url: str
    link: int
    key_file: Path
    kill: int = 0
    said: Path | None = None
    look: float = 0.05
    lease: float = 1.0


class Points:
    """Counts the points in the rounds of one process; ends it at the chosen one.

    What the loop does between rounds is left out: a death there leaves what one at a round's edge leaves, and how
    often it looks differs from run to run."""

    def __init__(self, job: Job) -> None:
        self._job, self._count, self._lock = job, 0, threading.Lock()

    def __call__(self, what: str) -> None:
        """One point is passed."""
        if not threading.current_thread().name.startswith("round"):
            return
        with self._lock:
            self._count += 1
            if self._count == self._job.kill:
                if self._job.said is not None:
                    self._job.said.write_text(what)
                os._exit(KILLED)


class CrashingStore(Store):
    """Points around every transaction."""

    def __init__(self, url: str, point: Points) -> None:
        super().__init__(url, application_name="tidegate-worker")
        self._point = point

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        """As Store.begin."""
        self._point("before a transaction")
        with super().begin() as tx:
            yield tx
            self._point("before a commit")
        self._point("after a commit")

    @contextmanager
    def single(self) -> Iterator[Tx]:
        """As Store.single."""
        self._point("before a statement")
        with super().single() as tx:
            yield tx
        self._point("after a statement")

    @contextmanager
    def read(self) -> Iterator[ReadTx]:
        """As Store.read."""
        with super().read() as tx:
            yield tx
        self._point("after a read")


class CrashingRemote:
    """Points around every call to the plane."""

    def __init__(self, remote: Remote, point: Points) -> None:
        self._remote, self._point = remote, point

    def observe(self, key: EndpointKey) -> Snapshot | Unavailable:
        """As Remote.observe."""
        seen = self._remote.observe(key)
        self._point("after a look")
        return seen

    def write(self, action: Action, *, dry_run: bool = False) -> WriteResult:
        """As Remote.write."""
        self._point(f"before the write: {action.why}")
        result = self._remote.write(action, dry_run=dry_run)
        self._point(f"after the write: {action.why}")
        return result

    def watch(self, wake: Callable[[EndpointKey], None]) -> Callable[[], None]:
        """As Remote.watch."""
        return self._remote.watch(wake)

    def capabilities(self) -> Capabilities | Unavailable:
        """As Remote.capabilities."""
        return self._remote.capabilities()

    def scrape(self, key: EndpointKey) -> Scrape | NoData:
        """As Remote.scrape."""
        seen = self._remote.scrape(key)
        self._point("after a scrape")
        return seen


def platform(store_id: str) -> Platform:
    """Short times: nothing of the simulated plane is slow."""
    return Platform(store_id, Gateway(GATEWAY_NAME, GATEWAY_NAMESPACE), drain=0.1, steady=0.2)


def parts_of(job: Job, store: Store, point: Points) -> Parts:
    """What a round of this worker works with."""
    remote = CrashingRemote(Remote(job.link, job.key_file), point)
    return Parts(store, remote, remote, platform, Capabilities, job.look)


def run(job: Job) -> None:
    """The process."""
    configure_logs("WARNING")
    point = Points(job)
    parts = parts_of(job, CrashingStore(job.url, point), point)
    worker = Worker(job.owner, parts, job.url, threads=2, lease=job.lease)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    worker.run()


def start(job: Job) -> ForkServerProcess:
    """The process, from a server that has imported everything: about 20 ms."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=run, args=(job,), daemon=True)
    process.start()
    return process


def never(job: Job) -> Job:
    """The same worker without its end."""
    return replace(job, owner=f"{job.owner}-again", kill=0)

"""Worker processes over a simulated plane, which may end at one chosen point of their work
(`tests/crashing.py`)."""

import multiprocessing
import os
import signal
import threading
from dataclasses import dataclass, replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.crashing import CrashingCluster, CrashingStore
from tidegate.core.drivers.rendering import Gateway, Platform
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Capabilities
from tidegate.deploy_worker.loop import Worker
from tidegate.deploy_worker.parts import Pace, Parts
from tidegate.store import Store
from tidegate.telemetry import configure_logs
from tidegate_local.plane.link import Remote
from tidegate_local.plane.plane import GATEWAY_NAME, GATEWAY_NAMESPACE

KILLED = 9


@dataclass(frozen=True, slots=True)
class Job:
    """A worker: its database, its plane's link. kill: number of the point at which it ends, 0 for
    never. said: where it writes which point that was."""

    owner: str
    url: str
    link: int
    key_file: Path
    kill: int = 0
    said: Path | None = None
    interval: float = 0.05
    lease: float = 1.0


class Points:
    """Counts the points in the reconciles of one process; ends it at the chosen one.

    What the loop does between reconciles is left out: a death there leaves what one at a
    reconcile's edge leaves, and how often it looks differs from run to run."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._count = 0
        self._lock = threading.Lock()

    def enter(self, key: EndpointKey) -> None:
        """All endpoints are counted together."""

    def __call__(self, name: str) -> None:
        """One point is passed."""
        if not threading.current_thread().name.startswith("reconcile"):
            return
        with self._lock:
            self._count += 1
            if self._count == self._job.kill:
                if self._job.said is not None:
                    self._job.said.write_text(name)
                os._exit(KILLED)


def platform(store_id: str) -> Platform:
    """Short times: nothing of the simulated plane is slow."""
    return Platform(store_id, Gateway(GATEWAY_NAME, GATEWAY_NAMESPACE), drain=0.1, steady=0.2)


def parts_of(job: Job, store: Store, point: Points) -> Parts:
    """What a reconcile of this worker works with."""
    cluster = CrashingCluster(Remote(job.link, job.key_file), point)
    return Parts(store, cluster, cluster, platform, Capabilities, Pace(job.interval))


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

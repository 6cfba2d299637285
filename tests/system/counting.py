"""A worker process that counts its statements, for the price of endpoints that are idle."""

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

from sqlalchemy import event

from tests.system.crashing import Job, Points, parts_of
from tidegate.deploy_worker.loop import Worker
from tidegate.store import Store
from tidegate.telemetry import configure_logs

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Spent:
    """Since the worker's start. statements: sent to the database. cpu: seconds of its process."""

    statements: int
    cpu: float

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(self.statements - other.statements, self.cpu - other.cpu)


class CountedWorker:
    """A worker process with a counter on its connections."""

    def __init__(self, job: Job) -> None:
        context = multiprocessing.get_context("forkserver")
        self._count: Synchronized[int] = context.Value("i", 0)
        self._process = context.Process(target=_run, args=(job, self._count), daemon=True)
        self._process.start()

    def spent(self) -> Spent:
        """So far."""
        assert self._process.pid is not None
        return Spent(self._count.value, cpu_seconds(self._process.pid))

    def stop(self) -> None:
        """In order."""
        self._process.terminate()
        self._process.join()


@contextmanager
def counted(job: Job) -> Iterator[CountedWorker]:
    """A worker for the time of a block."""
    worker = CountedWorker(job)
    try:
        yield worker
    finally:
        worker.stop()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process (fields 14 and 15 of /proc/PID/stat, proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def rss_megabytes(pid: int) -> float:
    """Resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def _run(job: Job, count: "Synchronized[int]") -> None:
    configure_logs("WARNING")
    store = Store(job.url, application_name="tidegate-worker")

    def add(*_: object) -> None:
        with count.get_lock():
            count.value += 1

    event.listen(store._engine, "before_cursor_execute", add)
    Worker(job.owner, parts_of(job, store, Points(job)), job.url, threads=2, lease=job.lease).run()

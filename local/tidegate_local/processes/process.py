"""One supervised process: what it is (`Spec`), how it stands (`Status`), and how it is spawned and
reaped.

The supervisor decides when; this file knows how.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from tidegate_local.home import write_atomic

_LEASH = Path(__file__).with_name("leash.py")
_LOG_LIMIT = 10_000_000  # bytes; a log is moved aside at the next start once it is larger


class State(StrEnum):
    """Where a process is in its life."""

    RUNNING = "running"
    WAITING = "waiting"  # it ended by itself; started again after the back-off
    STOPPED = "stopped"  # it was stopped, or ended and is not restarted


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds between an exit and the next start: first, doubled each time, at most `most`; back to
    first once a run lasted `calm`."""

    first: float = 1.0
    most: float = 30.0
    calm: float = 60.0

    def delay(self, failures: int) -> float:
        """The wait after this many exits in a row (1 or more)."""
        return float(min(self.most, self.first * 2 ** min(failures - 1, 32)))


@dataclass(frozen=True, slots=True)
class Spec:
    """A process to keep running.

    command: asked before every start, so that each incarnation may differ. leavings: files whose
    path begins so are what the program leaves behind when it dies; removed before each start, after
    each exit, and by the next plane. stop_signal, stop_seconds: how it is asked to end and how long
    it may take before SIGKILL. death_signal: what it gets when we die.
    """

    name: str
    command: Callable[[], Sequence[str]]
    log: Path
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    backoff: Backoff = field(default_factory=Backoff)
    restart: bool = True
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    death_signal: signal.Signals = signal.SIGTERM
    leavings: str = ""
    leash: bool = True  # False: the command arranges its own death signal
    folder: Path | None = None  # the working directory; None: ours


@dataclass(frozen=True, slots=True)
class Status:
    """How a process stands. starts: how often it was started. exits: ends in a row that nobody
    asked for. last_exit: exit code, negative signal number, None before the first exit. log_from:
    where the log of the newest incarnation begins (bytes). due: when it is started next, by the
    supervisor's clock."""

    state: State
    pid: int | None = None
    starts: int = 0
    exits: int = 0
    last_exit: int | None = None
    log_from: int = 0
    started: float = 0.0
    due: float | None = None

    @property
    def restarts(self) -> int:
        """Starts after the first one."""
        return max(0, self.starts - 1)


def spawn(spec: Spec) -> tuple[subprocess.Popen[bytes], int]:
    """Start it in a session of its own. Returns the process and where its log begins."""
    spec.log.parent.mkdir(parents=True, exist_ok=True)
    remove_leavings(spec.leavings)
    if spec.log.exists() and spec.log.stat().st_size > _LOG_LIMIT:
        spec.log.replace(spec.log.with_suffix(".old.log"))
    command = [str(part) for part in spec.command()]
    if spec.leash:
        leash = [
            sys.executable,
            "-I",
            "-S",
            str(_LEASH),
            str(int(spec.death_signal)),
            str(os.getpid()),
        ]
        command = [*leash, *command]
    with spec.log.open("ab") as log:
        begin = log.tell()
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=dict(spec.environ),
            cwd=spec.folder,
            start_new_session=True,
        )
    return child, begin


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signal a process and its helpers; one that is gone is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def log_tail(spec: Spec, status: Status, limit: int = 200_000) -> str:
    """What the newest incarnation wrote, at most the last `limit` bytes."""
    if not spec.log.exists():
        return ""
    with spec.log.open("rb") as log:
        size = log.seek(0, os.SEEK_END)
        log.seek(max(status.log_from if status.log_from <= size else 0, size - limit))
        return log.read().decode(errors="replace")


def remove_leavings(beginning: str) -> None:
    """Remove the files whose path begins so; '' is none."""
    if beginning:
        for file in Path(beginning).parent.glob(f"{Path(beginning).name}*"):
            file.unlink(missing_ok=True)


def remember(run: Path, spec: Spec, pid: int) -> None:
    """Write who runs, for the plane that comes after a `kill -9`."""
    kept = {"pid": pid, "born": _born(pid), "leavings": spec.leavings}
    write_atomic(_pid_file(run, spec.name), json.dumps(kept))


def forget(run: Path, name: str) -> None:
    """The process is gone."""
    _pid_file(run, name).unlink(missing_ok=True)


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    return _born(pid) is not None


def end_leftovers(run: Path, seconds: float = 15.0) -> tuple[str, ...]:
    """End what an earlier plane in this folder left running. They got their death signal already:
    wait for them, then kill. Known by pid and start time, so a recycled pid is never touched.
    Returns their names."""
    ended = []
    for file in sorted(run.glob("*.pid")):
        kept = json.loads(file.read_text())
        if kept["born"] is not None and _born(kept["pid"]) == kept["born"]:
            _end(kept["pid"], seconds)
            ended.append(file.stem)
        remove_leavings(kept.get("leavings", ""))
        file.unlink(missing_ok=True)
    return tuple(ended)


def _end(pid: int, seconds: float) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        if not select.select([handle], [], [], seconds)[0]:
            signal_group(pid, signal.SIGKILL)
            select.select([handle], [], [], seconds)
    finally:
        os.close(handle)


def _born(pid: int) -> int | None:
    """Start time in clock ticks since boot (field 22 of /proc/PID/stat, proc(5)); None when it is
    gone, also when only its exit code is left (in a container whose first process reaps nobody)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    return int(fields[19])


def _pid_file(run: Path, name: str) -> Path:
    return run / f"{name.replace('/', '~')}.pid"

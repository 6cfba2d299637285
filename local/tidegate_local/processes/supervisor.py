"""Keep the local plane's processes running: start, restart with exponential back-off, stop, reap.

One thread does all of it, and lives as long as the supervisor: Linux sends the death signal of a
child when the *thread* that started it ends (it cost an evening with Envoy), and a single owner
needs no locks around fork, wait and kill. Callers hand it requests and read immutable `Status`
values.
"""

import contextlib
import os
import queue
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from tidegate.core.errors import TidegateError
from tidegate_local.processes.process import (
    Spec,
    State,
    Status,
    forget,
    log_tail,
    remember,
    remove_leavings,
    signal_group,
    spawn,
)


class SupervisorError(TidegateError):
    """A process did not do in time what was asked, or nobody knows it."""


@dataclass(slots=True)
class _Child:
    spec: Spec
    status: Status = field(default_factory=lambda: Status(State.WAITING))
    process: subprocess.Popen[bytes] | None = None
    handle: int = -1  # pidfd
    stopping: bool = False
    kill_at: float | None = None


class Supervisor:
    """Runs the processes of one plane. `run` holds their pid files. `clock` is monotonic seconds; a
    test that turns it by hand calls `nudge` afterwards."""

    def __init__(self, run: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._run = run
        self._clock = clock
        self._children: dict[str, _Child] = {}
        self._changed = threading.Condition()
        self._requests: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._selector = selectors.DefaultSelector()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._closing = False
        self._thread = threading.Thread(target=self._loop, name="supervisor", daemon=True)
        self._thread.start()

    def start(self, spec: Spec) -> None:
        """Start it and keep it running. A name that is known and not stopped is an error."""
        self._ask(lambda: self._adopt(spec))

    def stop(self, name: str, *, wait: float | None = None) -> None:
        """Stop it for good and forget it; returns when it is gone. An unknown name is fine."""
        self.ask_stop(name)
        child = self._children.get(name)
        limit = wait
        if wait is None:
            limit = (child.spec.stop_seconds if child else 0.0) + 10.0
        with self._changed:
            if not self._changed.wait_for(lambda: name not in self._children, timeout=limit):
                raise SupervisorError(
                    f"{name} is still running {limit:g} s after it was told to stop"
                )

    def ask_stop(self, name: str) -> None:
        """Stop it for good, without waiting: `status` is None once it is gone."""
        self._ask(lambda: self._begin_stop(name))

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Signal the process alone, not its helpers, as a crash would; it is restarted
        afterwards."""
        status = self.status(name)
        if status is None or status.pid is None:
            raise SupervisorError(f"{name} is not running, there is nothing to signal")
        with contextlib.suppress(ProcessLookupError):
            os.kill(status.pid, number)

    def status(self, name: str) -> Status | None:
        """How it stands; None for a name that is not supervised."""
        child = self._children.get(name)
        if not child:
            return None
        return child.status

    def log(self, name: str) -> str:
        """What its newest incarnation wrote."""
        child = self._children.get(name)
        if not child:
            return ""
        return log_tail(child.spec, child.status)

    def names(self) -> tuple[str, ...]:
        """Everything that is supervised."""
        return tuple(self._children)

    def wait(self, name: str, until: Callable[[Status], bool], seconds: float) -> Status:
        """Block until its status satisfies `until`. Raises SupervisorError when it does not in
        time."""
        with self._changed:
            if not self._changed.wait_for(
                lambda: (s := self.status(name)) is not None and until(s), seconds
            ):
                raise SupervisorError(
                    f"{name}: not as awaited after {seconds:g} s, it is {self.status(name)}"
                )
        status = self.status(name)
        assert status is not None
        return status

    def nudge(self) -> None:
        """Look again now."""
        os.eventfd_write(self._bell, 1)

    def close(self) -> None:
        """Stop everything, all at once, then the thread. Idempotent."""
        if self._closing:
            return
        names = self.names()
        for name in names:
            self.ask_stop(name)
        for name in names:
            self.stop(name)
        self._closing = True
        self.nudge()
        self._thread.join()
        self._selector.close()
        os.close(self._bell)

    def _ask(self, job: Callable[[], None]) -> None:
        """Run a job on the supervisor's thread and give its error to the caller."""
        if self._closing:
            raise SupervisorError("the supervisor is closed")
        done: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()

        def answer() -> None:
            try:
                job()
            except Exception as error:  # handed to the caller: the thread must live
                done.put(error)
            else:
                done.put(None)

        self._requests.put(answer)
        self.nudge()
        error = done.get()
        if error:
            raise error

    def _loop(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select(self._patience()):
                if key.fd == self._bell:
                    with contextlib.suppress(BlockingIOError):
                        os.eventfd_read(self._bell)
                else:
                    self._reap(key.data)
            with contextlib.suppress(queue.Empty):
                while True:
                    self._requests.get_nowait()()
            self._on_time()

    def _patience(self) -> float | None:
        times = [
            t for c in self._children.values() for t in (c.status.due, c.kill_at) if t is not None
        ]
        if not times:
            return None
        return max(0.0, min(times) - self._clock())

    def _on_time(self) -> None:
        now = self._clock()
        for child in tuple(self._children.values()):
            if child.kill_at is not None and now >= child.kill_at:
                child.kill_at = None
                if child.process is not None:
                    signal_group(child.process.pid, signal.SIGKILL)
            elif child.status.due is not None and now >= child.status.due:
                self._spawn(child)

    def _adopt(self, spec: Spec) -> None:
        known = self._children.get(spec.name)
        if known is not None and known.status.state is not State.STOPPED:
            raise SupervisorError(f"{spec.name} is supervised already; stop it first")
        child = _Child(spec)
        self._children[spec.name] = child
        self._spawn(child)

    def _spawn(self, child: _Child) -> None:
        now = self._clock()
        before = child.status
        try:
            child.process, begin = spawn(child.spec)
        except (OSError, TidegateError) as error:
            with child.spec.log.open("a") as log:
                log.write(f"cannot start {child.spec.name}: {error}\n")
            self._set(child, self._ended(child, replace(before, started=now), 127, now))
            return
        child.handle = os.pidfd_open(child.process.pid)
        self._selector.register(child.handle, selectors.EVENT_READ, child)
        remember(self._run, child.spec, child.process.pid)
        status = replace(
            before, state=State.RUNNING, pid=child.process.pid, starts=before.starts + 1
        )
        self._set(child, replace(status, log_from=begin, started=now, due=None))

    def _reap(self, child: _Child) -> None:
        assert child.process is not None
        # Helpers; the unreaped leader keeps the group id ours
        signal_group(child.process.pid, signal.SIGKILL)
        code = child.process.wait()
        self._selector.unregister(child.handle)
        os.close(child.handle)
        forget(self._run, child.spec.name)
        child.process = None
        child.kill_at = None
        with contextlib.suppress(OSError):
            remove_leavings(child.spec.leavings)
        self._set(child, self._ended(child, child.status, code, self._clock()))

    def _ended(self, child: _Child, status: Status, code: int, now: float) -> Status:
        spec = child.spec
        if child.stopping or not spec.restart:
            return replace(status, state=State.STOPPED, pid=None, last_exit=code, due=None)
        if now - status.started >= spec.backoff.calm:
            exits = 1
        else:
            exits = status.exits + 1
        due = now + spec.backoff.delay(exits)
        return replace(status, state=State.WAITING, pid=None, last_exit=code, exits=exits, due=due)

    def _begin_stop(self, name: str) -> None:
        child = self._children.get(name)
        if child is None or child.stopping:
            return
        child.stopping = True
        if child.process is None:
            self._set(child, replace(child.status, state=State.STOPPED, due=None))
            return
        child.kill_at = self._clock() + child.spec.stop_seconds
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.process.pid, child.spec.stop_signal)

    def _set(self, child: _Child, status: Status) -> None:
        with self._changed:
            child.status = status
            if child.stopping and status.state is State.STOPPED:
                self._children.pop(child.spec.name, None)
            self._changed.notify_all()

"""The supervisor, with small real processes and a clock turned by hand."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clock import Clock
from tidegate_local.processes.process import Backoff, Spec, State, end_leftovers
from tidegate_local.processes.supervisor import Supervisor, SupervisorError

SERVE = "import signal, sys; print('serving', flush=True); signal.pause()"
STUBBORN = "import signal; signal.signal(15, signal.SIG_IGN); print('serving', flush=True)\nwhile True: signal.pause()"


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture
def supervisor(tmp_path: Path, clock: Clock) -> Iterator[Supervisor]:
    (tmp_path / "run").mkdir()
    supervisor = Supervisor(tmp_path / "run", clock)
    yield supervisor
    clock.now += 1000  # whoever ignores SIGTERM is killed at once
    supervisor.close()


def spec(tmp_path: Path, code: str, name: str = "server", **more: object) -> Spec:
    return Spec(name, lambda: [sys.executable, "-c", code], tmp_path / f"{name}.log", **more)  # type: ignore[arg-type]


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_a_crash_is_restarted_after_a_back_off_that_doubles(
    supervisor: Supervisor, clock: Clock, tmp_path: Path
) -> None:
    supervisor.start(
        spec(tmp_path, "raise SystemExit(3)", backoff=Backoff(first=1, most=4, calm=60))
    )
    waits = []
    for starts in range(1, 6):
        status = supervisor.wait(
            "server", lambda s, n=starts: s.starts == n and s.state is State.WAITING, 10
        )  # type: ignore[misc]
        assert status.last_exit == 3
        assert status.due is not None
        waits.append(status.due - clock.now)
        clock.now = status.due
        supervisor.nudge()
    assert waits == [1, 2, 4, 4, 4]


def test_a_long_run_forgives_earlier_crashes(
    supervisor: Supervisor, clock: Clock, tmp_path: Path
) -> None:
    supervisor.start(spec(tmp_path, SERVE, backoff=Backoff(first=1, most=30, calm=60)))
    for _ in range(3):
        supervisor.wait("server", lambda s: s.state is State.RUNNING, 10)
        supervisor.kill("server")
        status = supervisor.wait("server", lambda s: s.state is State.WAITING, 10)
        clock.now = status.due or 0
        supervisor.nudge()
    assert status.exits == 3
    supervisor.wait("server", lambda s: s.starts == 4, 10)
    clock.now += 61
    supervisor.kill("server")
    assert supervisor.wait("server", lambda s: s.state is State.WAITING, 10).exits == 1


def test_stop_asks_first_and_forgets(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(spec(tmp_path, SERVE))
    pid = supervisor.wait("server", lambda s: s.pid is not None, 10).pid
    assert pid is not None
    supervisor.stop("server")
    supervisor.stop("server")
    assert supervisor.status("server") is None
    assert gone(pid)
    assert not list((tmp_path / "run").iterdir())


def test_who_ignores_the_request_is_killed_at_the_deadline(
    supervisor: Supervisor, clock: Clock, tmp_path: Path
) -> None:
    supervisor.start(spec(tmp_path, STUBBORN, stop_seconds=5))
    wait_for_line(supervisor, tmp_path)
    pid = supervisor.wait("server", lambda s: True, 1).pid
    assert pid is not None
    supervisor.ask_stop("server")
    assert not gone(pid)
    clock.now += 5
    supervisor.stop("server")
    assert gone(pid)


def wait_for_line(supervisor: Supervisor, tmp_path: Path) -> None:
    """Block on the log until the program runs its own code (before that, SIGTERM would end Python
    itself)."""
    deadline = select.poll()
    for _ in range(200):
        if "serving" in supervisor.log("server"):
            return
        deadline.poll(50)
    raise AssertionError(supervisor.log("server"))


def test_a_stop_during_the_back_off_cancels_it(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(spec(tmp_path, "raise SystemExit(1)"))
    supervisor.wait("server", lambda s: s.state is State.WAITING, 10)
    supervisor.stop("server")
    assert supervisor.names() == ()


def test_helpers_of_a_crashed_process_go_with_it(supervisor: Supervisor, tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, signal\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()']).pid, "
        "flush=True)\n"
        "print('serving', flush=True); signal.pause()"
    )
    supervisor.start(spec(tmp_path, code))
    wait_for_line(supervisor, tmp_path)
    helper = int(supervisor.log("server").split()[0])
    watch = os.pidfd_open(helper)
    supervisor.kill("server")
    assert select.select([watch], [], [], 10)[0], "the helper outlived its server"
    os.close(watch)


def test_leftovers_are_cleaned_before_each_start_and_after_each_exit(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    mine, old, other = (tmp_path / name for name in ("shm_1", "shm_0", "keep"))
    old.touch()
    other.touch()
    code = (
        f"from pathlib import Path; print(Path({str(old)!r}).exists()); Path({str(mine)!r}).touch()"
    )
    supervisor.start(spec(tmp_path, code, restart=False, leavings=str(tmp_path / "shm_")))
    supervisor.wait("server", lambda s: s.state is State.STOPPED, 10)
    assert supervisor.log("server") == "False\n"
    assert [path.exists() for path in (mine, old, other)] == [False, False, True]


def test_a_program_that_does_not_exist_says_so_in_its_log(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    supervisor.start(Spec("server", lambda: ["/no/such/program"], tmp_path / "server.log"))
    assert supervisor.wait("server", lambda s: s.state is State.WAITING, 10).last_exit == 127
    assert "cannot run /no/such/program: No such file or directory" in supervisor.log("server")


def test_the_same_name_twice_is_refused(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(spec(tmp_path, SERVE))
    with pytest.raises(SupervisorError, match="supervised already"):
        supervisor.start(spec(tmp_path, SERVE))
    with pytest.raises(SupervisorError, match="not running"):
        supervisor.kill("nobody")


PLANE = """
import sys, signal
from pathlib import Path
from tidegate_local.processes.process import Spec
from tidegate_local.processes.supervisor import Supervisor
base = Path(sys.argv[1])
supervisor = Supervisor(base)
supervisor.start(Spec("server", lambda: [sys.executable, "-c", sys.argv[2]], base / "server.log"))
print(supervisor.status("server").pid, flush=True)
signal.pause()
"""


def killed_plane(tmp_path: Path, code: str) -> int:
    """A plane that was killed with -9 while it ran `code`; returns the pid of its child."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", PLANE, str(tmp_path), code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environ) as plane:
        assert plane.stdout is not None
        child = int(plane.stdout.readline())
        poll = select.poll()
        while "serving" not in (tmp_path / "server.log").read_text():
            poll.poll(20)
        plane.send_signal(signal.SIGKILL)
    return child


def test_children_do_not_outlive_a_killed_plane(tmp_path: Path) -> None:
    child = killed_plane(tmp_path, SERVE)
    assert end_leftovers(tmp_path, 10) in ((), ("server",))
    assert gone(child) or Path(f"/proc/{child}/stat").read_text().split()[2] == "Z"
    assert not list(tmp_path.glob("*.pid"))


def test_a_child_that_ignores_its_death_signal_is_ended_by_the_next_plane(tmp_path: Path) -> None:
    child = killed_plane(tmp_path, STUBBORN)
    assert not gone(child)
    assert end_leftovers(tmp_path, 0.2) == ("server",)
    assert gone(child) or Path(f"/proc/{child}/stat").read_text().split()[2] == "Z"


def test_a_recycled_pid_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "shm_1").touch()
    kept = {"pid": os.getpid(), "born": 1, "leavings": str(tmp_path / "shm_")}
    (tmp_path / "server.pid").write_text(json.dumps(kept))
    assert end_leftovers(tmp_path) == ()
    assert not (tmp_path / "shm_1").exists(), "what the dead process left is removed all the same"

"""The command as a process: what a pod's log has at the end."""

import os
import signal
import subprocess
import sys

from tests.waiting import PATIENCE
from tidegate_local.home import free_port


def start(*argv: str, **environ: str) -> "subprocess.Popen[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    command = [sys.executable, "-m", "tidegate.steps", *argv]
    return subprocess.Popen(
        command, env={**kept, **environ}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )  # fmt: skip


def test_a_pod_that_is_told_to_end_says_what_becomes_of_the_rollout() -> None:
    away = {"TIDEGATE_URL": f"http://127.0.0.1:{free_port()}", "TIDEGATE_TOKEN": "tg_x"}
    with start("finish", "--rollout-id=x", **away) as task:
        assert task.stdout is not None
        assert "trying again" in task.stdout.readline()
        task.send_signal(signal.SIGTERM)
        _, message = task.communicate(timeout=PATIENCE)
    assert task.returncode == 143
    assert (
        message
        == "✗ ended from outside: the rollout does what its --on-heartbeat-timeout says once heartbeats stop\n"
    )


def test_without_an_address_it_is_a_matter_of_flags() -> None:
    with start("finish", "--rollout-id=x") as task:
        _, message = task.communicate(timeout=PATIENCE)
    assert task.returncode == 2
    assert message.startswith("✗ no service is named: set TIDEGATE_URL")
    assert len(message.splitlines()) == 1

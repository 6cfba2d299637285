"""`tidegate up` says at once why it cannot start, and comes back where it was."""

import os
import signal
import socket
from pathlib import Path

import pytest

from tests.waiting import until
from tidegate_local.home import Home, free_port
from tidegate_local.plane.daemon import await_api
from tidegate_local.plane.launch import LaunchError, down, up
from tidegate_local.plane.options import Options
from tidegate_local.plane.remembered import chosen
from tidegate_local.processes.process import Backoff, Spec, alive
from tidegate_local.processes.supervisor import Supervisor


@pytest.mark.real
def test_a_taken_port_is_said_before_anything_is_started(tmp_path: Path) -> None:
    steps: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(LaunchError) as refused:
            up(Options(tmp_path / "home", api_port=port), steps.append)
    text = str(refused.value)
    assert f"port {port} is taken by" in text
    assert f"(pid {os.getpid()})" in text
    assert "tidegate up --port PORT" in text
    assert steps in ([], ["clearing up after an earlier plane"])
    assert chosen(tmp_path / "home").api_port != port, "a port that did not work is not remembered"


@pytest.mark.real
def test_an_api_that_ends_at_once_is_not_waited_for(home: Home, supervisor: Supervisor) -> None:
    command = ["sh", "-c", "echo the settings are wrong; exit 3"]
    supervisor.start(Spec("api", lambda: command, home.logs / "api.log", backoff=Backoff(0.2)))
    with pytest.raises(RuntimeError, match=r"exit code 3\): the settings are wrong"):
        await_api(f"http://127.0.0.1:{free_port()}/readyz", supervisor)


@pytest.mark.real
def test_a_killed_plane_comes_back_where_it_was(tmp_path: Path) -> None:
    home = tmp_path / "my home"
    port = free_port()
    first = up(chosen(home, api_port=port), lambda _: None)
    assert first["api_url"] == f"http://127.0.0.1:{port}"
    os.kill(int(first["pid"]), signal.SIGKILL)
    until(lambda: not alive(int(first["pid"])), "the plane is gone")
    again = up(chosen(home), lambda _: None)
    try:
        assert (again["api_url"], again["s3_url"]) == (first["api_url"], first["s3_url"])
    finally:
        assert down(home, lambda _: None)

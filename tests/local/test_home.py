"""The plane's folder: ports stay, locks hold, the cache is where the user wants it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tidegate.folders import cache_dir
from tidegate_local.home import Home, HomeBusyError, Ports, free_port, locked, write_atomic


def test_a_port_keeps_its_name_when_the_plane_restarts(tmp_path: Path) -> None:
    first = Ports(tmp_path / "ports.json")
    port = first.get("listener/team/add-sub")
    assert Ports(tmp_path / "ports.json").get("listener/team/add-sub") == port
    assert first.get("listener/team/other") != port


def test_a_port_that_somebody_took_meanwhile_is_given_up(tmp_path: Path) -> None:
    before = Ports(tmp_path / "ports.json")
    port = before.get("s3")
    other = before.get("postgres")
    with socket.create_server(("127.0.0.1", port)):
        after = Ports(tmp_path / "ports.json")
        assert after.get("s3") != port
        assert after.get("postgres") == other
    assert Ports(tmp_path / "ports.json").get("s3") == after.get("s3"), "the new one stays"


def test_a_port_whose_connections_linger_keeps_its_name(tmp_path: Path) -> None:
    port = Ports(tmp_path / "ports.json").get("s3")
    with socket.create_server(("127.0.0.1", port)) as server:
        client = socket.create_connection(("127.0.0.1", port))
        server.accept()[0].close()  # who closes first keeps the connection in TIME_WAIT
        client.close()
    assert Ports(tmp_path / "ports.json").get("s3") == port


def test_a_released_port_is_not_handed_out_again(tmp_path: Path) -> None:
    ports = Ports(tmp_path / "ports.json")
    gone = ports.get("replica")
    ports.release("replica")
    ports.release("never-seen")
    assert gone not in {Ports(tmp_path / "ports.json").get(f"r{n}") for n in range(50)}


def test_ports_never_repeat_within_a_process() -> None:
    handed = [free_port() for _ in range(200)]
    assert len(set(handed)) == 200


def test_two_processes_are_never_given_the_same_port() -> None:
    """Nothing listens yet on a port that was just given away, so only its reservation can protect
    it."""
    few = range(20000, 20060)
    script = (
        "import sys; from tidegate_local.home import free_port\n"
        f"print(*(free_port({few}) for _ in range(20)), flush=True); sys.stdin.read()"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ)
    assert other.stdout is not None
    assert other.stdin is not None
    with other.stdout, other.stdin:
        theirs = {int(port) for port in other.stdout.readline().split()}
        assert len(theirs) == 20
        assert not theirs & {free_port(few) for _ in range(20)}
        other.kill()
        other.wait()


def test_a_second_plane_in_the_same_folder_is_refused_and_a_dead_one_is_not_in_the_way(
    tmp_path: Path,
) -> None:
    script = (
        "import sys; from pathlib import Path; from tidegate_local.home import locked\n"
        f"with locked(Path({str(tmp_path / 'lock')!r})): print('held', flush=True); "
        "sys.stdin.read()"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    other = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ
    )
    assert other.stdout is not None
    assert other.stdin is not None
    with other.stdout, other.stdin:
        assert other.stdout.readline() == b"held\n"
        with (
            pytest.raises(HomeBusyError, match="another process"),
            locked(tmp_path / "lock", wait=False),
        ):
            pass
        other.kill()
        other.wait()
    with locked(tmp_path / "lock", wait=False):
        pass


def test_the_cache_can_be_moved() -> None:
    assert cache_dir({"TIDEGATE_CACHE": "/big/disk"}) == Path("/big/disk")
    assert cache_dir({"XDG_CACHE_HOME": "/xdg"}) == Path("/xdg/tidegate")
    assert cache_dir({}).parts[-2:] == (".cache", "tidegate")


def test_the_folder_is_private_and_making_it_twice_is_fine(tmp_path: Path) -> None:
    home = Home(tmp_path / "plane").create().create()
    assert home.root.stat().st_mode & 0o077 == 0
    assert home.logs.is_dir()


def test_an_atomic_write_leaves_nothing_beside(tmp_path: Path) -> None:
    write_atomic(tmp_path / "f", "one")
    write_atomic(tmp_path / "f", "two")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("f", "two")]

"""Who listens on a port: named with its process, before a server waits for it in vain."""

import os
import socket
from pathlib import Path

import pytest

from tidegate_local.home import free_port
from tidegate_local.listeners import PortError, find_holder, is_free, require_free


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_taken_port_is_refused_with_who_has_it_and_what_to_do(address: str) -> None:
    port = free_port()
    with socket.create_server((address, port)):
        assert not is_free(port)
        with pytest.raises(PortError) as refused:
            require_free(port, "choose another")
    text = str(refused.value)
    assert text.startswith(f"port {port} is taken by ")
    assert text.endswith(f"(pid {os.getpid()}): stop it, or choose another")
    assert is_free(port)
    require_free(port, "choose another")


def test_a_server_on_one_address_takes_the_port_of_every_address() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)), pytest.raises(PortError):
        require_free(port, "choose another", address="")


def test_a_connection_is_not_a_listener() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        own = client.getsockname()[1]
        assert find_holder(own) is None
        client.close()


def test_a_process_that_we_may_not_see_is_somebody_of_another_user(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "net").mkdir()
    line = f"   0: 0100007F:{port:04X} 00000000:0000 0A 0:0 00:0 0 1000 0 4711 1"
    (tmp_path / "net" / "tcp").write_text(f"  sl  local_address rem_address   st\n{line}\n")
    (tmp_path / "77").mkdir()  # a process without a folder of file descriptors that we may read
    assert find_holder(port, tmp_path) is None


def test_a_long_command_line_is_shortened(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp6").write_text(
        f"  sl\n   0: 0:{port:04X} 0:0 0A 0:0 0:0 0 0 0 4711 1\n"
    )
    (tmp_path / "77" / "fd").mkdir(parents=True)
    (tmp_path / "77" / "fd" / "3").symlink_to("socket:[4711]")
    (tmp_path / "77" / "cmdline").write_text("python\0-m\0" + "x" * 200 + "\0")
    holder = find_holder(port, tmp_path)
    assert holder is not None
    assert (holder.pid, holder.command) == (77, "python -m " + "x" * 70 + "…")

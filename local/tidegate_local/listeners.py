"""Who listens on a port of this machine, read from /proc.

A server whose port is taken ends and is started again, and whoever waits for it learns nothing. So
it is asked before the server starts, and the answer names the process that is in the way.
"""

import errno
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from tidegate.core.errors import TidegateError

_LOOPBACK = "127.0.0.1"
_LISTEN = "0A"  # the state in /proc/net/tcp, proc(5)
_COMMAND_LIMIT = 80  # characters of a command line in a message


class PortError(TidegateError):
    """A port cannot be listened on; says which, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that listens. command: its command line, shortened."""

    pid: int
    command: str


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now. Connections that linger after an
    earlier server's end do not count: every server here sets SO_REUSEADDR, too."""
    return _refusal(port, _LOOPBACK) is None


def require_free(port: int, remedy: str, address: str = _LOOPBACK) -> None:
    """Raise PortError that names the port, who has it, and `remedy`, unless a server could listen
    on it at this address ("": at every address)."""
    refusal = _refusal(port, address)
    if refusal is None:
        return
    if refusal == errno.EADDRINUSE:
        holder = find_holder(port)
        who = "a process of another user"
        if holder:
            who = f"{holder.command} (pid {holder.pid})"
        raise PortError(f"port {port} is taken by {who}: stop it, or {remedy}")
    raise PortError(f"port {port} cannot be used ({os.strerror(refusal)}): {remedy}")


def find_holder(port: int, proc: Path = Path("/proc")) -> Holder | None:
    """The process that listens on this port of any address; None for nobody, and for one that we
    may not see."""
    sockets = {f"socket:[{inode}]" for inode in _inodes(port, proc)}
    if not sockets:
        return None
    for process in proc.glob("[0-9]*"):
        if _holds(process, sockets):
            return Holder(int(process.name), _command(process))
    return None


def _refusal(port: int, address: str) -> int | None:
    """The errno that a server would get; None where it could listen."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError as error:
            return error.errno or errno.EADDRINUSE
    return None


def _inodes(port: int, proc: Path) -> set[str]:
    """The inodes of the sockets that listen on a port: fields 1, 3 and 9 of a line are address,
    state and inode."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            address = fields[1]
            state = fields[3]
            inode = fields[9]
            if state == _LISTEN and int(address.rpartition(":")[2], 16) == port:
                inodes.add(inode)
    return inodes


def _holds(process: Path, sockets: set[str]) -> bool:
    try:
        handles = tuple((process / "fd").iterdir())
    except OSError:  # another user's, or gone
        return False
    for handle in handles:
        try:
            target = str(handle.readlink())
        except OSError:  # closed meanwhile
            continue
        if target in sockets:
            return True
    return False


def _command(process: Path) -> str:
    try:
        words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "a process"
    command = " ".join(word for word in words if word)
    if len(command) > _COMMAND_LIMIT:
        return f"{command[:_COMMAND_LIMIT]}…"
    return command or "a process"

"""Where the local plane keeps things: its state folder, its cache, its ports and its locks.

One `Home` is one plane. The state folder may be deleted at will while the plane is down; the cache
(large downloads) lives outside of it and of any work tree, so that every plane and every checkout
shares it.
"""

import contextlib
import fcntl
import functools
import json
import os
import secrets
import socket
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tidegate.core.errors import TidegateError
from tidegate_local.listeners import is_free

_FOLDERS = ("logs", "run", "xds", "models", "pg", "s3", "objects")
_FIRST_PORT = 20000
_handed_out: set[int] = set()


class HomeBusyError(TidegateError):
    """Another process holds the lock of this folder."""


@dataclass(frozen=True, slots=True)
class Home:
    """The layout of one plane's state folder. Nothing exists until `create`."""

    root: Path

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Pid files, ports and locks."""
        return self.root / "run"

    @property
    def xds(self) -> Path:
        """Envoy's configuration files."""
        return self.root / "xds"

    @property
    def models(self) -> Path:
        """One model repository per replica, as its storage initializer left it."""
        return self.root / "models"

    @property
    def pg(self) -> Path:
        """Postgres' data folder."""
        return self.root / "pg"

    @property
    def s3(self) -> Path:
        """What the S3 server keeps."""
        return self.root / "s3"

    @property
    def objects(self) -> Path:
        """The control plane's objects."""
        return self.root / "objects"

    def create(self) -> "Home":
        """Make the folders; idempotent. The root is private: it holds a database with trust
        logins."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in _FOLDERS:
            (self.root / name).mkdir(exist_ok=True)
        return self


def write_atomic(path: Path, text: str) -> None:
    """Replace a file in one rename: a reader (Envoy among them) sees the old or the new text, never
    half."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text)
    beside.replace(path)


def write_private(path: Path, text: str) -> None:
    """As write_atomic, for our user alone: mode 0600 from the first byte on."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    beside.replace(path)


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold an exclusive lock on `path` (made if missing) until the block ends; the kernel drops it
    when the process dies. With wait=False a held lock raises HomeBusyError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise HomeBusyError(
                f"{path} is locked: another process uses this folder; stop it first"
            ) from error
        yield


def free_port(ports: range | None = None) -> int:
    """Return a TCP port on 127.0.0.1 that nobody uses and that no other living process was given
    here.

    `ports` to choose from is by default what lies below the kernel's ephemeral range: a port from
    that range can be lost to any outgoing connection (or to another `bind` to port 0) before its
    server starts, and while it is down.
    """
    choice = ports or range(_FIRST_PORT, _ephemeral_start())
    while True:
        port = secrets.choice(choice)
        if port not in _handed_out and _reserve(port) and _is_free(port):
            _handed_out.add(port)
            return port


def _reserve(port: int) -> bool:
    """Reserve the port for the life of this process. Return False if another process has it.

    The reservation is a lock on one byte of a file that all processes of this user share. The
    kernel drops it when the process ends, however it ends. The file is opened once: closing it
    would drop every lock.
    """
    try:
        fcntl.lockf(_reservations(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@functools.cache
def _reservations() -> int:
    """Descriptor of the file whose byte N stands for port N."""
    path = Path(tempfile.gettempdir()) / f"tidegate-ports-{os.getuid()}"
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _ephemeral_start() -> int:
    """Where the kernel's own choice of ports begins. Where that leaves too little below, its usual
    start."""
    try:
        start = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except OSError:
        start = 32768
    if start >= _FIRST_PORT + 1000:
        return start
    return 32768


class Ports:
    """Ports by name, kept in a file: `listener/ns/name` keeps its port when the plane restarts.

    A port that somebody else took while the plane was down is given up, and its name gets another
    one: a server without its port would end, again and again. Make this object before the first
    server starts.

    A released port is not handed out again during the plane's life (clients may still hold
    connections or counters of its former owner).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        if path.exists():
            kept = json.loads(path.read_text())
        else:
            kept = {"named": {}, "retired": []}
        self._named: dict[str, int] = kept["named"]
        self._retired: list[int] = kept["retired"]
        for name in [name for name, port in self._named.items() if not is_free(port)]:
            self.release(name)

    def get(self, name: str) -> int:
        """The port of this name, allocated at the first call."""
        with self._lock:
            if name not in self._named:
                port = free_port()
                while port in self._retired or port in self._named.values():
                    port = free_port()
                self._named[name] = port
                self._save()
            return self._named[name]

    def release(self, name: str) -> None:
        """Give the port of this name up; unknown names are fine."""
        with self._lock:
            port = self._named.pop(name, None)
            if port is not None:
                self._retired = [*self._retired, port][-4096:]
                self._save()

    def _save(self) -> None:
        write_atomic(self._path, json.dumps({"named": self._named, "retired": self._retired}))

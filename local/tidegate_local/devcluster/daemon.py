"""The dev cluster's one long-lived process: it starts the parts, keeps them running, stops them on
SIGTERM.

`python -m tidegate_local.devcluster.daemon --home DIR`. How far it is stands in `DIR/cluster.json`.
"""

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

import structlog

from tidegate.core.errors import TidegateError
from tidegate.telemetry import configure_logs
from tidegate_local.devcluster.cluster import USUAL, DevCluster
from tidegate_local.home import HomeBusyError, locked, write_atomic

STATE = "cluster.json"
log = structlog.get_logger()


class Daemon:
    """One dev cluster and the file that tells about it."""

    def __init__(self, root: Path) -> None:
        self._file = root / STATE
        self.cluster = DevCluster(root)
        self._told: dict[str, object] = {"state": "starting", "pid": os.getpid()}

    def run(self, parts: list[str], nodes: int, stop: threading.Event) -> int:
        """Up, wait for `stop`, down. 1 where it could not start."""
        try:
            self.cluster.up(parts, lambda line: self._tell(step=line), nodes=nodes)
        except (TidegateError, OSError) as error:
            log.exception("the dev cluster did not start")
            self._tell(state="failed", step=str(error))
            return 1
        self._tell(
            state="ready",
            step="",
            parts=parts,
            server=self.cluster.server,
            kubeconfig=str(self.cluster.kubeconfig),
        )
        stop.wait()
        self._tell(state="stopping", step="stopping")
        self.cluster.down()
        self._file.unlink(missing_ok=True)
        return 0

    def _tell(self, **news: object) -> None:
        self._told |= news
        write_atomic(self._file, json.dumps(self._told, indent=1))


def main() -> int:
    """The command line of the daemon."""
    parser = argparse.ArgumentParser(prog="python -m tidegate_local.devcluster.daemon")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--parts", default=",".join(USUAL))
    parser.add_argument("--nodes", type=int, default=2)
    arguments = parser.parse_args()
    configure_logs()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    root = arguments.home.resolve()
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with locked(root / "daemon.lock", wait=False):
            return Daemon(root).run(
                [part for part in arguments.parts.split(",") if part], arguments.nodes, stop
            )
    except HomeBusyError as error:
        log.error("another dev cluster runs here", detail=str(error))  # noqa: TRY400  (expected: no traceback)
        return 1


if __name__ == "__main__":
    sys.exit(main())

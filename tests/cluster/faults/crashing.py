"""`python -m tests.cluster.faults.crashing`: the worker of production, which kills itself at chosen
points.

Of all points (`tests/crashing.py`) those are counted after which a death leaves something else:
before and after every write to the cluster, and before and after every commit. They are counted for
each endpoint over all processes, in files of the folder TIDEGATE_CRASH_FOLDER: `<endpoint>.points`
has a line for each point passed, `<endpoint>.kill` the numbers at which to die.
"""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import cast

from tests.crashing import WRITES, CrashingCluster, CrashingStore
from tidegate.core.intent import EndpointKey
from tidegate.deploy_worker.__main__ import cluster_of, make, serve
from tidegate.deploy_worker.kubernetes.cluster import KubernetesCluster
from tidegate.deploy_worker.settings import WorkerSettings
from tidegate.telemetry import configure_logs

LEASE_S = 7.0


class Points:
    """See the module."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._here = threading.local()

    def enter(self, key: EndpointKey) -> None:
        """This thread's reconcile is over this endpoint."""
        self._here.key = key

    def __call__(self, name: str) -> None:
        """One is passed."""
        key = getattr(self._here, "key", None)
        if key is None or not name.startswith(WRITES):
            return
        passed = self._folder / f"{name_of(key)}.points"
        with passed.open("a") as file:
            file.write(name.replace("\n", " ") + "\n")
        kill = self._folder / f"{name_of(key)}.kill"
        if kill.exists() and str(len(passed.read_text().splitlines())) in kill.read_text().split():
            os.kill(os.getpid(), signal.SIGKILL)


def name_of(key: EndpointKey) -> str:
    """The stem of an endpoint's files."""
    return f"{key.namespace}.{key.name}"


def main() -> None:
    """The process."""
    settings = WorkerSettings()
    configure_logs(settings.log_level)
    point = Points(Path(os.environ["TIDEGATE_CRASH_FOLDER"]))
    assert settings.database_url
    store = CrashingStore(settings.database_url, point)
    cluster = cast(KubernetesCluster, CrashingCluster(cluster_of(settings), point))
    serve(settings, cluster, make(settings, cluster, store, LEASE_S))
    store.close()


if __name__ == "__main__":
    sys.exit(main())

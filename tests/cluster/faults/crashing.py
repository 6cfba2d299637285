"""`python -m tests.cluster.faults.crashing`: the worker of production, which kills itself at chosen points.

A point is each step of a round after which a death leaves something else: before and after every write to the
cluster, and before and after every commit. They are counted for each endpoint over all processes, in files of
the folder TIDEGATE_CRASH_FOLDER: `<endpoint>.points` has a line for each point passed, `<endpoint>.kill` the numbers
at which to die.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Action, Snapshot, Unavailable, WriteResult
from tidegate.deploy_worker.__main__ import cluster_of, make, serve
from tidegate.deploy_worker.kubernetes.cluster import KubernetesCluster
from tidegate.deploy_worker.settings import WorkerSettings
from tidegate.store import Store, Tx
from tidegate.telemetry import configure_logs

LEASE_S = 7.0


class Points:
    """See the module."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._here = threading.local()

    def enter(self, key: EndpointKey) -> None:
        """This thread's round is over this endpoint."""
        self._here.key = key

    def __call__(self, what: str) -> None:
        """One is passed."""
        key = getattr(self._here, "key", None)
        if key is None:
            return
        passed = self._folder / f"{name_of(key)}.points"
        with passed.open("a") as file:
            file.write(what.replace("\n", " ") + "\n")
        kill = self._folder / f"{name_of(key)}.kill"
        if kill.exists() and str(len(passed.read_text().splitlines())) in kill.read_text().split():
            os.kill(os.getpid(), signal.SIGKILL)


def name_of(key: EndpointKey) -> str:
    """The stem of an endpoint's files."""
    return f"{key.namespace}.{key.name}"


class CrashingStore(Store):
    """Points around every commit of a round."""

    def __init__(self, url: str, point: Points) -> None:
        super().__init__(url, application_name="tidegate-deploy-worker")
        self._point = point

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        """As Store.begin."""
        with super().begin() as tx:
            yield tx
            self._point("before a commit")
        self._point("after a commit")

    @contextmanager
    def single(self) -> Iterator[Tx]:
        """As Store.single."""
        self._point("before a statement")
        with super().single() as tx:
            yield tx
        self._point("after a statement")


class CrashingCluster:
    """Points around every write."""

    def __init__(self, cluster: KubernetesCluster, point: Points) -> None:
        self._cluster, self._point = cluster, point

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def observe(self, key: EndpointKey) -> Snapshot | Unavailable:
        """As KubernetesCluster.observe."""
        self._point.enter(key)
        return self._cluster.observe(key)

    def write(self, action: Action, *, dry_run: bool = False) -> WriteResult:
        """As KubernetesCluster.write."""
        self._point(f"before the write: {action.why}")
        result = self._cluster.write(action, dry_run=dry_run)
        self._point(f"after the write: {action.why}")
        return result


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

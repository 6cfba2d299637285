"""Reconciles per second of one worker process, against bare writes to the same plane through the
same link.

The plane is the simulated one, so that no model server's time is in the figures; Postgres is real.
A reconcile claims a lease, reads the store, looks at the cluster, plans, and records: it holds no
write, because a settled endpoint needs none. The bare client writes one route that differs each
time, on as many threads as the worker.
"""

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from bench.report import keep, line
from tests.system.crashing import Job, start
from tests.system.sim import Served
from tests.system.sim_rollouts import begin
from tests.waiting import until
from tidegate.core.ports import Apply, Done
from tidegate.store import Store
from tidegate.store.migrate import migrate
from tidegate_local.home import Home, free_port
from tidegate_local.plane.link import Remote
from tidegate_local.processes.postgres import Postgres, plain
from tidegate_local.processes.supervisor import Supervisor

ENDPOINTS = 20
PASSES = 20
THREADS = 2
WRITES = 2000
DUE = "SELECT count(*) FROM endpoints WHERE due_at IS NOT NULL"
WAKE = "UPDATE endpoints SET due_at = now()"


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """A migrated database on a server of its own."""
    home = Home(folder / "home").create()
    supervisor = Supervisor(home.run)
    try:
        url = Postgres(home.pg, home.logs / "postgres.log", supervisor, free_port()).start()
        migrate(url)
        yield url
    finally:
        supervisor.close()


def reconciles(url: str, served: Served) -> float:
    """Reconciles per second over settled endpoints, all due at once, several times."""
    store = Store(url)
    rollouts = [begin(store, served.plane, f"e{n}") for n in range(ENDPOINTS)]
    worker = start(Job("bench", url, served.port, served.key_file, lease=30.0))
    try:
        for rollout in rollouts:
            rollout.wait(60)
        with psycopg.connect(plain(url), autocommit=True) as connection:

            def quiet() -> bool:
                return connection.execute(DUE).fetchone() == (0,)

            until(quiet, "every endpoint is settled", 60)
            began = time.perf_counter()
            for _ in range(PASSES):
                connection.execute(WAKE)
                connection.execute("NOTIFY tidegate")
                until(quiet, "a pass is over", 60, every=0.002)
            return ENDPOINTS * PASSES / (time.perf_counter() - began)
    finally:
        worker.kill()
        worker.join()
        store.close()


def writes(served: Served) -> float:
    """Bare writes per second."""
    remote = Remote(served.port, served.key_file)

    def write(number: int) -> bool:
        return (
            remote.write(
                Apply(_route(number), None if number < THREADS else _uid(served, number), "bench")
            )
            == Done()
        )

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(write, range(THREADS)))
        began = time.perf_counter()
        assert all(pool.map(write, range(THREADS, WRITES)))
        return (WRITES - THREADS) / (time.perf_counter() - began)


def _uid(served: Served, number: int) -> str:
    return served.plane.uid("HTTPRoute", "bare", f"bare{number % THREADS}")


def _route(number: int) -> dict[str, Any]:
    rule = {
        "backendRefs": [{"name": "bare-r1-predictor", "port": 80, "weight": 1 + number % 99}],
        "timeouts": {"request": "30s"},
    }
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {
            "name": f"bare{number % THREADS}",
            "namespace": "bare",
            "annotations": {"tidegate.dev/generation": str(number)},
        },
        "spec": {
            "parentRefs": [{"name": "tidegate", "namespace": "tidegate-system"}],
            "rules": [rule],
        },
    }


def main() -> None:
    """Measure both in one run."""
    with (
        tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder,
        database(Path(folder)) as url,
    ):
        served = Served(Path(folder))
        try:
            ours = reconciles(url, served)
            bare = writes(served)
        finally:
            served.close()
    keep(
        "reconciles",
        line("reconciles over settled endpoints (one worker, 2 threads)", ours, bare, "/s"),
    )


if __name__ == "__main__":
    main()

"""Reads per second of one endpoint through the API, against the bare query by the same driver.

One client that keeps its connection asks again and again; the bare query reads the endpoint's row
and its newest intent through psycopg, also on one connection.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from bench.report import keep, line
from tests.system.real import NAMESPACE, RealEndpoint, RealPlane
from tidegate_local.processes.postgres import Postgres, plain
from tidegate_local.processes.supervisor import Supervisor

SECONDS = 3.0
BARE = """
    SELECT e.*, i.body FROM endpoints AS e JOIN intents AS i ON i.endpoint_id = e.id AND i.generation = e.generation
    WHERE e.namespace = %s AND e.name = %s"""


def per_second(work: Callable[[], object]) -> float:
    """Calls per second, one after the other."""
    end = time.perf_counter() + SECONDS
    count = 0
    began = time.perf_counter()
    while time.perf_counter() < end:
        work()
        count += 1
    return count / (time.perf_counter() - began)


def database_url(plane: RealPlane) -> str:
    """Of the plane's own Postgres."""
    port = int(str(plane.state()["database_url"]).rpartition(":")[2].partition("/")[0])
    nobody = Supervisor(plane.home / "run")
    nobody.close()
    return Postgres(plane.home / "pg", plane.home / "logs" / "bench.log", nobody, port).url()


def reads(plane: RealPlane, endpoint: RealEndpoint) -> tuple[float, float]:
    """(through the API, bare) per second."""
    with psycopg.connect(plain(database_url(plane))) as connection:

        def bare() -> None:
            assert connection.execute(BARE, [NAMESPACE, endpoint.name]).fetchone() is not None

        return per_second(endpoint.show), per_second(bare)


def main() -> None:
    """Measure both in one run."""
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        plane = RealPlane(Path(folder) / "home").start()
        try:
            ours, bare = reads(plane, plane.endpoint("bench"))
        finally:
            plane.stop()
    keep("api", line("GET of one endpoint, one client", ours, bare, "/s"))


if __name__ == "__main__":
    main()

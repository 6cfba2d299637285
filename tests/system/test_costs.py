"""What Tidegate costs: memory after a rollout, and nothing for endpoints that ask for nothing."""

import time

import psycopg
import pytest

from tests.system.counting import Spent, counted, rss_megabytes
from tests.system.crashing import Job
from tests.system.real import RealEndpoint, RealPlane
from tests.system.sim import Served
from tests.system.sim_rollouts import begin
from tests.waiting import until
from tidegate.store import Store
from tidegate_local.processes.postgres import plain

pytestmark = pytest.mark.real
MEGABYTES = 150
WINDOW_S = 10.0  # two polling intervals
IDLE_CPU_S = 0.15  # of the window; both sides are near zero, where a ratio says nothing
COPY = """
    INSERT INTO endpoints (namespace, name, mode, created_by, spec, status)
    SELECT 'team', 'idle-' || n, 'standard', 'ann', '{}', '{"phase": "ready"}' FROM generate_series(1, %s) AS n
    ON CONFLICT DO NOTHING"""


def test_memory_after_a_rollout(plane: RealPlane, endpoint: RealEndpoint) -> None:
    rollout = endpoint.start("good-v2", "blue-green")
    rollout.wait(lambda r: r["phase"] == "waiting", "it waits for a person")
    rollout.action("promote")
    assert rollout.over()["outcome"] == "promoted"
    pids = plane.pids()
    used = {name: rss_megabytes(pids[name]) for name in ("api", "worker-1", "worker-2")}
    assert max(used.values()) < MEGABYTES, used


def idle(store: Store, count: int) -> None:
    """Endpoints that were settled long ago: nothing is due for them."""
    with psycopg.connect(plain(store.url)) as connection:
        connection.execute(COPY, [count])
        connection.execute("UPDATE endpoints SET due_at = NULL WHERE name LIKE 'idle-%'")
    with psycopg.connect(plain(store.url), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE endpoints")


def nothing_is_due(store: Store) -> bool:
    """No endpoint asks for a reconcile, now or later."""
    with psycopg.connect(plain(store.url)) as connection:
        return (
            connection.execute("SELECT 1 FROM endpoints WHERE due_at IS NOT NULL").fetchone()
            is None
        )


def price(store: Store, served: Served, name: str) -> Spent:
    """What a worker spends in one window, once it has shown that it works."""
    sim_rollout = begin(store, served.plane, name)
    with counted(Job("idle", store.url, served.port, served.key_file)) as worker:
        sim_rollout.wait()
        until(lambda: nothing_is_due(store), "nothing is due")
        before = worker.spent()
        began = time.monotonic()
        until(lambda: time.monotonic() - began >= WINDOW_S, "the window is over", 2 * WINDOW_S)
        return worker.spent() - before


def test_ten_thousand_idle_endpoints_cost_what_ten_do(store: Store, served: Served) -> None:
    idle(store, 10)
    few = price(store, served, "few")
    idle(store, 10_000)
    many = price(store, served, "many")
    assert few.statements > 0
    # A poll more or less fits in the window
    assert many.statements <= few.statements + 10, (
        few,
        many,
    )
    assert many.cpu <= max(1.5 * few.cpu, IDLE_CPU_S), (few, many)

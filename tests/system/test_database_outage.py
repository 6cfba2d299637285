"""Postgres is away in mid-rollout: the API says so, clients notice nothing, and no step ends
because time passed."""

import time

import httpx2
import pytest

from tests.system.conftest import Database
from tests.system.load import Load
from tests.system.real import INTERVAL, RealEndpoint, RealPlane
from tests.waiting import until

pytestmark = pytest.mark.real
BAKE = 5.0
CAP = 4 * INTERVAL  # what one interval may count at most
RECONNECT = 1.5  # the worker's own back-off


def is_unavailable(answer: httpx2.Response) -> bool:
    """A 503 as RFC 9457 has it."""
    return answer.status_code == 503 and answer.headers["content-type"].startswith(
        "application/problem+json"
    )


def test_an_outage_ends_no_step(
    plane: RealPlane, database: Database, endpoint: RealEndpoint
) -> None:
    rollout = endpoint.start("good-v2", steps=[10, 50], bake_seconds=BAKE)
    rollout.at(10)
    with Load(endpoint.address) as load:
        load.wait_for("r2", 3)
        before = rollout.show()["steps"][0]["baked_seconds"]
        workers = {
            name: pid for name, pid in plane.pids().items() if name.startswith(("worker", "api"))
        }
        database.server.stop()
        began = time.monotonic()
        try:
            assert is_unavailable(plane.ask("GET", endpoint.path))
            assert is_unavailable(plane.ask("POST", f"/rollouts/{rollout.id}/pause", {}))
            assert plane.ask("GET", f"http://127.0.0.1:{plane.port}/readyz").status_code == 503
            until(
                lambda: time.monotonic() - began > BAKE + 1 and load.by_revision()["r2"],
                "an outage",
                20,
            )
        finally:
            database.server.start()
        until(lambda: plane.ask("GET", endpoint.path).status_code == 200, "the API is back")
        after = rollout.show()
        assert after["step"] == 1
        assert after["steps"][0]["baked_seconds"] <= before + 2 * CAP + RECONNECT
        assert after["outcome"] is None
        assert rollout.over()["outcome"] == "promoted"
        assert {n: p for n, p in plane.pids().items() if n in workers} == workers, (
            "nobody had to be restarted"
        )
    assert load.scenario == []

"""Two workers on one database: they share the work, nothing is done twice, and one goes on without
the other."""

import itertools

import psycopg
import pytest

from tests.system.crashing import Job, start
from tests.system.sim import Served
from tests.system.sim_rollouts import SimRollout, begin, check_as_if_nothing_happened
from tests.waiting import until
from tidegate.core.rollout import Outcome
from tidegate.store import Store
from tidegate_local.processes.postgres import plain

pytestmark = pytest.mark.real
NAMES = itertools.count(1)


def four(store: Store, served: Served) -> list[SimRollout]:
    """Rollouts to share."""
    return [begin(store, served.plane, f"two{next(NAMES)}") for _ in range(4)]


def alive(store: Store) -> set[str]:
    """Workers that gave a heartbeat."""
    with psycopg.connect(plain(store.url)) as connection:
        return {owner for (owner,) in connection.execute("SELECT owner FROM workers")}


def test_both_live_and_nothing_is_done_twice(store: Store, served: Served) -> None:
    rollouts = four(store, served)
    workers = [
        start(Job(name, store.url, served.port, served.key_file)) for name in ("left", "right")
    ]
    try:
        until(lambda: alive(store) == {"left", "right"}, "both live")
        for rollout in rollouts:
            rollout.wait()
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()
    for rollout in rollouts:
        check_as_if_nothing_happened(rollout, Outcome.PROMOTED)
    assert alive(store) == set(), "who stops in order says so"


def test_one_is_killed_and_the_other_goes_on(store: Store, served: Served) -> None:
    rollouts = four(store, served)
    left, right = (
        start(Job(name, store.url, served.port, served.key_file)) for name in ("left", "right")
    )
    try:
        until(
            lambda: any(rollout.stored().progress.step.index >= 0 for rollout in rollouts),
            "the first step of one",
        )
        left.kill()
        for rollout in rollouts:
            rollout.wait()
    finally:
        right.kill()
        for worker in (left, right):
            worker.join()
    for rollout in rollouts:
        check_as_if_nothing_happened(rollout, Outcome.PROMOTED)

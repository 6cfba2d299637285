"""kill -9 of the worker at every point of a rollout, then another worker: it ends as if nothing had
happened."""

import itertools
import random
from pathlib import Path

import pytest

from tests.system.crashing import KILLED, Job, never, start
from tests.system.sim import Served
from tests.system.sim_rollouts import begin, check_as_if_nothing_happened
from tests.waiting import until
from tidegate.core.rollout import Outcome
from tidegate.store import Store

pytestmark = pytest.mark.real
NAMES = itertools.count(1)
BAD = {Outcome.PROMOTED: 0.0, Outcome.ABORTED: 0.3}
# more points than any of these rollouts has
MOST = 400
BLOCK = 25
# A promotion has about 160 points, an abort about 100.
UP = random.Random(7).sample(range(1, 140), 8)
BACK = random.Random(8).sample(range(1, 85), 4)


def crash_once(store: Store, served: Served, folder: Path, outcome: Outcome, kill: int) -> str:
    """A whole rollout whose first worker dies at point `kill`; what it was doing, '' when the
    rollout was over."""
    rollout = begin(store, served.plane, f"e{next(NAMES)}", bad=BAD[outcome])
    job = Job("first", store.url, served.port, served.key_file, kill, folder / "said")
    worker = start(job)
    try:
        until(lambda: not worker.is_alive() or rollout.is_over(), "a crash, or the end", 60)
        if not worker.is_alive():
            worker.join()
            assert worker.exitcode == KILLED
            worker = start(never(job))
        rollout.wait()
    finally:
        worker.kill()
        worker.join()
    check_as_if_nothing_happened(rollout, outcome)
    if (folder / "said").exists():
        return (folder / "said").read_text()
    return ""


@pytest.mark.parametrize("outcome", BAD)
def test_without_a_crash(store: Store, served: Served, tmp_path: Path, outcome: Outcome) -> None:
    assert crash_once(store, served, tmp_path, outcome, 0) == ""


@pytest.mark.parametrize("kill", UP)
def test_killed_on_the_way_to_a_promotion(
    store: Store, served: Served, tmp_path: Path, kill: int
) -> None:
    assert crash_once(store, served, tmp_path, Outcome.PROMOTED, kill)


@pytest.mark.parametrize("kill", BACK)
def test_killed_on_the_way_back(store: Store, served: Served, tmp_path: Path, kill: int) -> None:
    assert crash_once(store, served, tmp_path, Outcome.ABORTED, kill)


@pytest.mark.long
@pytest.mark.parametrize("outcome", BAD)
@pytest.mark.parametrize("first", range(1, MOST, BLOCK))
def test_killed_at_every_point(store: Store, tmp_path: Path, outcome: Outcome, first: int) -> None:
    """Points in the order of the first worker's life, until it outlives the rollout; a plane for
    each block."""
    served = Served(tmp_path)
    try:
        for kill in range(first, first + BLOCK):
            folder = tmp_path / str(kill)
            folder.mkdir()
            if not crash_once(store, served, folder, outcome, kill):
                break
        else:
            assert kill < MOST, "a rollout has more points than are tried"
    finally:
        served.close()

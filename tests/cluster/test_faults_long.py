"""The long part of what a rollout stands on the real control plane: all crash points, and 500
endpoints at once."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.faults.crashes import killed_at
from tests.cluster.faults.fleet import Fleet
from tests.cluster.faults.lab import Lab, laboratory, pairs
from tidegate.core.intent import EndpointKey, Mode
from tidegate.core.rollout import Outcome

pytestmark = [pytest.mark.cluster, pytest.mark.real, pytest.mark.long]
CROWD = 500
PER_TENANT = 100
MOST_POINTS = 400  # of one rollout; that many would be a fault of its own


@pytest.fixture(scope="module")
def lab(databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with laboratory(tmp_path_factory.mktemp("faults-long"), databases) as result:
        yield result


@pytest.mark.timeout(7200)
def test_a_worker_is_killed_between_any_two_writes(lab: Lab) -> None:
    """Every endpoint's rollout dies once, each at a point of its own; then the next rollouts die at
    the points after those, until none is left that a rollout comes to."""
    lab.muster()
    with lab.worker():
        lab.fleet.create(pairs([lab.tenant("more")], each=2), lab.store)
    first = 1
    count = len(lab.fleet.rollouts)
    while first < MOST_POINTS:
        points = {
            rollout.key: [first + number] for number, rollout in enumerate(lab.fleet.rollouts)
        }
        with killed_at(lab, points) as deaths:
            lab.fleet.start()
            lab.fleet.check(lab.fleet.decide(), 600.0)
        if not deaths():
            break
        first += count
    assert 1 + 4 * count < first < MOST_POINTS, f"the last point was before {first}"


@pytest.mark.timeout(3600)
def test_500_endpoints_at_once(lab: Lab) -> None:
    tenants = [lab.tenant(f"c{number}") for number in range(CROWD // PER_TENANT)]
    keys = [EndpointKey(tenant, f"s{number}") for tenant in tenants for number in range(PER_TENANT)]
    lab.fleet = Fleet(lab.dev.kube, lab.ticks, lab.workers.alive)
    with lab.worker():
        lab.fleet.create([(key, Mode.STANDARD) for key in keys], lab.store, 1500.0)
        for rollout in lab.fleet.rollouts:
            rollout.start()
        lab.fleet.until(lambda rollout: rollout.waits, 1500.0)
        desired = lab.fleet.decide()
        assert set(desired.values()) == {Outcome.PROMOTED, Outcome.ABORTED}
        lab.fleet.check(desired, 1500.0)

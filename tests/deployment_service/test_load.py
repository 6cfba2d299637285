"""Rate and base of an endpoint without a rollout: measured by the worker, answered by the API."""

from dataclasses import replace

import pytest

from tests.deployment_service.counting import PATH, CountingMeter, Judged
from tidegate.deploy_worker.parts import Pace
from tidegate.store.engine import run

pytestmark = pytest.mark.real


def test_an_endpoint_without_a_rollout_has_a_rate_and_a_base(api):
    world = Judged(api, bad=0.0)
    meter = CountingMeter(world.lab, 400, {1: 0.02})
    pace = Pace(interval=1.0, load=0.0001)  # each pass measures
    world.parts = replace(world.parts, meter=meter, pace=pace)
    world.serving()

    def known():
        status = api.ok("GET", PATH)["status"]
        return status["requests_per_second"] is not None and status["error_rate"] is not None

    world.until(known)
    status = api.ok("GET", PATH)["status"]
    assert status["requests_per_second"] > 100
    assert status["error_rate"] == pytest.approx(0.02, rel=0.2)
    with api.store.begin() as tx:
        # One pass is due by itself: nothing else wakes an endpoint that only serves
        assert run(tx, "UPDATE endpoints SET poked = false WHERE due_at IS NOT NULL") == 1
    assert api.ok("GET", PATH)["rollout"] is None

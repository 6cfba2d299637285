"""An A/B under load on the real plane, ended by the counts that somebody posts of their own
experiment."""

from datetime import datetime

import pytest

from tests.system.load import Load
from tests.system.real import METRICS as USUAL
from tests.system.real import Json, RealEndpoint, RealRollout
from tests.waiting import until

pytestmark = pytest.mark.real
METRICS = {**USUAL, "experiment": {"pass_margin": 0.0}}
ANALYSIS = {"metrics": METRICS, "noise_window_seconds": 1}


def post(rollout: RealRollout, start: float, seconds: float, **successes: int) -> Json:
    """Both revisions' counts of 1,000 units each over one interval, the second answer of two."""
    values: Json = {}
    for label, good in successes.items():
        body = {"revision": int(label[1:]), "successes": good, "units": 1000}
        body |= {"interval_start": start, "interval_end": start + seconds}
        for _ in range(2):  # a caller that is not sure repeats itself, and nothing counts twice
            values = rollout.plane.post(f"/rollouts/{rollout.id}/evidence", **body)
    return values


def settled(rollout: RealRollout) -> float:
    """When the split of the present step showed, epoch seconds; that is when counts may begin."""
    rollout.at(50)
    view = until(lambda: rollout.show()["settled_at"], "the split settled")
    return datetime.fromisoformat(view).timestamp() + 0.001


def experiment(rollout: Json) -> Json:
    """The verdict on the experiment."""
    return next(each for each in rollout["verdicts"] if each["metric"] == "experiment")


def test_a_candidate_that_succeeds_more_often_is_promoted(endpoint: RealEndpoint) -> None:
    with Load(endpoint.address) as load:
        rollout = endpoint.start("good-v2", "ab", bake_seconds=1, analysis=ANALYSIS)
        start = settled(rollout)
        load.wait_for("r2", 50)
        post(rollout, start, 0.1, r1=500, r2=520)
        rollout.wait(
            lambda r: experiment(r)["candidate_requests"] == 1000, "the first interval is judged"
        )
        assert rollout.show()["outcome"] is None
        post(rollout, start + 0.1, 0.1, r1=500, r2=700)
        over = rollout.over()
    assert over["outcome"] == "promoted", over["outcome_message"]
    assert "experiment: candidate 1220 of 2000 succeeded" in over["outcome_message"]
    assert experiment(over)["candidate_requests"] == 2000
    assert (len(over["experiment"]), load.scenario) == (4, [])


def test_a_candidate_that_succeeds_less_often_keeps_stable(endpoint: RealEndpoint) -> None:
    with Load(endpoint.address) as load:
        rollout = endpoint.start("good-v2", "ab", bake_seconds=1, analysis=ANALYSIS)
        start = settled(rollout)
        load.wait_for("r2", 50)
        post(rollout, start, 0.1, r1=700, r2=500)
        over = rollout.over()
    assert over["outcome"] == "kept-stable", over["outcome_message"]
    assert over["outcome_message"].startswith("experiment: candidate 500 of 1000 succeeded")
    assert load.scenario == []

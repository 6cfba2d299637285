"""`tidegate.kfp.rollout` in people's own pipelines, run by `kfp.local` against a real plane."""

from collections.abc import Callable

import pytest

from tests.steps.pipeline import HERE, ROOT, Kfp
from tests.steps.test_runs import load, stable
from tests.system.real import RealEndpoint

pytestmark = pytest.mark.real
EXAMPLE = ROOT / "examples" / "kubeflow" / "train_and_roll_out.py"
QUICK = {"bake_seconds": 1.0, "pass_margin": 0.05, "noise_window_seconds": 1.0}
Make = Callable[[str], RealEndpoint]


def test_the_example_trains_rolls_out_and_reports(kfp: Kfp, endpoint: Make) -> None:
    made = endpoint("standard")
    with load(made) as sent:
        run = kfp.start_own(EXAMPLE, made.name, version="good-v2", **QUICK)
        assert run.good()["Output"] == "promoted"
    assert "the rollout ended: promoted, 100 % of the traffic" in run.log
    assert (stable(made), sent.scenario) == (2, [])


@pytest.mark.long
def test_what_follows_a_rollout_that_was_aborted_does_not_begin(kfp: Kfp, endpoint: Make) -> None:
    made = endpoint("standard")
    with load(made):
        run = kfp.start_own(EXAMPLE, made.name, version="flaky", **QUICK)
        run.bad("r1 serves, r2 was rolled back (aborted): errors", task="reach")
    assert "the rollout ended" not in run.log
    assert stable(made) == 1


def test_two_rollouts_of_one_run_are_two(kfp: Kfp, endpoint: Make) -> None:
    """A task attaches to what its run has begun; the second rollout is another one all the same."""
    made = endpoint("standard")
    with load(made) as sent:
        run = kfp.start_own(HERE / "own_pipeline.py", made.name, first="good-v2", second="good-v3")
        assert run.good()["Output"] == "promoted"
    rollouts = made.plane.get(f"{made.path}/rollouts")["items"]
    assert [item["strategy"] for item in rollouts] == ["undo", "canary", "canary"]
    ids = [item["run_id"] for item in rollouts][::-1]
    assert ids == [ids[0], f"{ids[0]}-2", f"{ids[0]}-3"]
    assert (stable(made), sent.scenario) == (2, [])

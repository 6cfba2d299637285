"""Every template as a pipeline: real tasks by `kfp.local`, the real plane, real Triton under
load."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.steps.pipeline import Kfp, golden
from tests.system.load import Load
from tests.system.real import NAMESPACE, RealEndpoint, RealPlane, RealRollout
from tests.system.test_experiment import post, settled
from tests.waiting import until

pytestmark = pytest.mark.real
MODES = ("standard", "knative")
Make = Callable[[str], RealEndpoint]


@contextmanager
def load(endpoint: RealEndpoint) -> Iterator[Load]:
    """A low rate of requests, both protocols where the mode has both, none of which may be lost."""
    if endpoint.show()["mode"] == "standard":
        protocols = ("http", "grpc")
    else:
        protocols = ("http",)
    with Load(endpoint.address, protocols, pause=0.01) as sent:
        sent.wait_for("r1", 5)
        yield sent


def stable(endpoint: RealEndpoint) -> int:
    """The number of the revision that serves."""
    return int(endpoint.show()["stable"]["revision"])


@pytest.mark.parametrize("mode", MODES)
def test_a_life_by_templates(plane: RealPlane, kfp: Kfp, mode: str) -> None:
    """Deployed, a canary after its smoke test, undone, blue/green staged and promoted, an A/B by
    evidence."""
    made = RealEndpoint(plane, f"life-{mode}")
    deploy = kfp.start(
        "endpoint-deploy", made.name, model_version="1", mode=mode, smoke=True, golden=golden()
    )
    assert deploy.good()["phase"] == "ready"
    assert f"{made.name} at {made.show()['urls'][0]} gives the golden answer" in deploy.log
    with load(made) as sent:
        canary = kfp.start(
            "rollout-canary", made.name, model_version="good-v2", smoke=True, golden=golden()
        )
        assert canary.good() | {"rollout_url": ""} == {
            "phase": "promoted", "routed_percent": 100, "verdict": "pass", "rollout_url": ""
        }  # fmt: skip
        assert "gives the golden answer" in canary.log
        assert "<svg" in canary.page()
        assert stable(made) == 2

        assert kfp.run("rollout-undo", made.name)["phase"] == "promoted"
        assert stable(made) == 1

        assert (
            kfp.run("rollout-blue-green-stage", made.name, model_version="good-v3")["phase"]
            == "waiting"
        )
        assert stable(made) == 1
        until(
            lambda: made.show()["rollout"]["guard"]["released"],
            "the worker has heard that the run is done",
        )
        wrong = kfp.start(
            "rollout-blue-green-promote", made.name, smoke=True, golden=golden(total=3.0)
        )
        wrong.bad(
            "r3 failed the smoke test, nothing is promoted: OUTPUT0[0] is 2.0, expected 3",
            task="smoke",
        )
        assert stable(made) == 1
        until(
            lambda: made.show()["rollout"]["guard"]["released"],
            "the worker has heard that the run is done",
        )
        promote = kfp.start("rollout-blue-green-promote", made.name, smoke=True, golden=golden())
        assert promote.good()["phase"] == "promoted"
        assert "gives the golden answer" in promote.log
        assert stable(made) == 3

        begun = kfp.start("rollout-ab", made.name, model_version="1", ends_by="evidence")
        rollout = current(made)
        post(rollout, settled(rollout), 0.1, r3=500, r1=700)
        assert begun.good()["phase"] == "promoted"
        assert stable(made) == 1
    assert sent.scenario == []
    made.delete()


@pytest.mark.parametrize("mode", ["standard", pytest.param("knative", marks=pytest.mark.long)])
def test_a_bad_model_fails_the_run_with_the_reason(kfp: Kfp, endpoint: Make, mode: str) -> None:
    made = endpoint(mode)
    with load(made):
        run = kfp.start("rollout-canary", made.name, model_version="flaky")
        run.bad("r1 serves, r2 was rolled back (aborted): errors", task="reach")
    assert stable(made) == 1


@pytest.mark.parametrize("mode", ["standard", pytest.param("knative", marks=pytest.mark.long)])
def test_a_wrong_answer_to_the_smoke_test_moves_nothing(
    kfp: Kfp, endpoint: Make, mode: str
) -> None:
    made = endpoint(mode)
    with load(made) as sent:
        run = kfp.start(
            "rollout-canary",
            made.name,
            model_version="good-v2",
            smoke=True,
            golden=golden(total=3.0),
        )
        run.bad(
            "r2 failed the smoke test, nothing has moved: OUTPUT0[0] is 2.0, expected 3",
            task="smoke",
        )
        assert sent.by_revision()["r2"] == 0
    assert stable(made) == 1


def test_a_wrong_answer_of_a_new_endpoint_fails_the_run_and_the_endpoint_stays(
    plane: RealPlane, kfp: Kfp
) -> None:
    made = RealEndpoint(plane, "wrong-at-first")
    run = kfp.start(
        "endpoint-deploy", made.name, model_version="1", smoke=True, golden=golden(total=3.0)
    )
    run.bad("is deployed and failed the smoke test: OUTPUT0[0] is 2.0, expected 3", task="smoke")
    assert f"`tidegate endpoint delete {NAMESPACE}/{made.name}`" in run.log
    assert (made.show()["phase"], stable(made)) == ("ready", 1)
    made.delete()


def test_a_smoke_test_speaks_grpc_where_the_candidate_speaks_only_that(
    plane: RealPlane, kfp: Kfp
) -> None:
    made = RealEndpoint(plane, "by-grpc")
    request = {"smoke": True, "golden": golden()}
    try:
        deploy = kfp.start(
            "endpoint-deploy",
            made.name,
            model_version="1",
            mode="knative",
            protocol="grpc-v2",
            **request,
        )
        assert deploy.good()["phase"] == "ready"
        assert f"{made.name} at grpc://" in deploy.log
        run = kfp.start("rollout-blue-green-stage", made.name, model_version="good-v2", **request)
        assert run.good()["phase"] == "waiting"
        assert "r2 at grpc://127.0.0.1:" in run.log
    finally:
        made.delete()


def test_a_shadow_in_standard_mode_keeps_stable(kfp: Kfp, endpoint: Make) -> None:
    made = endpoint("standard")
    with load(made) as sent:
        run = kfp.start("rollout-shadow", made.name, model_version="good-v2", side_effects="none")
        assert run.good()["phase"] == "kept-stable"
    assert (stable(made), sent.by_revision()["r2"], sent.scenario) == (1, 0, [])


def test_an_ab_by_header_ends_by_a_persons_word(kfp: Kfp, endpoint: Make) -> None:
    made = endpoint("standard")
    with load(made):
        run = kfp.start("rollout-ab", made.name, model_version="good-v2", header="x-beta: yes")
        run.says("tidegate rollout approve")
        current(made).wait(lambda r: r["phase"] == "waiting", "a person is waited for")
        current(made).action("approve", reason="r2 sells more")
        assert run.good()["phase"] == "promoted"
    assert stable(made) == 2


def test_what_knative_mode_cannot_do_is_refused_in_the_first_task(kfp: Kfp, endpoint: Make) -> None:
    made = endpoint("knative")
    shadow = kfp.start("rollout-shadow", made.name, model_version="good-v2", side_effects="none")
    header = kfp.start("rollout-ab", made.name, model_version="good-v2", header="x-beta: yes")
    shadow.bad("refused in knative mode", task="preflight")
    header.bad("knative mode", task="preflight")
    assert made.show()["rollout"] is None
    assert made.plane.get(f"{made.path}/rollouts")["items"] == []


def test_bad_input_is_refused_in_the_first_task(kfp: Kfp, endpoint: Make) -> None:
    made = endpoint("standard")
    falling = kfp.start("rollout-canary", made.name, model_version="good-v2", percents=[50, 10])
    unknown = kfp.start("rollout-canary", made.name, model_version="77")
    falling.bad("percents: [50, 10] does not rise", task="preflight")
    unknown.bad("77", task="preflight")
    kfp.start("rollout-canary", "nothing-here", model_version="good-v2").bad(
        "nothing-here", task="preflight"
    )
    assert made.plane.get(f"{made.path}/rollouts")["items"] == []


@pytest.mark.parametrize(
    ("answer", "phase"), [("approve", "promoted"), pytest.param("reject", "aborted", id="reject")]
)
def test_an_approval(kfp: Kfp, endpoint: Make, answer: str, phase: str) -> None:
    made = endpoint("standard")
    with load(made):
        run = kfp.start(
            "rollout-canary", made.name, model_version="good-v2", percents=[50], approval=True
        )
        run.says("a person decides")
        rollout = current(made)
        rollout.wait(lambda r: r["phase"] == "waiting", "a person is waited for")
        rollout.action(answer, reason="looked at it")
        if answer == "approve":
            assert run.good()["phase"] == phase
        else:
            run.bad("reject by admin: looked at it", task="approval")
    assert (rollout.show()["phase"], stable(made)) == (phase, 2 if phase == "promoted" else 1)


def test_twice_at_once_and_the_service_killed_in_the_middle(
    plane: RealPlane, kfp: Kfp, endpoint: Make
) -> None:
    """A second run is refused with the reason; the same run started again (its driver was
    restarted) attaches; and none of them notices that the service was away."""
    made = endpoint("standard")
    with load(made):
        first = kfp.start(
            "rollout-canary", made.name, run_id="run-1", model_version="good-v2", bake_seconds=8.0
        )
        first.says("step 1 of 2: 10 %")
        rollout = current(made)
        other = kfp.start("rollout-canary", made.name, run_id="run-2", model_version="good-v3")
        again = kfp.start(
            "rollout-canary", made.name, run_id="run-1", model_version="good-v2", bake_seconds=8.0
        )
        other.bad(rollout.id, task="preflight")
        again.says("attached to the rollout that this run started")
        plane.kill("api")
        assert first.good()["phase"] == again.good()["phase"] == "promoted"
    made_here = plane.get(f"{made.path}/rollouts")["items"]
    assert [item["id"] for item in made_here] == [rollout.id]


def test_a_run_that_is_cancelled_leaves_a_rollout_that_does_what_was_chosen(
    kfp: Kfp, endpoint: Make
) -> None:
    made = endpoint("standard")
    with load(made):
        run = kfp.start(
            "rollout-canary", made.name, model_version="good-v2", bake_seconds=600.0, on_heartbeat_timeout="abort",
            heartbeat_timeout_seconds=20.0,
        )  # fmt: skip
        run.says("step 1 of 2: 10 %")
        rollout = current(made)
        before = rollout.wait(
            lambda r: r["guard"]["last_heartbeat_at"], "its pipeline sends heartbeats"
        )["guard"]["last_heartbeat_at"]
        rollout.wait(
            lambda r: r["guard"]["last_heartbeat_at"] != before, "it sends heartbeats again"
        )
        assert not rollout.show()["guard"]["missed"]
        run.kill()
        ended = rollout.over()
    assert (ended["outcome"], ended["outcome_message"]) == (
        "aborted",
        "no heartbeat of its pipeline for 20 s: goes back to stable",
    )
    assert stable(made) == 1


def current(endpoint: RealEndpoint) -> RealRollout:
    """The rollout that runs at an endpoint."""
    result = until(lambda: endpoint.show()["rollout"], "a rollout runs")
    return RealRollout(endpoint, result["id"])

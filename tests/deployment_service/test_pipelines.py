"""What a pipeline gets from the API: a guard, heartbeats, the candidate's own address."""

from dataclasses import replace

import pytest

from tidegate.core.guard import Heartbeats
from tidegate.core.rollout import Outcome

pytestmark = pytest.mark.real
PATH = "/api/v1/endpoints/team-a/demo-triton"


def test_a_guard_is_kept_and_shown(api):
    api.endpoint()
    rollout = api.rollout(guard={"on_heartbeat_timeout": "abort", "heartbeat_timeout_seconds": 30})
    assert rollout["guard"] == {
        "on_heartbeat_timeout": "abort", "heartbeat_timeout_seconds": 30.0,
        "last_heartbeat_at": None, "seconds_since_heartbeat": 0.0, "missed": False,
        "released": False, "message": "",
    }  # fmt: skip


def test_without_one_there_is_nothing_to_show(api):
    api.endpoint()
    assert api.rollout()["guard"] is None


def test_a_heartbeat_reaches_the_controller_and_a_release_the_ledger(api):
    api.endpoint()
    rollout = api.rollout(guard={})
    path = f"/api/v1/rollouts/{rollout['id']}"
    assert api.ok("POST", f"{path}/heartbeat")["id"] == rollout["id"]
    assert api.heartbeat_seen().released is False
    api.ok("POST", f"{path}/heartbeat", {"release": True})
    assert api.heartbeat_seen().released is True
    history = api.ok("GET", f"{PATH}/history")["ledger"]
    assert [
        (line["actor"], line["message"]) for line in history if line["action"] == "pipeline.release"
    ] == [("admin", "its part is done")]


def test_a_heartbeat_timeout_that_was_acted_on_is_shown(api):
    api.endpoint()
    rollout = api.rollout(guard={"heartbeat_timeout_seconds": 60})
    api.reconcile(
        progress=lambda now: replace(
            now,
            step=replace(now.step, index=0),
            heartbeats=Heartbeats(1_700_000_000.0, 65.0, missed=True),
        )
    )
    guard = api.ok("GET", f"/api/v1/rollouts/{rollout['id']}")["guard"]
    assert guard["message"] == "no heartbeat of its pipeline for 60 s: goes on without it"
    assert (guard["last_heartbeat_at"], guard["seconds_since_heartbeat"]) == (
        "2023-11-14T22:13:20Z",
        65.0,
    )


def test_what_has_ended_takes_no_heartbeat(api):
    api.endpoint()
    rollout = api.rollout(guard={})
    api.reconcile(
        progress=lambda now: replace(now, outcome=Outcome.ABORTED, end=replace(now.end, tidy=True))
    )
    answer = api.post(f"/api/v1/rollouts/{rollout['id']}/heartbeat")
    assert (answer.status_code, answer.json()["code"]) == (409, "rollout-ended")
    assert api.post("/api/v1/rollouts/nope/heartbeat").status_code == 404


@pytest.mark.parametrize(
    "guard", [{"on_heartbeat_timeout": "panic"}, {"heartbeat_timeout_seconds": 0}, {"gap": 5}]
)
def test_a_guard_that_makes_no_sense_is_refused(api, guard):
    api.endpoint()
    answer = api.post(f"{PATH}/rollouts", {"model_version_id": "2", "guard": guard})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith("/guard/")


def test_the_candidates_own_address_is_answered_while_it_runs(api):
    api.endpoint()
    rollout = api.rollout()
    path = f"/api/v1/rollouts/{rollout['id']}"
    assert rollout["candidate_url"] is None
    up = {"desired": 1, "ready": 1}
    live = [
        {"revision": 1, **up, "address": "http://one"},
        {"revision": 2, **up, "address": "http://two"},
    ]
    api.reconcile(
        intent=lambda now: replace(now, candidate=2, message="step"), status={"live": live}
    )
    assert api.ok("GET", path)["candidate_url"] == "http://two"
    assert api.ok("GET", PATH)["rollout"]["candidate_url"] == "http://two"


def test_a_run_finds_its_rollout_by_its_id_whatever_the_reason_says(api):
    api.endpoint(run_id="run-0")
    assert api.ok("GET", PATH)["spec"]["run_id"] == "run-0"
    mine = api.rollout(run_id="run-1", reason="said in passing: run-2")
    assert mine["run_id"] == "run-1"
    api.ok("POST", f"/api/v1/rollouts/{mine['id']}/abort", {"run_id": "run-9", "reason": "enough"})

    def of(run):
        return [item["id"] for item in api.ok("GET", f"{PATH}/rollouts?run_id={run}")["items"]]

    assert (of("run-1"), of("run-2"), of("run-9")) == ([mine["id"]], [], [mine["id"]])
    assert api.get(f"{PATH}/rollouts?run_id=no%20id").status_code == 422


def test_a_submission_finds_the_rollouts_of_its_runs(api):
    api.endpoint()
    mine = api.rollout(run_id="run-1.mine")

    def of(submission):
        results = api.ok("GET", f"{PATH}/rollouts?submission_id={submission}")["items"]
        return [item["id"] for item in results]

    assert (of("mine"), of("other")) == ([mine["id"]], [])
    assert api.get(f"{PATH}/rollouts?submission_id=a.b").status_code == 422

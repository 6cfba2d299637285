"""What answers say to those who read them closely: who and when, warnings once, no id that leads
nowhere, the share that was counted, the time that is left."""

from dataclasses import replace

import pytest

from tidegate.core.evidence import Arm, Block, Evidence, judge
from tidegate.core.findings import find
from tidegate.core.incidents import Incidents, Limits, Tally
from tidegate.core.ports import Capabilities
from tidegate.core.rollout import CandidatePods, End, Judgement, Outcome, StepProgress
from tidegate.core.strategy import DEFAULT_METRICS
from tidegate.store import rollouts

pytestmark = pytest.mark.real
PATH = "/api/v1/endpoints/team-a/demo-triton"
NARROW = replace(Capabilities(), gpu=False, autoscaler=False)


def test_a_version_says_who_registered_it_and_when(api):
    api.models()
    first = api.ok("GET", "/api/v1/models/add_sub/versions")["items"][0]
    again = api.ok(
        "POST", "/api/v1/models/add_sub/versions", {"version_id": "1", "uri": first["uri"]}
    )
    assert first["created_by"] == "admin"
    assert again["created_at"] == first["created_at"]


def test_a_short_name_of_a_runtime_is_said_once(api):
    message = "runtime 'kserve-triton' is short for KServe's 'kserve-tritonserver', which is used"
    assert message in api.endpoint()["warnings"]
    assert (
        api.ok("POST", f"{PATH}/rollouts?dry_run=true", {"model_version_id": "2"})["warnings"] == []
    )
    named = {"model_version_id": "2", "runtime": "kserve-triton"}
    assert api.ok("POST", f"{PATH}/rollouts?dry_run=true", named)["warnings"] == [message]


def test_what_was_warned_about_at_the_start_is_not_said_again(api):
    api.worker(NARROW)
    assert len(api.endpoint()["warnings"]) == 4
    assert api.rollout(strategy="manual")["warnings"] == []
    assert api.ok("PATCH", PATH, {"canary_percent": 0})["warnings"] == []
    assert api.ok("POST", f"{PATH}/undo", {})["warnings"] == []


def test_what_is_new_in_a_rollout_is_warned_about(api):
    api.worker(NARROW)
    api.endpoint(runtime_config={})
    body = {"model_version_id": "2", "runtime_config": {"gpu": 1}}
    assert ["gpu is ignored" in warning for warning in api.rollout(**body)["warnings"]] == [True]


def test_a_dry_run_hands_out_no_id_that_leads_nowhere(api):
    api.endpoint()
    assert api.ok("POST", f"{PATH}/rollouts?dry_run=true", {"model_version_id": "2"})["id"] == ""
    by_hand = api.ok(
        "PATCH", f"{PATH}?dry_run=true", {"model_version_id": "2", "canary_percent": 5}
    )
    assert (by_hand["dry_run"], by_hand["rollout"]["id"]) == (True, "")
    running = api.rollout()
    assert api.ok("POST", f"{PATH}/undo?dry_run=true", {})["id"] == running["id"]


def test_an_unknown_revision_is_refused_under_the_name_it_came_by(api):
    api.endpoint()
    assert api.post(f"{PATH}/undo", {"to": 9}).json()["errors"][0]["pointer"] == "/to"
    assert (
        api.post(f"{PATH}/rollouts", {"revision": 9}).json()["errors"][0]["pointer"] == "/revision"
    )


def test_an_undo_is_not_judged_so_it_shows_no_metrics(api):
    api.endpoint()
    rollout = api.rollout()
    verdicts = judge(Evidence.start(DEFAULT_METRICS), DEFAULT_METRICS, 0.01)
    api.with_candidate(percent=10, analysis=Judgement(verdicts=verdicts))
    assert len(api.ok("GET", f"/api/v1/rollouts/{rollout['id']}")["verdicts"]) == 4

    def promoted(old):
        return replace(
            old,
            candidate=None,
            stable=2,
            candidate_traffic=replace(old.candidate_traffic, percent=0),
        )

    end = End(Outcome.PROMOTED, tidy=True, standby_until=2_000_000_000.0)
    api.reconcile(
        intent=promoted,
        progress=lambda old: replace(old, end=end, outcome=Outcome.PROMOTED),
    )
    ended = api.ok("GET", f"/api/v1/rollouts/{rollout['id']}")
    assert ended["ended_at"] == "2033-05-18T03:03:20Z"  # the window's end, half an hour before
    undo = api.ok("POST", f"{PATH}/undo", {})
    api.reconcile(
        progress=lambda old: replace(old, analysis=replace(old.analysis, verdicts=verdicts))
    )
    assert api.ok("GET", f"/api/v1/rollouts/{undo['id']}")["verdicts"] == []


def test_metrics_of_pods_are_shown_beside_those_of_requests(api):
    api.endpoint()
    request = {"restarts": {"allowed": 5}, "no_ready_pods": {"allowed_seconds": 60}}
    path = f"/api/v1/rollouts/{api.rollout(analysis={'metrics': request})['id']}"
    with api.store.read() as tx:
        limits = rollouts.get(tx, path.rpartition("/")[2]).rollout.strategy.limits
    assert limits == Limits(restarts=5, oom_kills=0, no_ready_pods=60.0)

    counted = Incidents(
        restarts=Tally(candidate=4, stable=1, against=3), oom_kills=Tally(candidate=1, against=1)
    )
    verdicts = judge(Evidence.start(DEFAULT_METRICS), DEFAULT_METRICS, 0.01)
    api.with_candidate(
        percent=10,
        analysis=Judgement(verdicts=verdicts),
        pods=CandidatePods(findings=find(counted, limits, 2)),
    )
    view = {verdict["metric"]: verdict for verdict in api.ok("GET", path)["verdicts"]}
    assert list(view) == [
        "errors",
        "rejections",
        "saturation",
        "latency",
        "restarts",
        "oom_kills",
        "no_ready_pods",
    ]
    assert view["errors"]["allowed"] is None
    restarts = view["restarts"]
    kills = view["oom_kills"]
    assert (
        restarts["verdict"],
        restarts["candidate_bad"],
        restarts["stable_bad"],
        restarts["allowed"],
    ) == (
        "pass",
        4,
        1,
        5,
    )
    assert restarts["message"] == "r2: 4 restarts, allowed 5; 1 at the same time as stable"
    assert (kills["verdict"], kills["message"]) == (
        "fail",
        "r2: 1 kill for memory (OOMKilled), allowed 0",
    )


def test_the_share_that_was_counted_stands_beside_the_one_that_was_set(api):
    api.endpoint()
    path = f"/api/v1/rollouts/{api.rollout(steps=[10, 50], bake_seconds=30)['id']}"
    api.with_candidate(percent=10)
    view = api.ok("GET", path)
    assert (view["desired_percent"], view["measured_percent"], view["measured_requests"]) == (
        10,
        None,
        None,
    )

    split = Block(Arm(21), Arm(179, 1), 20.0)
    api.with_candidate(
        percent=10,
        analysis=Judgement(evidence=replace(Evidence.start(DEFAULT_METRICS), split=split)),
    )
    view = api.ok("GET", path)
    assert (view["measured_percent"], view["measured_requests"]) == (10.5, 200)


def test_the_time_left_is_that_of_the_steps_that_are_not_done(api):
    api.endpoint()
    api.reconcile(status={"requests_per_second": 100.0, "error_rate": 0.005})
    started = api.rollout(steps=[10, 50], bake_seconds=30)
    first, second = (step["expected_seconds"] for step in started["steps"])
    assert started["seconds_left"] == first + second
    path = f"/api/v1/rollouts/{started['id']}"
    api.with_candidate(percent=10, step=StepProgress(index=0, baked=20.0))
    assert api.ok("GET", path)["seconds_left"] == 10 + second
    api.with_candidate(percent=50, step=StepProgress(index=2))
    assert api.ok("GET", path)["seconds_left"] is None

"""Who wins: people, the rollout controller, and the direction of a move."""

from dataclasses import replace

import pytest

from tidegate.core.rollout import Outcome, Pause, PauseKind, StepProgress

pytestmark = pytest.mark.real
PATH = "/api/v1/endpoints/team-a/demo-triton"


def etag(api):
    return {"If-Match": api.get(PATH).headers["etag"]}


def test_a_version_with_a_percent_starts_a_guarded_manual_rollout(api):
    api.endpoint()
    answer = api.patch(PATH, {"canary_percent": 25, "model_version_id": "2", "reason": "v2"})
    assert answer.status_code == 202
    view = answer.json()
    assert view["rollout"]["strategy"] == "manual"
    assert answer.headers["location"] == f"/api/v1/rollouts/{view['rollout']['id']}"
    assert view["traffic"]["desired"]["text"] == "r1 75 %, r2 25 %"


def test_a_version_alone_starts_one_without_traffic(api):
    api.endpoint()
    view = api.ok("PATCH", PATH, {"model_version_id": "2"})
    assert view["rollout"]["strategy"] == "manual"
    assert view["traffic"]["desired"]["text"] == "r1 100 %"


def test_naming_the_candidate_again_moves_it(api):
    api.endpoint()
    first = api.ok("PATCH", PATH, {"canary_percent": 5, "model_version_id": "2"})
    again = api.ok("PATCH", PATH, {"canary_percent": 50, "model_version_id": "2"})
    assert again["rollout"]["id"] == first["rollout"]["id"]
    assert again["traffic"]["desired"]["text"] == "r1 50 %, r2 50 %"
    other = api.patch(PATH, {"canary_percent": 5, "model_version_id": "3"})
    assert other.status_code == 409
    assert "supersede=true" in other.json()["detail"]


def test_by_hand_up_and_down_in_a_manual_rollout(api):
    api.endpoint()
    api.ok("PATCH", PATH, {"model_version_id": "2"})
    for percent in (25, 60, 10, 0):
        view = api.ok("PATCH", PATH, {"canary_percent": percent})
        assert view["rollout"]["desired_percent"] == percent
    assert api.actions(view["rollout"]["id"]) == []


def test_lowering_a_plan_always_works_and_pauses_it(api):
    api.endpoint()
    rollout = api.rollout()
    api.with_candidate(percent=25, step=StepProgress(index=2))
    view = api.ok("PATCH", PATH, {"canary_percent": 5}, headers={"If-Match": '"1"'})
    assert view["traffic"]["desired"]["text"] == "r1 95 %, r2 5 %"
    assert api.actions(rollout["id"]) == ["set-canary"]


def test_raising_a_plan_needs_force(api):
    api.endpoint()
    rollout = api.rollout()
    api.with_candidate(percent=10)
    refused = api.patch(PATH, {"canary_percent": 50})
    assert refused.status_code == 409
    assert "force=true" in refused.json()["detail"]
    api.ok("PATCH", f"{PATH}?force=true", {"canary_percent": 50})
    assert api.actions(rollout["id"]) == ["set-canary"]
    # the rollout controller has not heard it yet, and yet it is this person's now
    api.ok("PATCH", PATH, {"canary_percent": 60})
    api.ok("POST", f"/api/v1/rollouts/{rollout['id']}/resume")
    assert api.patch(PATH, {"canary_percent": 70}).status_code == 409


@pytest.mark.parametrize("percent", [100, None])
def test_promoting_by_patch_needs_if_match(api, percent):
    api.endpoint()
    view = api.ok("PATCH", PATH, {"canary_percent": 50, "model_version_id": "2"})
    assert api.patch(PATH, {"canary_percent": percent}).status_code == 428
    assert (
        api.patch(PATH, {"canary_percent": percent}, headers={"If-Match": '"1"'}).status_code == 412
    )
    promoted = api.ok("PATCH", PATH, {"canary_percent": percent}, headers=etag(api))
    # The rollout controller appends the promotion
    assert promoted["generation"] == view["generation"]
    assert api.actions(view["rollout"]["id"]) == ["set-canary"]


@pytest.mark.parametrize("strategy", ["ab", "blue-green"])
def test_promoting_what_waits_for_a_person_is_the_answer(api, strategy):
    api.endpoint()
    rollout = api.rollout(strategy=strategy)
    api.with_candidate(percent=0)
    view = api.ok("GET", f"/api/v1/rollouts/{rollout['id']}")
    assert view["phase"] == "waiting"
    api.ok("POST", f"/api/v1/rollouts/{rollout['id']}/promote", {"step": 1})
    assert api.actions(rollout["id"]) == ["promote"]


def test_promoting_a_plan_midway_needs_force(api):
    api.endpoint()
    rollout = api.rollout()
    api.with_candidate(percent=10)
    path = f"/api/v1/rollouts/{rollout['id']}/promote"
    assert api.post(path).status_code == 409
    assert api.patch(PATH, {"canary_percent": 100}, headers=etag(api)).status_code == 409
    api.ok("POST", f"{path}?force=true")
    assert api.actions(rollout["id"]) == ["override", "promote"]


@pytest.mark.parametrize("verb", ["abort", "pause", "reject"])
def test_toward_stable_needs_no_if_match(api, verb):
    api.endpoint()
    rollout = api.rollout()
    api.with_candidate()
    answer = api.post(
        f"/api/v1/rollouts/{rollout['id']}/{verb}", {"reason": "hm"}, headers={"If-Match": '"1"'}
    )
    assert answer.status_code == 202
    assert api.actions(rollout["id"]) == [verb]


@pytest.mark.parametrize("verb", ["resume", "promote", "approve", "retry"])
def test_upward_a_stale_if_match_is_refused(api, verb):
    api.endpoint()
    rollout = api.rollout()
    api.with_candidate()
    answer = api.post(f"/api/v1/rollouts/{rollout['id']}/{verb}", headers={"If-Match": '"1"'})
    assert answer.status_code == 412


def test_approving_needs_a_step_that_waits(api):
    api.endpoint()
    rollout = api.rollout()
    api.with_candidate()
    refused = api.post(f"/api/v1/rollouts/{rollout['id']}/approve")
    assert refused.status_code == 409
    assert "promote" in refused.json()["detail"]


def test_a_superseding_rollout_waits_for_the_abort(api):
    api.endpoint()
    old = api.rollout()
    new = api.ok("POST", f"{PATH}/rollouts?supersede=true", {"model_version_id": "3"})
    assert api.actions(old["id"]) == ["supersede"]
    assert api.ok("GET", PATH)["rollout"]["id"] == old["id"]
    api.reconcile(
        progress=lambda p: replace(p, outcome=Outcome.SUPERSEDED, end=replace(p.end, tidy=True))
    )
    assert api.ok("GET", PATH)["rollout"]["id"] == new["id"]


def test_an_ended_rollout_takes_no_upward_action_but_a_retry(api):
    api.endpoint()
    rollout = api.rollout()
    assert api.post(f"/api/v1/rollouts/{rollout['id']}/retry").status_code == 409
    api.reconcile(
        progress=lambda p: replace(
            p, outcome=Outcome.ABORTED, end=replace(p.end, message="worse", tidy=True)
        )
    )
    for verb in ("pause", "resume", "approve", "promote"):
        assert api.post(f"/api/v1/rollouts/{rollout['id']}/{verb}").status_code == 409
    again = api.ok("POST", f"/api/v1/rollouts/{rollout['id']}/retry")
    assert (again["attempt"], again["candidate"], again["verdicts"]) == (2, 2, [])


def test_a_rollout_on_its_way_back_is_not_raised(api):
    api.endpoint()
    api.ok("PATCH", PATH, {"canary_percent": 20, "model_version_id": "2"})
    api.reconcile(
        progress=lambda p: replace(
            p,
            step=replace(p.step, index=0),
            end=replace(p.end, toward=Outcome.ABORTED, message="worse"),
        )
    )
    refused = api.patch(PATH, {"canary_percent": 50})
    assert refused.status_code == 409
    assert "worse" in refused.json()["detail"]


def test_undo_ends_what_runs_else_goes_to_the_stable_before(api):
    api.endpoint()
    nothing = api.post(f"{PATH}/undo")
    assert nothing.status_code == 409
    running = api.rollout()
    assert api.ok("POST", f"{PATH}/undo")["id"] == running["id"]
    assert api.actions(running["id"]) == ["undo"]
    api.reconcile(
        intent=lambda i: (
            replace(i, stable=2, standby=(1,), candidate=None)
            if i.candidate
            else replace(i, candidate=2)
        ),
        progress=lambda p: p,
    )
    api.reconcile(
        intent=lambda i: replace(i, stable=2, candidate=None, standby=(1,)),
        progress=lambda p: replace(p, outcome=Outcome.PROMOTED, end=replace(p.end, tidy=True)),
    )
    back = api.ok("POST", f"{PATH}/undo", {"reason": "customers complain"})
    assert (back["strategy"], back["base"], back["candidate"]) == ("undo", 2, 1)


def test_undo_to_a_named_revision_replaces_what_runs(api):
    api.endpoint()
    api.rollout()
    api.rollout_2 = api.ok("POST", f"{PATH}/rollouts?supersede=true", {"model_version_id": "3"})
    back = api.ok("POST", f"{PATH}/undo", {"to": 2})
    assert (back["strategy"], back["candidate"]) == ("undo", 2)
    assert api.post(f"{PATH}/undo", {"to": 9}).status_code == 422


def test_deleting_aborts_first(api):
    api.endpoint()
    rollout = api.rollout()
    api.with_candidate()
    assert api.call("DELETE", PATH, headers=etag(api)).status_code == 202
    assert api.actions(rollout["id"]) == ["delete"]


def test_a_pause_for_want_of_data_is_shown(api):
    api.endpoint()
    rollout = api.rollout()
    pause = Pause(PauseKind.NO_DATA, "system:rollout:x", "no answer within 3600 s")
    api.with_candidate(pause=pause)
    view = api.ok("GET", f"/api/v1/rollouts/{rollout['id']}")
    assert (view["phase"], view["pause"]["kind"]) == ("paused", "no-data")
    assert "resume" in view["awaits"]


def test_a_rollout_that_was_aborted_is_not_raised_before_the_controller_heard(api):
    api.endpoint()
    view = api.ok("PATCH", PATH, {"canary_percent": 20, "model_version_id": "2"})
    rollout = view["rollout"]["id"]
    api.ok("POST", f"/api/v1/rollouts/{rollout}/abort")
    assert api.patch(PATH, {"canary_percent": 50}).status_code == 409
    assert api.post(f"/api/v1/rollouts/{rollout}/promote").status_code == 409
    assert api.ok("PATCH", PATH, {"canary_percent": 5})["rollout"]["desired_percent"] == 5


def test_a_name_does_not_come_back_into_an_abort(api):
    api.endpoint()
    api.rollout()
    api.ok("DELETE", PATH, headers=etag(api))
    body = {"name": "demo-triton", "model_id": "add_sub", "model_version_id": "1"}
    again = api.post("/api/v1/endpoints?namespace=team-a", body)
    assert again.status_code == 409
    assert "its rollout has not ended" in again.json()["detail"]
    api.reconcile(
        progress=lambda p: replace(p, outcome=Outcome.ABORTED, end=replace(p.end, tidy=True))
    )
    assert api.post("/api/v1/endpoints?namespace=team-a", body).status_code == 201


def test_what_was_on_standby_can_be_with_candidate_again(api):
    api.endpoint()
    api.ok("PATCH", PATH, {"canary_percent": 20, "model_version_id": "2"})
    api.reconcile(
        intent=lambda i: replace(
            i,
            stable=2,
            candidate=None,
            standby=(1,),
            candidate_traffic=replace(i.candidate_traffic, percent=0),
        ),
        progress=lambda p: replace(p, outcome=Outcome.PROMOTED, end=replace(p.end, tidy=True)),
    )
    view = api.ok("PATCH", PATH, {"canary_percent": 10, "revision": 1})
    assert (view["standby"], view["traffic"]["desired"]["text"]) == ([], "r2 90 %, r1 10 %")

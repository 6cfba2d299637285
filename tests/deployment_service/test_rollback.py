"""Back to stable: never refused, never to what a rollback left, and always with the next
command."""

# ruff: noqa: F811  (the fixtures are named here for pytest)

import json
import re
from dataclasses import replace

import pytest

from tests.deployment_service.conftest import PATH
from tests.deployment_service.test_tenants import MAY
from tests.deployment_service.test_with_worker import KEY, world  # noqa: F401
from tests.deployment_service.test_with_worker import PATH as FRAUD
from tidegate.core.ports import Capabilities
from tidegate.core.rollout import ActionKind, End, Outcome, StepAnswer
from tidegate.store import endpoints

pytestmark = pytest.mark.real
LIVE = {"desired": 1, "youngest": None, "idle": False}


def promote(world, version):
    """A version that is promoted over the present stable."""
    api = world.api
    api.ok("PATCH", FRAUD, {"model_version_id": version})
    world.work(lambda answer: answer.json()["rollout"]["phase"] == "waiting")
    api.ok("PATCH", FRAUD, {"canary_percent": 100}, headers=world.etag())
    return world.serves(f"r{version} 100 %")


def refusal(answer, code):
    assert answer.status_code == 409, answer.text
    problem = answer.json()
    assert problem["code"] == code
    return problem["errors"][0]


def test_an_undo_right_after_another_is_told_of_it(world):
    api = world.api
    promote(world, "2")
    first = api.ok("POST", f"{FRAUD}/undo", {"reason": "p99 is up"})
    assert first["accepted"] == {
        "action": "undo",
        "follows": "r1 gets ready, then all traffic goes to it",
    }
    running = refusal(api.post(f"{FRAUD}/undo"), "already-rolled-back")
    assert "the undo to r1 by admin is under way" in running["detail"]
    again = api.ok("POST", f"{FRAUD}/undo", {"to": 1})
    assert again["id"] == first["id"]
    assert again["accepted"]["follows"].startswith("nothing more is needed")
    world.serves("r1 100 %")
    ended = refusal(api.post(f"{FRAUD}/undo"), "already-rolled-back")
    assert "r1 is stable" in ended["detail"]
    assert "no other one served well" in ended["remediation"]["text"]
    back = api.ok("POST", f"{FRAUD}/undo", {"to": 2})
    assert (back["strategy"], back["candidate"]) == ("undo", 2)
    world.serves("r2 100 %")
    assert api.ok("GET", "/api/v1/ledger/verify")["intact"] is True


def test_an_undo_right_after_an_abort_suggests_what_served_well(world):
    api = world.api
    promote(world, "2")
    started = api.ok("PATCH", FRAUD, {"canary_percent": 25, "model_version_id": "3"})["rollout"]
    world.serves("r2 75 %, r3 25 %")
    api.ok("POST", f"/api/v1/rollouts/{started['id']}/abort", {"reason": "complaints"})
    pending = refusal(api.post(f"{FRAUD}/undo"), "already-rolled-back")
    assert "abort by admin" in pending["detail"]
    world.serves("r2 100 %")
    refused = refusal(api.post(f"{FRAUD}/undo"), "already-rolled-back")
    assert "abort by admin: complaints" in refused["detail"]
    assert refused["remediation"]["command"] == "tidegate undo team/fraud --to 1"
    assert refused["remediation"]["request"].endswith('/team/fraud/undo {"to": 1}')
    api.ok("POST", f"{FRAUD}/undo", {"to": 1})
    world.serves("r1 100 %")


def test_what_an_aborted_undo_led_to_still_served_well(world):
    api = world.api
    promote(world, "2")
    undo = api.ok("POST", f"{FRAUD}/undo")
    while api.ok("GET", FRAUD)["stable"]["label"] != "r1":
        world.turn(KEY)
    api.ok("POST", f"/api/v1/rollouts/{undo['id']}/abort")
    world.work(lambda answer: api.ok("GET", f"/api/v1/rollouts/{undo['id']}")["outcome"])
    world.serves("r2 100 %")
    refused = refusal(api.post(f"{FRAUD}/undo"), "already-rolled-back")
    assert refused["remediation"]["command"] == "tidegate undo team/fraud --to 1"


def test_an_undo_replaces_another_in_flight(world):
    api = world.api
    promote(world, "2")
    promote(world, "3")
    api.ok("POST", f"{FRAUD}/undo")
    world.turn(KEY)
    other = api.ok("POST", f"{FRAUD}/undo", {"to": 1})
    assert other["accepted"]["follows"].startswith("the running rollout ends first")
    world.serves("r1 100 %")
    assert api.ok("GET", f"/api/v1/rollouts/{other['id']}")["outcome"] == "promoted"


def test_an_undo_that_somebody_paused_goes_on_when_it_is_asked_for_again(world):
    api = world.api
    promote(world, "2")
    first = api.ok("POST", f"{FRAUD}/undo")
    api.ok("POST", f"/api/v1/rollouts/{first['id']}/pause", {"reason": "wait for me"})
    refused = refusal(api.post(f"{FRAUD}/undo"), "already-rolled-back")
    assert "the undo to r1 by admin is paused by admin" in refused["detail"]
    remediation = refused["remediation"]
    assert remediation["command"] == "tidegate rollout resume team/fraud"
    assert remediation["request"] == f"POST /api/v1/rollouts/{first['id']}/resume"
    again = api.ok("POST", f"{FRAUD}/undo", {"to": 1, "reason": "now"})
    assert again["id"] == first["id"]
    assert again["accepted"] == {
        "action": "undo",
        "follows": "the undo to r1, paused by admin, goes on: all traffic goes there",
    }
    line = api.ok("GET", f"{FRAUD}/history")["ledger"][0]
    assert (line["action"], line["message"], line["body"]["kind"]) == (
        "rollout.undo",
        "now",
        "resume",
    )
    world.serves("r1 100 %")


def test_an_undo_away_from_a_superseded_undo_leads_where_it_says(world):
    """The first undo has made r1 stable when a rollout of r3 supersedes it: r2 is not its base any
    more, but where the second undo starts to."""
    api = world.api
    promote(world, "2")
    api.ok("POST", f"{FRAUD}/undo")
    while api.ok("GET", FRAUD)["stable"]["label"] != "r1":
        world.turn(KEY)
    api.ok("POST", f"{FRAUD}/rollouts?supersede=true", {"model_version_id": "3"})
    back = api.ok("POST", f"{FRAUD}/undo", {"to": 2})
    assert (back["strategy"], back["base"], back["candidate"]) == ("undo", 1, 2)
    (warning,) = back["warnings"]
    assert "a rollback left r2" in warning
    world.serves("r2 100 %")


def test_an_undo_names_everything_that_it_ends(world):
    api = world.api
    first = api.ok("PATCH", FRAUD, {"canary_percent": 25, "model_version_id": "2"})["rollout"]
    world.serves("r1 75 %, r2 25 %")
    behind = api.ok("POST", f"{FRAUD}/rollouts?supersede=true", {"model_version_id": "3"})
    aborted = api.ok("POST", f"/api/v1/rollouts/{first['id']}/abort?dry_run=true")
    assert (
        f"`tidegate rollout abort {behind['id']}` ends that one" in aborted["accepted"]["follows"]
    )
    waiting = api.ok("POST", f"/api/v1/rollouts/{behind['id']}/abort?dry_run=true")
    assert waiting["accepted"]["follows"].endswith("does not start")
    undo = api.ok("POST", f"{FRAUD}/undo", {"to": 1})
    assert undo["accepted"]["follows"] == (
        "these end: the manual of r2 by admin, the canary of r3 by admin, all traffic goes back "
        "to r1"
    )
    world.serves("r1 100 %")


def test_an_undo_to_the_candidate_that_runs_names_the_short_way(world):
    api = world.api
    api.ok("PATCH", FRAUD, {"canary_percent": 25, "model_version_id": "2"})
    world.serves("r1 75 %, r2 25 %")
    never, short = api.ok("POST", f"{FRAUD}/undo", {"to": 2})["warnings"]
    assert "r2 was never stable" in never
    assert "`tidegate rollout promote team/fraud`" in short
    world.serves("r2 100 %")


def test_what_is_stable_until_its_abort_is_processed_can_be_had_again(world):
    api = world.api
    started = api.ok("PATCH", FRAUD, {"model_version_id": "2"})["rollout"]
    world.work(lambda answer: answer.json()["rollout"]["phase"] == "waiting")
    api.ok("PATCH", FRAUD, {"canary_percent": 100}, headers=world.etag())
    world.turn(KEY)
    assert api.ok("GET", FRAUD)["stable"]["label"] == "r2"
    api.ok("POST", f"/api/v1/rollouts/{started['id']}/abort")
    again = api.ok("POST", f"{FRAUD}/undo", {"to": 2})
    world.work(lambda answer: api.ok("GET", f"/api/v1/rollouts/{again['id']}")["outcome"])
    assert api.ok("GET", f"/api/v1/rollouts/{started['id']}")["outcome"] == "aborted"
    world.serves("r2 100 %")


def test_the_ledger_calls_it_an_undo(api):
    api.endpoint()
    rollout = api.rollout()
    answer = api.ok("POST", f"{PATH}/undo", {"reason": "customers complain"})
    assert answer["accepted"] == {
        "action": "undo",
        "follows": "the rollout ends, all traffic goes back to r1",
    }
    assert answer["pending"] == ["undo"]
    assert api.actions(rollout["id"]) == ["undo"]


@pytest.mark.parametrize("verb", ["abort", "reject"])
def test_what_went_back_already_refuses_nobody(api, verb):
    api.endpoint()
    rollout = api.rollout()
    path = f"/api/v1/rollouts/{rollout['id']}"
    for _ in range(2):
        assert api.post(f"{path}/{verb}", headers={"If-Match": '"1"'}).status_code == 202
    api.reconcile(
        progress=lambda p: replace(p, outcome=Outcome.ABORTED, end=replace(p.end, tidy=True))
    )
    answer = api.ok("POST", f"{path}/{verb}", {"reason": "hurry"})
    assert "has ended already (aborted)" in answer["accepted"]["follows"]
    assert api.actions(rollout["id"]) == [verb] * 3
    assert api.ok("POST", f"{PATH}/undo", {"to": 1})["id"] == rollout["id"]


@pytest.mark.parametrize("verb", ["abort", "reject"])
def test_what_goes_back_while_the_request_waits_for_its_lock_refuses_nobody(api, monkeypatch, verb):
    api.endpoint()
    rollout = api.rollout()
    lock = endpoints.lock

    def end_then_lock(tx, key):
        monkeypatch.setattr(endpoints, "lock", lock)
        api.reconcile(
            progress=lambda p: replace(p, outcome=Outcome.ABORTED, end=replace(p.end, tidy=True))
        )
        return lock(tx, key)

    monkeypatch.setattr(endpoints, "lock", end_then_lock)
    answer = api.ok("POST", f"/api/v1/rollouts/{rollout['id']}/{verb}")
    assert "has ended already (aborted)" in answer["accepted"]["follows"]


def test_what_was_promoted_names_the_undo(api):
    api.endpoint()
    rollout = api.rollout()
    api.reconcile(
        progress=lambda p: replace(p, outcome=Outcome.PROMOTED, end=replace(p.end, tidy=True))
    )
    refused = refusal(api.post(f"/api/v1/rollouts/{rollout['id']}/abort"), "rollout-ended")
    assert refused["remediation"]["command"] == "tidegate undo team-a/demo-triton"


@pytest.mark.parametrize("verb", ["approve", "promote"])
def test_an_answer_names_its_step_and_counts_once(api, verb):
    api.endpoint()
    rollout = api.rollout(strategy="blue-green")
    api.with_candidate(percent=0)
    path = f"/api/v1/rollouts/{rollout['id']}/{verb}"
    unnamed = api.post(path)
    assert (unnamed.status_code, unnamed.json()["code"]) == (422, "step-missing")
    assert unnamed.json()["errors"][0]["remediation"]["request"] == '{"step": 1}'
    refusal(api.post(path, {"step": 2}), "other-step")
    assert api.ok("POST", path, {"step": 1})["accepted"]["action"] == verb
    refused = refusal(api.post(path, {"step": 1}), "already-answered")
    assert re.fullmatch(
        rf"step 1 of rollout {rollout['id']} was (approved|answered by a promotion) by admin "
        r"already, at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
        refused["detail"],
    )
    assert api.actions(rollout["id"]) == [verb]
    entries = api.ok("GET", f"{PATH}/history")["ledger"]
    (line,) = (entry for entry in entries if entry["action"] == f"rollout.{verb}")
    assert line["body"]["step"] == 1


def test_a_percent_of_100_names_the_promotion_that_answers_the_step(api):
    api.endpoint()
    rollout = api.rollout(strategy="blue-green")
    api.with_candidate(percent=0)
    answer = api.patch(PATH, {"canary_percent": 100})
    assert (answer.status_code, answer.json()["code"]) == (422, "step-missing")
    (problem,) = answer.json()["errors"]
    remediation = problem["remediation"]
    assert problem["pointer"] == "/canary_percent"
    assert remediation["command"] == "tidegate rollout promote team-a/demo-triton --step 1"
    assert remediation["request"] == f'POST /api/v1/rollouts/{rollout["id"]}/promote {{"step": 1}}'
    method, path, body = remediation["request"].split(" ", 2)
    assert api.ok(method, path, json.loads(body))["accepted"]["action"] == "promote"


def test_an_old_page_approves_no_later_step(api):
    api.endpoint()
    stops = [{"percent": 10, "until": "approval"}, {"percent": 10, "until": "approval"}]
    plan = {"kind": "canary", "steps": [*stops, {"percent": 50, "until": "pass"}]}
    rollout = api.rollout(strategy=plan)
    api.with_candidate(percent=10)
    path = f"/api/v1/rollouts/{rollout['id']}/approve"
    api.ok("POST", path, {"step": 1})
    api.reconcile(progress=lambda p: replace(p, step=replace(p.step, index=1)))
    refused = refusal(api.post(path, {"step": 1}), "other-step")
    assert "at step 2, which waits for an answer of its own" in refused["detail"]
    api.ok("POST", path, {"step": 2})


def test_an_answer_is_told_to_who_comes_later_with_the_same_page(api):
    """Also when the rollout has gone on: the second approver is not sent to the next step."""
    api.endpoint()
    stops = [{"percent": 10, "until": "approval"}, {"percent": 10, "until": "approval"}]
    plan = {"kind": "canary", "steps": [*stops, {"percent": 50, "until": "pass"}]}
    rollout = api.rollout(strategy=plan)
    api.with_candidate(percent=10)
    path = f"/api/v1/rollouts/{rollout['id']}/approve"
    api.ok("POST", path, {"step": 1})
    answer = StepAnswer(1, ActionKind.APPROVE, "ann", 1_700_000_000.0)
    api.reconcile(progress=lambda p: replace(p, step=replace(p.step, index=1), answers=(answer,)))
    refused = refusal(api.post(path, {"step": 1}), "already-answered")
    assert refused["detail"] == (
        f"step 1 of rollout {rollout['id']} was approved by ann already, at 2023-11-14T22:13:20Z"
    )
    assert "at step 2" in refusal(api.post(path, {"step": 3}), "other-step")["detail"]
    api.ok("POST", path, {"step": 2})


def test_nothing_is_paused_or_resumed_on_the_way_back(api):
    api.endpoint()
    rollout = api.rollout()
    path = f"/api/v1/rollouts/{rollout['id']}"
    refusal(api.post(f"{path}/resume"), "nothing-to-resume")
    api.ok("POST", f"{path}/abort")
    for verb in ("pause", "resume"):
        refused = refusal(api.post(f"{path}/{verb}"), "rollout-ending")
        watch = f"tidegate rollout status {rollout['id']} -w"
        assert refused["remediation"]["command"] == watch


def dead_stable(api):
    """A rollout whose candidate answers while stable does not; its id."""
    api.endpoint()
    rollout = api.rollout()
    api.with_candidate(percent=10)
    live = [
        {**LIVE, "revision": 1, "ready": 0, "trouble": {"failure": "failed to load"}},
        {**LIVE, "revision": 2, "ready": 1},
    ]
    api.reconcile(progress=lambda p: p, status={"phase": "degraded", "live": live})
    return rollout["id"]


def test_an_abort_toward_a_dead_stable_is_accepted_with_a_warning(api):
    path = f"/api/v1/rollouts/{dead_stable(api)}"
    promote = "`tidegate rollout promote team-a/demo-triton --force`"
    (before,) = api.ok("POST", f"{path}/abort?dry_run=true")["warnings"]
    assert promote in before
    for _ in range(2):
        (warning,) = api.ok("POST", f"{path}/abort")["warnings"]
        assert "stable r1 has no ready pod (failed to load)" in warning
        assert "`tidegate rollout start team-a/demo-triton --revision 2 --supersede`" in warning
    (late,) = api.ok("POST", f"{path}/abort?dry_run=true")["warnings"]
    assert promote not in late, "refused, now that it goes back"


def test_an_undo_is_open_after_the_allow_list_and_the_schemes_were_narrowed(world):
    """r1 has no pods any more, and no new revision could name what it names."""
    api = world.api
    promote(world, "2")
    promote(world, "3")
    allowed = {**MAY, "uriPrefixes": ["gs://elsewhere/"]}
    api.ok("PUT", "/api/v1/tenants/team", {"allowed": allowed})
    api.worker(Capabilities(schemes=("gs",)))
    assert api.post(f"{FRAUD}/rollouts", {"revision": 1}).status_code == 422
    api.ok("POST", f"{FRAUD}/undo", {"to": 1})
    world.serves("r1 100 %")


def test_a_revision_that_never_served_is_checked_although_it_is_called_an_undo(world):
    api = world.api
    started = api.ok("PATCH", FRAUD, {"model_version_id": "2"})["rollout"]
    world.work(lambda answer: answer.json()["rollout"]["phase"] == "waiting")
    api.ok("POST", f"/api/v1/rollouts/{started['id']}/abort")
    world.serves("r1 100 %")
    allowed = {**MAY, "uriPrefixes": ["gs://elsewhere/"]}
    api.ok("PUT", "/api/v1/tenants/team", {"allowed": allowed})
    refused = api.post(f"{FRAUD}/undo", {"to": 2})
    assert (refused.status_code, refused.json()["code"]) == (422, "not-allowed")


def test_who_wants_forward_what_goes_there_is_not_sent_back(api):
    """An approver who comes too late copies the command of the refusal: it must not undo."""
    api.endpoint()
    rollout = api.rollout()
    path = f"/api/v1/rollouts/{rollout['id']}"
    bodies = {"promote": {}, "approve": {"step": 1}, "resume": {}}
    end = End(toward=Outcome.PROMOTED, message="every step is done")
    api.reconcile(progress=lambda p: replace(p, end=end))
    for verb in bodies:
        refused = refusal(api.post(f"{path}/{verb}", bodies[verb]), "rollout-ending")
        assert refused["remediation"]["command"] == f"tidegate rollout status {rollout['id']} -w"
    api.reconcile(
        progress=lambda p: replace(p, outcome=Outcome.PROMOTED, end=replace(end, tidy=True))
    )
    for verb in bodies:
        refused = refusal(api.post(f"{path}/{verb}", bodies[verb]), "rollout-ended")
        assert refused["remediation"]["command"] == f"tidegate rollout status {rollout['id']}"
    refused = refusal(api.post(f"{path}/retry"), "promoted")
    assert refused["remediation"]["command"] == f"tidegate rollout status {rollout['id']}"

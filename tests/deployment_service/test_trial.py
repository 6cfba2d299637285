"""A tenant in trial: verdicts are stored and nothing follows from them; the report counts how often
they and the people agreed. And what a fail does, by metric."""

import pytest

from tests.deployment_service.counting import BODY, PATH, Judged
from tidegate.store import tokens
from tidegate.store.values import Principal

pytestmark = pytest.mark.real


def in_trial(api, bad):
    api.ok("PUT", "/api/v1/tenants/team/mode", {"mode": "trial", "reason": "we begin"})
    world = Judged(api, bad)
    world.serving()
    return world, api.ok("POST", f"{PATH}/rollouts", BODY)["id"]


def report(api, **params):
    return api.ok("GET", "/api/v1/reports/trial", params=params)


def test_a_bad_candidate_is_promoted_and_told(api):
    world, rollout = in_trial(api, bad=0.25)
    ended = world.ended(rollout)
    assert (ended["trial"], ended["outcome"]) == (True, "promoted")
    (would,) = ended["would_have"]
    assert (would["action"], would["step"], would["percent"]) == ("aborted", 1, 10)
    beginning = f"would have aborted at 10 % after {would['requests']} requests: errors: candidate"
    assert would["message"].startswith(beginning)
    assert next(v for v in ended["verdicts"] if v["metric"] == "errors")["verdict"] == "fail"
    history = api.ok("GET", f"{PATH}/history")["ledger"]
    assert [e["message"] for e in history if e["action"] == "would-have-aborted"] == [
        would["message"]
    ]
    counts = report(api)
    assert (counts["false_alarms"], counts["both_stopped"], counts["missed"]) == (1, 0, 0)
    assert counts["rollouts"][0]["agreement"] == "false-alarm"

    # people notice, and undo it: then both agree
    api.ok("POST", f"{PATH}/undo", {"reason": "customers call"})
    counts = report(api, namespace="team")
    assert (counts["both_stopped"], counts["false_alarms"]) == (1, 0)
    assert counts["rollouts"][0]["stopped_by"] == "admin"
    spared = ended["exposed_requests"] - would["requests"]
    assert counts["requests_spared"] == counts["rollouts"][0]["requests_spared"] == spared


def test_the_condition_says_what_would_have_been_while_it_runs(api):
    world, rollout = in_trial(api, bad=0.25)
    world.until(lambda: api.ok("GET", f"/api/v1/rollouts/{rollout}")["would_have"] != [])
    conditions = api.ok("GET", PATH)["status"]["conditions"]
    would = next(c for c in conditions if c["code"] == "would-have-aborted")
    assert would["params"]["percent"] == 10
    api.ok("POST", f"/api/v1/rollouts/{rollout}/abort", {"reason": "looks bad"})
    assert world.ended(rollout)["outcome"] == "aborted"
    assert report(api)["both_stopped"] == 1


def test_a_good_candidate_is_promoted_and_both_agree_until_somebody_stops_it(api):
    world, rollout = in_trial(api, bad=0.0)
    assert world.ended(rollout)["would_have"] == []
    assert report(api)["both_promoted"] == 1
    api.ok("POST", f"{PATH}/undo", {"reason": "the business changed its mind"})
    assert report(api)["missed"] == 1


def test_trial_holds_for_rollouts_that_start_from_then_on(api):
    world, rollout = in_trial(api, bad=0.25)
    api.ok("PUT", "/api/v1/tenants/team/mode", {"mode": "enforce"})
    assert api.ok("GET", f"/api/v1/rollouts/{rollout}")["trial"] is True
    assert world.ended(rollout)["outcome"] == "promoted"
    assert api.ok("GET", "/api/v1/tenants/team")["mode"] == "enforce"


def test_in_trial_a_pass_is_no_proof_so_an_approver_starts_what_promotes_by_itself(api):
    in_trial(api, bad=0.0)
    with api.store.begin() as tx:
        secret = tokens.create(tx, Principal("ed", ("editor",), "team"), author="test")
    path = f"{PATH}/rollouts?supersede=true"
    as_editor = {"Authorization": f"Bearer {secret}"}
    assert api.client.post(path, json=BODY, headers=as_editor).status_code == 403
    waits = {**BODY, "strategy": "blue-green", "steps": None, "bake_seconds": None}
    waits = {key: value for key, value in waits.items() if value is not None}
    assert api.client.post(path, json=waits, headers=as_editor).status_code == 202


def test_the_mode_is_recorded_and_only_known_ones_are_taken(api):
    api.ok("PUT", "/api/v1/tenants/team/mode", {"mode": "trial", "reason": "we begin"})
    assert api.ok("GET", "/api/v1/tenants/team")["mode"] == "trial"
    assert api.call("PUT", "/api/v1/tenants/team/mode", {"mode": "maybe"}).status_code == 422
    assert api.ok("GET", "/api/v1/ledger/verify")["intact"] is True


@pytest.mark.parametrize(("on_fail", "phase"), [("abort", "aborting"), ("pause", "paused")])
def test_a_fail_does_what_the_plan_says(api, on_fail, phase):
    world = Judged(api, 0.25)
    world.serving()
    metrics = {"errors": {"on_fail": on_fail}, "restarts": {"on_fail": "notify"}}
    body = {**BODY, "analysis": {"noise_window_seconds": 1, "metrics": metrics}}
    rollout = api.ok("POST", f"{PATH}/rollouts", body)
    assert rollout["analysis"]["metrics"]["errors"]["on_fail"] == on_fail
    assert rollout["analysis"]["metrics"]["restarts"]["on_fail"] == "notify"
    assert rollout["analysis"]["metrics"]["saturation"]["on_fail"] == "pause"
    path = f"/api/v1/rollouts/{rollout['id']}"
    world.until(lambda: api.ok("GET", path)["phase"] == phase)
    paused = api.ok("GET", path)["pause"]
    assert (paused is not None and paused["kind"] == "failing") == (on_fail == "pause")


def test_a_fail_that_is_only_noted_is_a_condition_and_traffic_goes_on(api):
    world = Judged(api, 0.25)
    world.serving()
    analysis = {"noise_window_seconds": 1, "metrics": {"errors": {"on_fail": "notify"}}}
    # Long enough that a pass sees the failed metric before the step ends
    body = {**BODY, "bake_seconds": 1, "analysis": analysis}
    rollout = api.ok("POST", f"{PATH}/rollouts", body)["id"]

    def failed():
        conditions = api.ok("GET", PATH)["status"]["conditions"]
        return any(c["code"] == "metric-failed" for c in conditions)

    world.until(failed)
    assert world.ended(rollout)["outcome"] == "promoted"

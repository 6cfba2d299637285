"""Plans that follow the traffic, time boxes and what is accepted: over the API, with a worker where
somebody has to decide."""

from dataclasses import replace

import pytest

from tests.deployment_service.counting import BODY, CountingMeter, Judged
from tests.deployment_service.counting import PATH as FRAUD
from tidegate.store import tokens
from tidegate.store.values import Principal

pytestmark = pytest.mark.real
PATH = "/api/v1/endpoints/team-a/demo-triton"
DRY = f"{PATH}/rollouts?dry_run=true"
PLAIN = {"model_version_id": "2"}
MEASURED = {"requests_per_second": 1000.0, "error_rate": 0.02}
ACCEPTANCE = "/api/v1/tenants/team-a/acceptance"


def percents(plan):
    return [step["percent"] for step in plan["steps"]]


def pointers(answer):
    assert answer.status_code == 422, answer.text
    return [error["pointer"] for error in answer.json()["errors"]]


def test_the_default_canary_is_made_from_what_was_measured(api):
    api.endpoint()
    api.reconcile(status=MEASURED)
    plan = api.ok("POST", DRY, PLAIN)
    assert plan["because"].startswith("1000 requests/s, 2 % errors: ")
    assert [step["until"] for step in plan["steps"]].index("pass") < len(plan["steps"]) - 1
    assert None not in [step["expected_seconds"] for step in plan["steps"]]
    assert plan["max_exposed_requests"] >= 10_000
    assert plan["warnings"] == []
    assert api.rollout()["because"] == plan["because"]


def test_steps_that_are_written_out_stay_as_they_are(api):
    api.endpoint()
    api.reconcile(status=MEASURED)
    plan = api.ok("POST", DRY, {**PLAIN, "steps": [1, 5, 50]})
    assert percents(plan) == [1, 5, 50]
    assert (plan["because"], plan["max_exposed_requests"]) == ("", None)
    limited = api.ok("POST", DRY, {**PLAIN, "steps": [1, 5, 50], "max_exposed_requests": 5000})
    assert percents(limited) == [1, 5, 50]
    assert limited["max_exposed_requests"] == 5000
    assert any("the rollout pauses there" in warning for warning in limited["warnings"])


def test_where_nothing_was_measured_it_is_the_usual_ladder_without_a_forecast(api):
    api.endpoint()
    plan = api.ok("POST", DRY, PLAIN)
    assert percents(plan) == [1, 5, 10, 25, 50]
    assert plan["because"] == "no request rate was measured: the default steps"
    assert {step["expected_seconds"] for step in plan["steps"]} == {None}
    assert plan["expected_seconds"] is None
    assert plan["seconds_left"] is None


def test_few_requests_get_fewer_steps_and_time_to_answer(api):
    api.endpoint()
    api.reconcile(status={"requests_per_second": 0.2, "error_rate": 0.005})
    plan = api.ok("POST", DRY, PLAIN)
    assert percents(plan) == [25, 50]
    assert not any("is paused after" in warning for warning in plan["warnings"])
    short = api.ok("POST", DRY, {**PLAIN, "deadlines": {"data_seconds": 3600}})
    assert any("is paused after 3600 s" in warning for warning in short["warnings"])


def test_what_does_not_fit_together_is_refused_by_field(api):
    api.endpoint()
    for body, pointer in (
        ({"on_time_box": "abort"}, "/on_time_box"),
        ({"strategy": "blue-green", "time_box_seconds": 60}, "/time_box_seconds"),
        ({"time_box_seconds": 7200, "deadlines": {"data_seconds": 60}}, "/time_box_seconds"),
        ({"strategy": "manual", "max_exposed_requests": 9}, "/max_exposed_requests"),
        ({"preset": "low-traffic", "strategy": "canary"}, "/strategy"),
        ({"preset": "low-traffic", "steps": [5]}, "/steps"),
        ({"max_exposed_requests": 0}, "/max_exposed_requests"),
    ):
        assert pointers(api.post(DRY, {**PLAIN, **body})) == [pointer]


def test_the_preset_for_few_requests_is_a_blue_green_with_an_approval(api):
    api.endpoint()
    plan = api.ok("POST", DRY, {**PLAIN, "preset": "low-traffic"})
    assert plan["strategy"] == "blue-green"
    (step,) = plan["steps"]
    assert (step["percent"], step["replicas_percent"], step["until"]) == (0, 100, "approval")
    assert plan["because"].startswith("preset low-traffic: blue-green")


def test_a_bound_is_accepted_by_itself_only_where_the_tenant_says_up_to_which(api):
    api.endpoint()
    body = {**PLAIN, "time_box_seconds": 600, "on_time_box": "accept"}
    refused = api.post(DRY, body)
    assert pointers(refused) == ["/on_time_box"]
    assert f"PUT {ACCEPTANCE}" in refused.text
    tenant = api.ok("PUT", ACCEPTANCE, {"max_accepted_points": 4, "reason": "few requests"})
    assert tenant["max_accepted_points"] == 4.0
    assert api.ok("GET", "/api/v1/tenants/team-a")["max_accepted_points"] == 4.0
    box = api.ok("POST", DRY, body)["time_box"]
    assert (box["on_time_box"], box["max_accepted_points"]) == ("accept", 4.0)
    api.ok("PUT", ACCEPTANCE, {"max_accepted_points": None})
    assert pointers(api.post(DRY, body)) == ["/on_time_box"]
    assert api.call("PUT", ACCEPTANCE, {"max_accepted_points": 60}).status_code == 422


def test_only_an_administrator_of_the_tenant_says_what_it_accepts(api):
    api.endpoint()
    with api.store.begin() as tx:
        secret = tokens.create(tx, Principal("ed", ("approver",), "team-a"), author="test")
    headers = {"Authorization": f"Bearer {secret}"}
    answer = api.client.put(ACCEPTANCE, json={"max_accepted_points": 4}, headers=headers)
    assert answer.status_code == 403


def boxed(api, **changes):
    """A rollout with too few requests for a pass, and a short time box."""
    world = Judged(api, bad=0.0)
    meter = CountingMeter(world.lab, 40, {1: 0.0, 2: 0.0})
    world.parts = replace(world.parts, meter=meter)
    world.serving()
    box = {"steps": [50], "time_box_seconds": 2, "analysis": {"noise_window_seconds": 3600}}
    return world, api.ok("POST", f"{FRAUD}/rollouts", {**BODY, **box, **changes})["id"]


def test_an_approver_accepts_what_can_be_stated_and_it_is_recorded(api):
    world, rollout = boxed(api)
    path = f"/api/v1/rollouts/{rollout}"
    world.until(lambda: api.ok("GET", path)["phase"] == "paused", 400)
    seen = api.ok("GET", path)
    assert seen["pause"]["kind"] == "time-box"
    assert "approve the stated bound" in seen["awaits"]
    conditions = {c["code"]: c for c in api.ok("GET", FRAUD)["status"]["conditions"]}
    assert conditions["time-box"]["params"]["step"] == 1
    assert "tidegate rollout approve team/fraud" in conditions["time-box"]["params"]["remediation"]
    assert api.post(f"{path}/approve", {}).status_code == 422
    api.ok("POST", f"{path}/approve", {"step": 1, "reason": "good enough"})
    ended = world.ended(rollout)
    assert ended["outcome"] == "promoted"
    (bound,) = ended["accepted_bounds"]
    assert (bound["step"], bound["by"]) == (1, "admin")
    lines = api.ok("GET", f"{FRAUD}/history")["ledger"]
    accepted = next(line for line in lines if line["action"] == "accept")
    assert bound["statement"] in accepted["message"]


def test_a_time_box_may_abort(api):
    world, rollout = boxed(api, on_time_box="abort")
    ended = world.ended(rollout)
    assert ended["outcome"] == "aborted"
    assert ended["outcome_message"].startswith("time box of 2s over: ")

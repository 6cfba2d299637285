"""Rollouts as they are asked for and shown: plans, dry runs, experiments."""

import pytest

pytestmark = pytest.mark.real
PATH = "/api/v1/endpoints/team-a/demo-triton"


def test_a_canary_shows_its_plan(api):
    api.endpoint()
    rollout = api.rollout(strategy="canary", steps=[1, 25], bake_seconds=30, reason="new weights")
    assert [
        (s["percent"], s["until"], s["bake_seconds"], s["state"]) for s in rollout["steps"]
    ] == [
        (1, "no-fail", 30, "ahead"),
        (25, "pass", 30, "ahead"),
    ]
    assert (rollout["phase"], rollout["awaits"]) == ("starting", "r2 to get ready")
    assert (rollout["author"], rollout["reason"], rollout["base"], rollout["candidate"]) == (
        "admin",
        "new weights",
        1,
        2,
    )
    assert api.ok("GET", f"{PATH}/rollouts")["items"][0]["id"] == rollout["id"]
    assert [r["label"] for r in api.ok("GET", f"{PATH}/revisions")["items"]] == ["r2", "r1"]


def test_a_dry_run_says_how_long_it_takes_and_makes_no_revision(api):
    api.endpoint()
    api.reconcile(status={"requests_per_second": 20.0, "error_rate": 0.005})
    body = {"model_version_id": "2", "steps": [10, 50], "bake_seconds": 5}
    plan = api.ok("POST", f"{PATH}/rollouts?dry_run=true", body)
    assert plan["dry_run"] is True
    assert plan["steps"][0]["expected_seconds"] == pytest.approx(10.0)
    assert plan["steps"][1]["expected_seconds"] > 5
    assert len(api.ok("GET", f"{PATH}/revisions")["items"]) == 1
    assert api.ok("GET", f"{PATH}/rollouts")["items"] == []


def test_where_nobody_calls_the_address_is_named(api):
    api.endpoint()
    url = "http://demo-triton.team-a.models.local"
    api.reconcile(status={"requests_per_second": 0.0, "urls": [url]})
    plan = api.ok("POST", f"{PATH}/rollouts?dry_run=true", {"model_version_id": "2"})
    assert {step["expected_seconds"] for step in plan["steps"]} == {None}
    assert any(f"nobody calls {url}" in warning for warning in plan["warnings"])


def test_without_a_base_a_pass_is_not_forecast(api):
    api.endpoint()
    api.reconcile(status={"requests_per_second": 20.0})
    body = {"model_version_id": "2", "steps": [10, 50], "bake_seconds": 5}
    steps = api.ok("POST", f"{PATH}/rollouts?dry_run=true", body)["steps"]
    assert steps[0]["expected_seconds"] == pytest.approx(10.0)
    assert steps[1]["expected_seconds"] is None


def test_a_higher_base_needs_more_requests(api):
    api.endpoint()
    body = {"model_version_id": "2", "steps": [50], "bake_seconds": 0}
    seconds = []
    for base in (0.001, 0.02):
        api.reconcile(status={"requests_per_second": 20.0, "error_rate": base})
        plan = api.ok("POST", f"{PATH}/rollouts?dry_run=true", body)
        seconds.append(plan["steps"][0]["expected_seconds"])
    assert seconds[1] > 2 * seconds[0]


def test_without_a_rate_nobody_guesses(api):
    api.endpoint()
    plan = api.ok("POST", f"{PATH}/rollouts?dry_run=true", {"model_version_id": "2"})
    assert {step["expected_seconds"] for step in plan["steps"]} == {None}


def test_each_strategy_is_its_steps(api):
    api.endpoint()
    plan = {"dry_run": "true"}
    ab = api.ok(
        "POST",
        f"{PATH}/rollouts",
        {"strategy": "ab", "model_version_id": "2", "percent": 30},
        params=plan,
    )
    assert [(s["percent"], s["until"]) for s in ab["steps"]] == [(30, "approval")]
    header = {
        "strategy": "ab",
        "model_version_id": "2",
        "match": [{"name": "x-team", "value": "blue"}],
    }
    assert (
        api.ok("POST", f"{PATH}/rollouts", header, params=plan)["steps"][0]["match"][0]["value"]
        == "blue"
    )
    green = api.ok(
        "POST", f"{PATH}/rollouts", {"strategy": "blue-green", "model_version_id": "2"}, params=plan
    )
    assert [(s["percent"], s["replicas_percent"]) for s in green["steps"]] == [(0, 100)]
    shadow = {
        "strategy": "shadow",
        "model_version_id": "2",
        "mirror_percent": 20,
        "side_effects": "none",
    }
    view = api.ok("POST", f"{PATH}/rollouts", shadow, params=plan)
    assert (view["ending"], view["steps"][0]["mirror_percent"]) == ("keep-stable", 20)


def test_a_plan_can_be_written_out(api):
    api.endpoint()
    steps = [
        {"percent": 5, "bake_seconds": 1},
        {"percent": 5, "until": "pass"},
        {"percent": 50, "until": "pass"},
    ]
    refused = api.post(
        f"{PATH}/rollouts",
        {"model_version_id": "2", "strategy": {"kind": "canary", "steps": steps}},
    )
    assert refused.status_code == 422
    steps[1]["until"] = "approval"  # waits where it stands
    rollout = api.rollout(strategy={"kind": "canary", "steps": steps})
    assert [s["until"] for s in rollout["steps"]] == ["no-fail", "approval", "pass"]


def test_the_same_version_and_runtime_is_the_same_revision(api):
    api.endpoint()
    api.rollout()
    again = api.ok("POST", f"{PATH}/rollouts?supersede=true", {"model_version_id": "2"})
    assert again["candidate"] == 2
    other = {"model_version_id": "2", "runtime_config": {"runtimeVersion": "25.01-py3"}}
    assert api.ok("POST", f"{PATH}/rollouts?supersede=true", other)["candidate"] == 3


def test_what_is_restricted_is_not_opened_by_silence(api):
    restricted = {"groups": ["trace", "trace", "metadata"], "secret": {"name": "t1"}}
    made = api.endpoint(runtime_config={"security": restricted})
    assert any("model_warmup" in warning for warning in made["warnings"])
    rollouts = f"{PATH}/rollouts?supersede=true"

    def candidate(**config):
        api.ok("POST", rollouts, {"model_version_id": "2", "runtime_config": config})
        return api.ok("GET", f"{PATH}/revisions")["items"][0]["runtime_config"]["security"]

    kept = {"groups": ["metadata", "trace"], "secret": {"name": "t1", "key": "token"}}
    assert candidate(runtimeVersion="25.01-py3") == kept
    assert candidate(security={"secret": {"name": "t2"}, "groups": ["trace"]}) == kept | {
        "secret": {"name": "t2", "key": "token"},
        "groups": ["trace"],
    }
    assert candidate(security={"groups": []}) is None


def test_counts_of_an_experiment_belong_to_an_ab(api):
    api.endpoint()
    rollout = api.rollout()
    counts = {"revision": 2, "successes": 1, "units": 2, "interval_start": 1, "interval_end": 2}
    refused = api.post(f"/api/v1/rollouts/{rollout['id']}/evidence", counts)
    assert refused.status_code == 409
    assert "A/B" in refused.json()["detail"]


def test_a_plan_that_cannot_finish_is_refused_and_a_slow_one_warned_about(api):
    api.endpoint()
    api.reconcile(status={"requests_per_second": 0.2, "error_rate": 0.005})
    body = {"model_version_id": "2", "steps": [1, 50]}
    slow = api.ok("POST", f"{PATH}/rollouts?dry_run=true", body)
    assert any("step 1 (1 %) needs about 10000 s" in warning for warning in slow["warnings"])
    assert slow["expected_seconds"] > 10_000
    never = {**body, "analysis": {"metrics": {"errors": {"objective": 0.001}}}}
    refused = api.post(f"{PATH}/rollouts?dry_run=true", never)
    assert refused.status_code == 422
    assert "step 2 (50 %) can never be answered" in refused.json()["detail"]
    idle = {"kind": "canary", "steps": [{"percent": 0}, {"percent": 5}]}
    assert (
        api.post(f"{PATH}/rollouts", {"model_version_id": "2", "strategy": idle}).status_code == 422
    )

"""What bounds a rollout in requests and time: options, what is shown, a tenant's policy."""

import pytest

from tests.cli import answers as a
from tests.cli.fakes import Cli, FakeApi
from tests.cli.test_tenants import TENANT

STARTED = "/endpoints/demo/add-sub/rollouts"
BECAUSE = "12 requests/s, 0.4 % errors: 20 requests come in about 2m47s at 1 %"
STATEMENT = "errors: 0 bad of 180; 99 % sure: at most 4 points worse than stable"
BOX = {
    "seconds": 3600.0,
    "on_time_box": "pause",
    "max_accepted_points": None,
    "points": 4.0,
    "statement": STATEMENT,
}


def words(text: str) -> str:
    return " ".join(text.split())


def test_what_was_given_is_sent_and_nothing_else(api: FakeApi, cli: Cli) -> None:
    api.on("POST", STARTED, a.rollout())
    options = ("--max-exposed-requests", "500", "--time-box-seconds", "3600")
    done = cli("rollout", "start", "add-sub", "--version", "2", *options, "--on-time-box", "abort")
    assert done.code == 0
    (request,) = api.sent("POST")
    assert request.body["max_exposed_requests"] == 500
    assert request.body["time_box_seconds"] == 3600
    assert request.body["on_time_box"] == "abort"
    assert cli("rollout", "start", "add-sub", "--version", "2").code == 0
    assert {"max_exposed_requests", "time_box_seconds", "preset", "steps"}.isdisjoint(
        api.sent("POST")[-1].body
    )


def test_a_preset_is_sent_by_its_name(api: FakeApi, cli: Cli) -> None:
    api.on("POST", STARTED, a.rollout())
    assert cli("rollout", "start", "add-sub", "--version", "2", "--preset", "low-traffic").code == 0
    assert api.sent("POST")[-1].body["preset"] == "low-traffic"


def test_a_dry_run_says_what_the_steps_were_made_from(api: FakeApi, cli: Cli) -> None:
    made = a.rollout(because=BECAUSE, max_exposed_requests=10_000)
    api.on("POST", STARTED, {**made, "id": ""})
    out = words(cli("rollout", "start", "add-sub", "--version", "2", "--dry-run").out)
    assert f"Because: {BECAUSE}" in out
    assert "At most: 10,000 requests of r2 before a verdict" in out


def test_a_rollout_shows_its_time_box_and_what_can_be_stated(api: FakeApi, cli: Cli) -> None:
    bound = {
        "step": 1,
        "by": "bob",
        "at": "2026-01-01T00:00:00Z",
        "points": 4.0,
        "requests": 180,
        "statement": STATEMENT,
    }
    api.on("GET", f"/rollouts/{a.ID}", a.rollout(time_box=BOX, accepted_bounds=[bound]))
    api.on("GET", "/endpoints/demo/add-sub", a.endpoint())
    out = words(cli("rollout", "status", a.ID).out)
    assert "Time box: 1h00m for each step, then pause" in out
    assert f"Stated: {STATEMENT}" in out
    assert f"Accepted: step 1 by bob: {STATEMENT}" in out


def test_a_forecast_that_nothing_measured_is_unknown(api: FakeApi, cli: Cli) -> None:
    api.on("GET", f"/rollouts/{a.ID}", a.rollout(seconds_left=None))
    api.on("GET", "/endpoints/demo/add-sub", a.endpoint())
    out = words(cli("rollout", "status", a.ID).out)
    assert "ETA: unknown: too little was measured" in out


def test_at_the_end_of_a_time_box_an_approval_names_the_step(api: FakeApi, cli: Cli) -> None:
    pause = {"kind": "time-box", "author": "system:rollout:x", "message": STATEMENT}
    api.on("GET", f"/rollouts/{a.ID}", a.rollout(phase="paused", pause=pause, time_box=BOX))
    api.on("POST", f"/rollouts/{a.ID}/approve", a.rollout())
    result = cli("rollout", "approve", a.ID)
    assert result.code == 2
    assert "then repeat with --step" in result.err
    assert cli("rollout", "approve", a.ID, "--step", "2", "--reason", "4 points will do").code == 0
    assert api.sent("POST")[-1].body == {"step": 2, "reason": "4 points will do"}


@pytest.mark.parametrize(("text", "points"), [("4", 4.0), ("none", None)])
def test_a_tenant_accepts_bounds_by_itself(
    api: FakeApi, cli: Cli, text: str, points: float | None
) -> None:
    api.on("PUT", "/tenants/demo/acceptance", {**TENANT, "max_accepted_points": points})
    result = cli("tenant", "accept", "demo", text, "--reason", "few requests")
    assert result.code == 0
    (request,) = api.sent("PUT")
    assert request.body == {"max_accepted_points": points, "reason": "few requests"}
    line = {4.0: "accepted without a person up to 4 points", None: "accepted by people only"}
    assert line[points] in words(result.out)


def test_points_that_are_no_number_are_refused_here(api: FakeApi, cli: Cli) -> None:
    result = cli("tenant", "accept", "demo", "some")
    assert result.code == 2
    assert "write 4, or none" in result.err
    assert api.asked == []

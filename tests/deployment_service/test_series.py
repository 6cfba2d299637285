"""What charts are drawn from: samples that a worker kept, read back over the API."""

from itertools import pairwise

import pytest

from tests.deployment_service.counting import BODY, PATH, Judged
from tidegate.store.engine import run

pytestmark = pytest.mark.real


def judged(api, bad):
    """A rollout that has ended."""
    world = Judged(api, bad)
    world.serving()
    rollout = api.ok("POST", f"{PATH}/rollouts", BODY)["id"]
    world.until(lambda: api.ok("GET", f"/api/v1/rollouts/{rollout}")["outcome"] is not None)
    return rollout


def test_a_rollout_that_fails_shows_when_its_evidence_reached_the_threshold(api):
    rollout = judged(api, bad=0.25)
    series = api.ok("GET", f"/api/v1/rollouts/{rollout}/series")
    shares = series["shares"]
    assert series["kept"] == len(shares)
    assert [each["at"] for each in shares] == sorted(each["at"] for each in shares)
    assert {each["desired_percent"] for each in shares} >= {0, 10}
    at_ten = [each for each in shares if each["measured_requests"]]
    assert at_ten
    assert at_ten[-1]["measured_percent"] == pytest.approx(10, abs=1)

    errors = next(each for each in series["metrics"] if each["metric"] == "errors")
    last = errors["samples"][-1]
    assert last["verdict"] == "fail"
    assert last["log10_e_fail"] >= errors["log10_threshold_fail"] > 2
    assert last["difference_low"] > 0
    first = errors["samples"][0]
    assert (first["verdict"], first["log10_e_fail"]) == ("undecided", 0)
    assert {each["metric"] for each in series["pods"]} == {"restarts", "oom_kills", "no_ready_pods"}

    answer = api.ok("GET", f"/api/v1/rollouts/{rollout}")
    verdict = answer["verdicts"][0]
    numbers = verdict["evidence"]
    assert numbers["log10_e_fail"] == last["log10_e_fail"]
    assert numbers["log10_threshold_fail"] == errors["log10_threshold_fail"]
    assert (numbers["fail_margin"], numbers["pass_margin"]) == (0, 0.01)
    assert (numbers["min_requests"], numbers["min_requests_more"]) == (20, 0)
    assert (
        numbers["exposed_requests"] == answer["exposed_requests"] == verdict["candidate_requests"]
    )
    assert answer["exposed_bad"] == verdict["candidate_bad"] > 0
    rejections = next(each for each in answer["verdicts"] if each["metric"] == "rejections")
    assert rejections["evidence"]["log10_e_pass"] is None
    assert (
        next(each for each in answer["verdicts"] if each["metric"] == "restarts")["evidence"]
        is None
    )


def test_a_series_is_as_long_as_it_is_asked_for_and_of_the_metric_that_is_named(api):
    rollout = judged(api, bad=0.0)
    path = f"/api/v1/rollouts/{rollout}/series"
    whole = api.ok("GET", path)
    few = api.ok("GET", f"{path}?points=2&metric=errors")
    assert whole["kept"] > 4
    assert [each["at"] for each in few["shares"]] == [
        whole["shares"][0]["at"],
        whole["shares"][-1]["at"],
    ]
    assert [each["metric"] for each in few["metrics"]] == ["errors"]
    assert few["pods"] == []
    assert api.get(f"{path}?points=1").status_code == 422
    assert api.get(f"{path}?metric=nonsense").status_code == 422
    assert api.get("/api/v1/rollouts/none/series").status_code == 404


def test_traffic_over_time_has_an_entry_for_each_change(api):
    judged(api, bad=0.0)
    # The lab's clock is not the database's, which stamps intents and what was routed alike
    history = api.ok("GET", f"{PATH}/traffic")
    texts = [
        (each["desired"] and each["desired"]["text"], each["routed"] and each["routed"]["text"])
        for each in history["items"]
    ]
    assert texts[0] == ("r1 100 %", None)
    assert ("r1 90 %, r2 10 %", "r1 90 %, r2 10 %") in texts
    assert texts[-1] == ("r2 100 %", "r2 100 %")
    assert all(before != after for before, after in pairwise(texts))
    assert history["truncated"] is False
    generations = [each["generation"] for each in history["items"]]
    assert generations == sorted(generations)

    later = api.ok("GET", f"{PATH}/traffic", params={"since": history["items"][-1]["at"]})
    assert len(later["items"]) == 1
    assert later["items"][0]["routed"]["text"] == "r2 100 %"


@pytest.mark.parametrize(
    "params",
    [
        {"since": "2026-01-01T12:00:00"},
        {"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"},
        {"since": "yesterday"},
    ],
)
def test_a_window_that_is_none_is_refused(api, params):
    api.endpoint()
    path = "/api/v1/endpoints/team-a/demo-triton/traffic"
    assert api.get(path, params=params).status_code == 422
    assert api.get("/api/v1/endpoints/team-a/none/traffic").status_code == 404


def test_forgotten_samples_leave_an_empty_series(api):
    rollout = judged(api, bad=0.0)
    with api.store.begin() as tx:
        run(tx, "DELETE FROM samples")
    series = api.ok("GET", f"/api/v1/rollouts/{rollout}/series")
    assert (series["kept"], series["shares"], series["metrics"]) == (0, [], [])

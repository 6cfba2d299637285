"""People's own metrics over the API: what is refused, what is shown again, and a whole rollout that
one of them ends."""

import time
from dataclasses import replace

import pytest

from tests.deployment_service.conftest import PATH
from tests.deployment_service.counting import BODY, Judged
from tests.deployment_service.counting import PATH as JUDGED
from tidegate.core.own.readings import OwnReading, Tally
from tidegate.core.preflight import Report
from tidegate.deployment_service.plans import strategy_of
from tidegate.schemas.requests.rollouts import StartRollout
from tidegate.web.problems import ApiError

pytestmark = pytest.mark.real

CHECKOUT = {
    "name": "checkout",
    "good": 'sum(ok_total{pod=~"$pods"})',
    "total": 'sum(orders_total{pod=~"$pods"})',
}
WAIT = {"name": "wait", "mean": 'avg(wait_seconds{rev="$revision"})', "objective": 0.5}
BURN = {"name": "slo", "burn_rate": {"objective": 0.999, "windows_seconds": [600, 60]}}


def own(*metrics):
    return {"analysis": {"metrics": {"own": list(metrics)}}}


def refused(*metrics):
    """(pointer, detail) of each problem."""
    body = StartRollout.model_validate({"model_version_id": "2", **own(*metrics)})
    with pytest.raises(ApiError) as error:
        strategy_of(body, "team-a")
    assert error.value.status == 422
    assert all(problem.remediation.text for problem in error.value.errors)
    return [(problem.field, problem.detail) for problem in error.value.errors]


@pytest.mark.parametrize(
    ("metric", "pointer", "detail"),
    [
        (
            {**CHECKOUT, "total": 'orders_total{namespace="team-b",pod=~"$pods"}'},
            "/0/total",
            "a selector has namespace='team-b', and series of 'team-a' alone may be read",
        ),
        ({**CHECKOUT, "good": "ok_total"}, "/0/good", "names no revision"),
        ({**CHECKOUT, "good": 'rate(ok{pod=~"$pods"}[$window])'}, "/0/good", "is not read"),
        ({**CHECKOUT, "good": None}, "/0/good", "is missing"),
        ({**CHECKOUT, "objective": 3}, "/0/objective", "3 is not below 1"),
        ({**CHECKOUT, "max": 3}, "/0/max", "it belongs to a mean"),
        ({**CHECKOUT, **WAIT}, "/0/mean", "has a mean beside counters"),
        ({**CHECKOUT, "name": "errors"}, "/0/name", "a metric that is judged anyway"),
        ({**CHECKOUT, "name": "triton_failures"}, "/0/name", "is the name of a ready-made metric"),
        ({"name": "typo"}, "/0", "has no query, and is no ready-made metric"),
        ({"name": "gpu_seconds_per_request"}, "/0/objective", "is missing"),
        ({**WAIT, "objective": None}, "/0/objective", "is missing"),
        ({**WAIT, "max": 0.4}, "/0/max", "0.4 is not above the objective of 0.5"),
        ({**WAIT, "mean": "wait offset 1h"}, "/0/mean", "'offset' at character 6"),
        (
            {"name": "slo", "burn_rate": {"objective": 0.9}},
            "/0/burn_rate/factor",
            "which no share of requests can exceed",
        ),
        (
            {"name": "slo", "burn_rate": {"objective": 0.999, "windows_seconds": [60, 60]}},
            "/0/burn_rate/windows_seconds",
            "60 is not above 60",
        ),
        ({**BURN, "objective": 0.1}, "/0/objective", "it is that of burn_rate"),
    ],
)
def test_what_can_never_be_judged_is_refused_by_field(metric, pointer, detail):
    [(place, text)] = refused(metric)
    assert place == f"/analysis/metrics/own{pointer}"
    assert detail in text


def test_names_are_short_labels_each_once_and_few(api):
    [(pointer, detail)] = refused(CHECKOUT, CHECKOUT)
    assert (pointer, detail) == ("/analysis/metrics/own/1/name", "'checkout' is there twice")
    api.endpoint()
    names = ("", "Checkout", "a b", "a" * 41, "-a", "a}")
    many = [{**CHECKOUT, "name": f"checkout-{number}"} for number in range(11)]
    bodies = [(own({**CHECKOUT, "name": name}), "/analysis/metrics/own/0/name") for name in names]
    for body, pointer in (*bodies, (own(*many), "/analysis/metrics/own")):
        answer = api.post(f"{PATH}/rollouts?dry_run=true", {"model_version_id": "2", **body})
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_another_tenants_series_are_refused_as_a_problem(api):
    api.endpoint()
    theirs = {**CHECKOUT, "total": 'orders_total{namespace="team-b",pod=~"$pods"}'}
    answer = api.post(f"{PATH}/rollouts", {"model_version_id": "2", **own(theirs)})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert answer.headers["content-type"] == "application/problem+json"
    [error] = answer.json()["errors"]
    assert error["pointer"] == "/analysis/metrics/own/0/total"
    assert "namespace='team-b'" in error["detail"]
    assert error["remediation"]["text"].startswith("leave namespace out")


def test_a_plan_shows_what_it_was_made_of_and_what_each_metric_answered(api):
    api.endpoint()
    api.asker.report = Report(own=("checkout: r1 counted 8 good of 9 at 1 source",))
    queue = {"name": "triton_queue_time"}
    made = api.ok(
        "POST",
        f"{PATH}/rollouts?dry_run=true",
        {"model_version_id": "2", **own(CHECKOUT, WAIT, BURN, queue)},
    )
    assert made["preflight"]["own_metrics"] == ["checkout: r1 counted 8 good of 9 at 1 source"]
    share, mean, burn, ready = made["analysis"]["metrics"]["own"]
    assert CHECKOUT.items() <= share.items()
    assert (share["fail_margin"], share["on_fail"]) == (0.0, "abort")
    assert (mean["objective"], mean["max"]) == (0.5, 2.0)
    assert burn["burn_rate"] == {**BURN["burn_rate"], "factor": 14.4}
    assert (ready["name"], ready["objective"], ready["max"]) == ("triton_queue_time", 50.0, 200.0)
    again = {"analysis": made["analysis"]}
    body = {"model_version_id": "2", **again}
    # What is shown can be sent; but for a ready-made name and a burn rate nothing was made up
    assert api.ok("POST", f"{PATH}/rollouts?dry_run=true", body)["analysis"] == (made["analysis"])


class Counters:
    """A source whose counters grow by 400 units a reading, a share of the candidate's bad; and a
    mean."""

    def __init__(self) -> None:
        self.readings = 0

    def read(self, _key, pods, requests):
        self.readings += 1
        units = 400 * self.readings
        at = time.time()
        results = []
        for each in requests:
            assert all(pods[revision] for revision in each.revisions)  # it has begun
            tallies = (
                Tally("a", 1, units, units),
                Tally("b", 2, round(0.8 * units), units),
            )
            values = ((1, 0.1), (2, 0.2))
            if each.own.is_mean:
                reading = OwnReading(each.own.name, each.asked, at, at, values=values, seconds=0.01)
            else:
                reading = OwnReading(each.own.name, each.asked, at, at, tallies)
            results.append(reading)
        return tuple(results)


def test_a_rollout_that_an_own_metric_ends_shows_its_evidence(api):
    world = Judged(api, bad=0.0)
    sources = replace(world.parts.sources, own=Counters())
    world.parts = replace(world.parts, sources=sources)
    world.serving()
    metrics = {"own": [CHECKOUT, WAIT]}
    body = {**BODY, "analysis": {"noise_window_seconds": 1, "metrics": metrics}}
    rollout = world.ended(api.ok("POST", f"{JUDGED}/rollouts", body)["id"])
    assert rollout["outcome"] == "aborted"
    assert rollout["outcome_message"].startswith("checkout: candidate ")
    by_name = {each["metric"]: each for each in rollout["verdicts"]}
    checkout, wait = by_name["checkout"], by_name["wait"]
    assert checkout["verdict"] == "fail"
    assert checkout["evidence"]["log10_e_fail"] >= checkout["evidence"]["log10_threshold_fail"]
    assert checkout["candidate_bad"] > checkout["stable_bad"] == 0
    assert (wait["mean"]["candidate"], wait["mean"]["objective"]) == (0.2, 0.5)
    assert checkout["mean"] is None

    path = f"/api/v1/rollouts/{rollout['id']}/series"
    series = {each["metric"]: each for each in api.ok("GET", path)["metrics"]}
    assert series["checkout"]["samples"][-1]["verdict"] == "fail"
    assert series["wait"]["mean_objective"] == 0.5
    assert series["wait"]["samples"][-1]["candidate_mean"] == 0.2
    one = api.ok("GET", f"{path}?metric=checkout")["metrics"]
    assert [each["metric"] for each in one] == ["checkout"]
    assert api.get(f"{path}?metric=other").status_code == 422

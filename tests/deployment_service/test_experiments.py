"""Counts of a user's own experiment: kept once, shown, refused by field where they make no
sense."""

from dataclasses import replace
from typing import Any

import pytest

from tidegate.core.intent import EndpointKey
from tidegate.core.rollout import Outcome, StepProgress
from tidegate.store import leases, reconciles

pytestmark = pytest.mark.real
PATH = "/api/v1/endpoints/team-a/demo-triton"
SINCE = 1_000_000.0
ASKED = {"strategy": "ab", "analysis": {"metrics": {"experiment": {"pass_margin": 0.0}}}}


class Ab:
    """An A/B whose split settled at SINCE."""

    def __init__(self, api: Any, **body: Any) -> None:
        api.endpoint()
        self.api = api
        self.started = api.rollout(**{**ASKED, **body})
        self.path = f"/api/v1/rollouts/{self.started['id']}"
        api.with_candidate(50, step=StepProgress(index=0, since=SINCE))

    def post(self, revision: int = 2, successes: int = 40, units: int = 500, start: float = 0, end: float = 60,
             **more: Any) -> Any:  # fmt: skip
        body = {"revision": revision, "successes": successes, "units": units}
        body |= {"interval_start": SINCE + start, "interval_end": SINCE + end}
        return self.api.post(f"{self.path}/evidence", body, **more)

    def shown(self) -> list[tuple[int, int, int]]:
        experiment = self.api.ok("GET", self.path)["experiment"]
        return [(item["revision"], item["successes"], item["units"]) for item in experiment]


@pytest.fixture
def ab(api):
    return Ab(api)


def test_an_ab_that_asks_for_an_experiment_ends_by_it(ab):
    (step,) = ab.started["steps"]
    assert (step["percent"], step["until"], step["expected_seconds"]) == (50, "pass", None)
    assert ab.started["unit"] == "request"
    view = ab.api.ok("GET", ab.path)
    assert view["settled_at"] == "1970-01-12T13:46:40Z"


def test_the_step_may_ask_a_person_all_the_same(api):
    api.endpoint()
    assert api.rollout(**ASKED, until="approval")["steps"][0]["until"] == "approval"


def test_counts_are_shown_with_who_sent_them(ab):
    answer = ab.post()
    assert (answer.status_code, answer.json()["warnings"]) == (201, [])
    assert ab.post(1, 30).status_code == 201
    assert ab.shown() == [(2, 40, 500), (1, 30, 500)]
    first = ab.api.ok("GET", ab.path)["experiment"][0]
    assert (first["author"], first["interval_start"], first["interval_end"]) == (
        "admin",
        SINCE,
        SINCE + 60,
    )


def test_the_same_interval_again_changes_nothing(ab):
    assert [ab.post().status_code for _ in range(2)] == [201, 201]
    assert ab.shown() == [(2, 40, 500)]
    other = ab.post(successes=41)
    assert other.status_code == 422
    assert "was counted already, as 40 of 500" in other.json()["detail"]


def test_the_same_key_again_gets_the_first_answer(ab):
    key = {"Idempotency-Key": "minute-1"}
    assert ab.post(headers=key).status_code == 201
    again = ab.post(headers=key)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert ab.shown() == [(2, 40, 500)]


def test_a_dry_run_keeps_nothing(ab):
    assert ab.post(params={"dry_run": "true"}).status_code < 300
    assert ab.shown() == []


@pytest.mark.parametrize(
    ("body", "pointer", "message"),
    [
        ({"revision": 9}, "/revision", "not part of this rollout: use r1 or r2"),
        ({"successes": 501}, "/successes", "more than the 500 units"),
        ({"end": 0}, "/interval_end", "after interval_start"),
        ({"start": -1}, "/interval_start", "before this step's split settled"),
        ({"end": 1e10}, "/interval_end", "in the future"),
        ({"units": 0, "successes": 0}, "/units", "1"),
        ({"successes": -1}, "/successes", "0"),
    ],
)
def test_counts_that_make_no_sense_are_refused(ab, body, pointer, message):
    answer = ab.post(**body)
    assert answer.status_code == 422
    result = {
        each["pointer"]: f"{each['detail']}: {each['remediation']['text']}"
        for each in answer.json()["errors"]
    }
    assert message in result[pointer]
    assert ab.shown() == []


def test_intervals_that_overlap_are_refused(ab):
    assert ab.post().status_code == 201
    for body in ({"start": 30, "end": 90}, {"revision": 1, "start": 30, "end": 90}):
        answer = ab.post(**body)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (
            422,
            "/interval_start",
        )
    assert ab.post(start=60, end=120).status_code == 201


def test_users_are_assigned_by_their_buckets_and_counted(api):
    ab = Ab(api, unit="user", percent=20)
    (step,) = ab.started["steps"]
    assert step["match"] == [{"name": "x-tidegate-bucket", "value": "0-19", "range": True}]
    assert (ab.started["unit"], step["until"]) == ("user", "pass")
    assert ab.post().status_code == 201


@pytest.mark.parametrize(
    ("body", "pointer", "message"),
    [
        ({"unit": "user", "percent": 0}, "/percent", "no user"),
        ({"unit": "user", "percent": 100}, "/percent", "100"),
        ({"unit": "user", "match": [{"name": "x", "value": "y"}]}, "/unit", "by chance"),
        ({"bucket_header": "x-mine"}, "/bucket_header", "by users"),
        ({"unit": "session"}, "/unit", "user"),
        ({"unit": "user", "bucket_header": "Host"}, "/bucket_header", "no bucket"),
        *(
            ({"match": [{"name": name, "value": "x"}]}, "/match/0/name", "may be everybody")
            for name in ("host", "Content-Type", "user-agent", "authorization", "X-Forwarded-Proto")
        ),
        (
            {"match": [{"name": "x-mine", "value": "5-19", "range": True}]},
            "/match/0/value",
            "'5-19' is no range",
        ),
        ({"strategy": "canary", "unit": "user"}, "/unit", "strategy 'ab'"),
    ],
)
def test_a_split_that_cannot_be_is_refused(api, body, pointer, message):
    api.endpoint()
    answer = api.post(f"{PATH}/rollouts", {"strategy": "ab", "model_version_id": "2", **body})
    assert answer.status_code == 422
    problems = {error["pointer"]: error["detail"] for error in answer.json()["errors"]}
    assert message in problems[pointer]


def test_buckets_may_come_by_a_header_of_ones_own(api):
    api.endpoint()
    (step,) = api.rollout(strategy="ab", unit="user", percent=1, bucket_header="x-mine")["steps"]
    assert step["match"] == [{"name": "x-mine", "value": "0", "range": True}]


def test_who_is_chosen_by_header_cannot_be_compared(api):
    header = [{"name": "x-team", "value": "blue"}]
    ab = Ab(api, match=header, analysis={"metrics": {}})
    answer = ab.post()
    assert (answer.status_code, answer.json()["code"]) == (409, "not-randomised")
    assert ab.started["unit"] is None
    for body, pointer in (
        ({"match": header}, "/match"),
        ({"match": header, "analysis": {"metrics": {}}, "until": "pass"}, "/until"),
    ):
        refused = api.post(
            f"{PATH}/rollouts?supersede=true", {"model_version_id": "3", **ASKED, **body}
        )
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)


def test_only_an_ab_is_judged_by_an_experiment(api):
    api.endpoint()
    body = {
        "model_version_id": "2",
        "strategy": "canary",
        "analysis": {"metrics": ASKED["analysis"]["metrics"]},
    }
    refused = api.post(f"{PATH}/rollouts", body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (
        422,
        "/analysis/metrics/experiment",
    )


def test_without_the_metric_counts_are_shown_and_not_judged(api):
    ab = Ab(api, analysis={"metrics": {}})
    answer = ab.post()
    assert answer.status_code == 201
    assert "no verdict is made of it" in answer.json()["warnings"][0]


def test_once_it_is_decided_no_more_counts_are_taken(ab):
    ab.api.reconcile(
        progress=lambda old: replace(old, end=replace(old.end, toward=Outcome.KEPT_STABLE))
    )
    answer = ab.post()
    assert (answer.status_code, answer.json()["code"]) == (409, "rollout-ending")


def test_a_person_may_end_it_at_any_time(ab):
    assert ab.api.post(f"{ab.path}/promote", {"step": 1}).status_code == 202


def test_the_controller_gets_each_pair_once(ab):
    """Both revisions over one interval are a sample; what the progress has judged does not come
    again."""
    ab.post(2, 40)
    assert _samples(ab) == []
    ab.post(1, 30)
    (sample,) = _samples(ab)
    assert (sample.candidate.successes, sample.stable.successes) == (40, 30)
    ab.post(1, 31, start=60, end=120)
    ab.post(2, 41, start=60, end=120)
    assert [item.candidate.successes for item in _samples(ab)] == [40, 41]
    ab.api.reconcile(
        progress=lambda old: replace(old, analysis=replace(old.analysis, sample=sample.id))
    )
    assert [item.candidate.successes for item in _samples(ab)] == [41]


def _samples(ab):
    """What the next reconcile would give the rollout controller."""
    with ab.api.store.begin() as tx:
        leases.wake(tx, EndpointKey("team-a", "demo-triton"))
    with ab.api.store.begin() as tx:
        (lease,) = leases.claim(tx, "w1", limit=10, seconds=30)
    with ab.api.store.read() as tx:
        context = reconciles.load(tx, lease)
    with ab.api.store.begin() as tx:
        reconciles.record(tx, lease, wake_in=0.0)
    return list(context.rollouts[0].samples)

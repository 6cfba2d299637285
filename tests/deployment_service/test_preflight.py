"""What preflight refuses leaves nothing behind, and nobody waits for ever."""

import threading
from dataclasses import replace

import pytest

from tests.deployment_service.conftest import PATH
from tests.simulation.lab import Lab
from tidegate.core.drivers.rendering import Gateway, Platform
from tidegate.core.ports import Apply, Capabilities, NoData, Refused, Unavailable
from tidegate.core.preflight import Finding, Level, Report
from tidegate.deploy_worker import reconcile as reconciles
from tidegate.deploy_worker.inquiries import Desk
from tidegate.deploy_worker.loop import Worker
from tidegate.deployment_service.preflight import StoreAsker
from tidegate.store import inquiries

pytestmark = pytest.mark.real
QUOTA = Finding(
    Level.PROBLEM,
    "capacity rule",
    "3 of r2 need 7 cpu: quota 'small' allows 4",
    "step 4 of 5: 25 %",
    3,
    "ResourceQuota s",
)
UNSEEN = Finding(Level.UNCHECKED, "capacity", "nodes may not be read")
TOLD = Finding(Level.WARNING, "evidence", "nothing guards it")


def test_a_refused_rollout_leaves_nothing_behind(api):
    api.endpoint()
    before = api.ok("GET", PATH)
    history = api.ok("GET", f"{PATH}/history")
    api.asker.report = Report((QUOTA, UNSEEN), 12)
    for query in ("", "?dry_run=true"):
        answer = api.post(
            f"{PATH}/rollouts{query}", {"model_version_id": "2"}, headers={"Idempotency-Key": "k1"}
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "preflight")
        assert answer.json()["errors"] == [
            {
                "pointer": "/steps/3",
                "detail": QUOTA.detail,
                "remediation": {"text": "change the request, or what the cluster has, then repeat"},
                "step": QUOTA.step,
                "rule": QUOTA.rule,
                "object": QUOTA.object,
            }
        ]
    assert (api.ok("GET", PATH), api.ok("GET", f"{PATH}/history")) == (before, history)
    assert len(api.ok("GET", f"{PATH}/revisions")["items"]) == 1
    api.asker.report = Report()
    assert (
        api.post(
            f"{PATH}/rollouts", {"model_version_id": "2"}, headers={"Idempotency-Key": "k1"}
        ).status_code
        == 202
    )


def test_a_refused_endpoint_is_not_made(api):
    api.models()
    api.asker.report = Report(
        (replace(QUOTA, rule="tenant", index=None, step="", detail="not permitted"),)
    )
    body = {"name": "fraud", "model_id": "add_sub", "model_version_id": "1"}
    answer = api.post("/api/v1/endpoints?namespace=team-a", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "namespace"
    assert api.get("/api/v1/endpoints/team-a/fraud").status_code == 404
    (request,) = api.asker.asked
    assert (request.intent.stable, request.rollout, [r.number for r in request.revisions]) == (
        1,
        None,
        [1],
    )


def test_what_was_looked_at_is_in_the_answer(api):
    api.endpoint()
    api.asker.report = Report((UNSEEN, TOLD), 12, 30.0, 31.0, "r1 starts again")
    made = api.ok("POST", f"{PATH}/rollouts?dry_run=true", {"model_version_id": "2"})
    assert made["warnings"] == ["nothing guards it"]
    assert made["preflight"]["checked"] == 12
    assert made["preflight"]["undo_seconds"] == 31.0
    assert [finding["level"] for finding in made["preflight"]["findings"]] == [
        "not checked",
        "warning",
    ]
    assert api.ok("GET", PATH)["rollout"] is None


def test_every_start_asks_and_the_rollback_never_does(api):
    api.endpoint()
    request = api.asker.asked
    request.clear()
    key = {"Idempotency-Key": "k2"}
    started = api.ok("POST", f"{PATH}/rollouts", {"model_version_id": "2"}, headers=key)
    again = api.ok("POST", f"{PATH}/rollouts", {"model_version_id": "2"}, headers=key)
    assert again["id"] == started["id"]
    assert len(request) == 1, "a replay asks nobody"
    assert [revision.number for revision in request[0].revisions] == [1, 2]
    api.asker.report = Report((QUOTA,))
    api.with_candidate(10)
    api.ok("PATCH", PATH, {"canary_percent": 5})
    api.ok("POST", f"/api/v1/rollouts/{started['id']}/abort")
    api.ok("POST", f"{PATH}/undo", {"to": 1})
    assert len(request) == 1
    answer = api.patch(f"{PATH}?supersede=true", {"model_version_id": "3", "canary_percent": 30})
    assert answer.status_code == 422
    assert (len(request), request[1].override) == (2, 30)


def test_no_worker_is_said_with_503(api, make_api):
    lonely = make_api(StoreAsker(api.store, 0.0, 1.0))
    lonely.models()
    answer = lonely.post("/api/v1/endpoints?namespace=team-a", _body("x"))
    assert (answer.status_code, answer.json()["code"]) == (503, "no-worker")
    assert "start a deploy-worker" in answer.json()["detail"]
    assert answer.headers["retry-after"] == "5"


def _body(name):
    return {"name": name, "model_id": "add_sub", "model_version_id": "1"}


def test_a_worker_that_does_not_finish_is_not_waited_for_for_ever(api, make_api):
    """Its last word about its progress comes with the refusal."""
    now = [0.0]

    def sleep(seconds):
        now[0] += seconds
        with api.store.begin() as tx:
            for inquiry in inquiries.take(tx, limit=1, seconds=60):
                inquiries.report(tx, inquiry.id, "2 of 9 objects", seconds=60)

    patient = make_api(StoreAsker(api.store, 30.0, 5.0, lambda: now[0], sleep))
    patient.models()
    answer = patient.post("/api/v1/endpoints?namespace=team-a", _body("x"))
    assert (answer.status_code, answer.json()["code"]) == (503, "preflight-unanswered")
    assert "within 5 s (2 of 9 objects)" in answer.json()["detail"]
    assert patient.get("/api/v1/endpoints/team-a/x").status_code == 404


class Guarded:
    """A cluster whose policy forbids a weight; `away`: why nobody answers."""

    def __init__(self, cluster):
        self._cluster = cluster
        self.away = ""
        self.writes = 0

    def observe(self, key):
        if self.away:
            return Unavailable(self.away)
        return self._cluster.observe(key)

    def write(self, write, *, dry_run=False):
        self.writes += not dry_run
        rules = ()
        if isinstance(write, Apply):
            rules = write.manifest["spec"].get("rules", ())
        if any(ref["weight"] == 25 for rule in rules for ref in rule["backendRefs"]):
            return Refused("policy: no canary above 20 %")
        return self._cluster.write(write, dry_run=dry_run)


@pytest.fixture
def looked(api, make_api):
    """The service with a real desk of a worker over the fake control plane; (caller, cluster,
    desk's turn)."""
    cluster = Guarded(Lab().cluster)
    parts = reconciles.Parts(
        api.store,
        cluster,
        Silent(),
        lambda store: Platform(store, Gateway("main", "gateways")),
        Capabilities,
    )
    answered = threading.Event()
    desk = Desk(parts, answered.set)

    def wait(seconds):
        desk.turn()
        answered.wait(seconds)

    made = make_api(StoreAsker(api.store, 30.0, 30.0, sleep=wait))
    made.models()
    yield made, cluster
    desk.close()


class Silent:
    def scrape(self, key):
        return NoData("nobody counts")


def test_a_policy_that_forbids_a_step_is_named_before_anything_moves(looked):
    api, cluster = looked
    made = api.ok("POST", "/api/v1/endpoints?namespace=team", _body("fraud"))
    assert made["preflight"]["checked"] == 2
    path = "/api/v1/endpoints/team/fraud"
    answer = api.post(f"{path}/rollouts", {"model_version_id": "2"})
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error == {
        "pointer": "/steps/3",
        "detail": "policy: no canary above 20 %",
        "remediation": {"text": "change the request, or what the cluster has, then repeat"},
        "step": "step 4 of 5: 25 %",
        "rule": "the split of this step",
        "object": "HTTPRoute team/fraud",
        "path": "spec.rules[0].backendRefs[0].weight",
    }
    assert cluster.writes == 0
    assert api.ok("GET", path)["rollout"] is None
    allowed = api.ok(
        "POST", f"{path}/rollouts?dry_run=true", {"model_version_id": "2", "steps": [5, 20]}
    )
    assert allowed["preflight"]["undo"].startswith("one change of weights")
    assert cluster.writes == 0


def test_a_cluster_that_is_away_is_503_with_its_words(looked):
    api, cluster = looked
    cluster.away = "connection refused"
    answer = api.post("/api/v1/endpoints?namespace=team", _body("fraud"))
    assert (answer.status_code, answer.json()["code"]) == (503, "preflight-unanswered")
    assert "connection refused" in answer.json()["detail"]


def test_a_running_worker_is_woken_by_the_question_and_answers(api, make_api, database):
    parts = reconciles.Parts(
        api.store,
        Lab().cluster,
        Silent(),
        lambda store: Platform(store, Gateway("main", "gateways")),
        Capabilities,
    )
    worker = Worker("w2", parts, database)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        made = make_api(StoreAsker(api.store, 30.0, 60.0))
        made.models()
        for name in ("one", "two"):
            answer = made.post("/api/v1/endpoints?namespace=team", _body(name))
            assert answer.status_code == 201, answer.text
            assert answer.json()["preflight"]["checked"] == 2
    finally:
        worker.stop()
        thread.join(timeout=60)
    assert not thread.is_alive()


def test_more_replicas_at_once_are_asked_about_and_fewer_are_not(api):
    api.endpoint()
    before = len(api.asker.asked)
    api.ok("PATCH", PATH, {"autoscaling": {"minReplicas": 3}})
    (request,) = api.asker.asked[before:]
    assert (request.rollout, request.intent.scaling.min_replicas) == (None, 3)
    assert [revision.number for revision in request.revisions] == [1]
    lacking = Finding(
        Level.PROBLEM,
        "replicas of stable",
        "4 of r1 need 4 requests.cpu in all; quota 'small' allows 3",
    )
    api.asker.report = Report((lacking,))
    refused = api.patch(PATH, {"autoscaling": {"minReplicas": 4}})
    assert (refused.status_code, refused.json()["code"]) == (422, "preflight")
    for smaller in ({"minReplicas": 2}, {"maxReplicas": 9}):
        api.ok("PATCH", PATH, {"autoscaling": smaller})
    kept = api.ok("GET", PATH)["spec"]["autoscaling"]
    assert (kept["minReplicas"], kept["maxReplicas"]) == (2, 9)

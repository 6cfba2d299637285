"""Every change of an endpoint answers at once what was accepted and what follows, and the ledger
calls it what the person called it."""

import json

import pytest

from tests.deployment_service.conftest import PATH
from tests.deployment_service.test_openapi import COMMITTED

CHANGES = ("post", "put", "patch", "delete")


def etag(api):
    return {"If-Match": api.get(PATH).headers["etag"]}


def test_the_answer_of_every_change_of_an_endpoint_has_it():
    document = json.loads(COMMITTED.read_text())
    schemas = document["components"]["schemas"]
    seen = 0
    for path, operations in document["paths"].items():
        if not path.startswith(("/api/v1/endpoints", "/api/v1/rollouts")):
            continue
        for method in CHANGES:
            if method not in operations:
                continue
            answers = operations[method]["responses"]
            (answer,) = (
                answers[code]
                for code in answers
                if (code.startswith("2") and code != "200")
                or (code == "200" and not {"201", "202"} & answers.keys())
            )
            name = answer["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            assert "accepted" in schemas[name]["required"], (method, path)
            seen += 1
    assert seen >= 14


@pytest.mark.real
def test_every_change_of_an_endpoint_says_what_follows(api):
    api.models()
    body = {"name": "fraud", "model_id": "add_sub", "model_version_id": "1"}
    made = api.ok("POST", "/api/v1/endpoints?namespace=team-a", body)
    assert made["accepted"] == {
        "action": "create",
        "follows": "r1 gets ready, then it serves all traffic",
    }


@pytest.mark.real
def test_a_percent_by_hand_is_called_so_in_the_answer_and_in_the_ledger(api):
    api.endpoint()
    rollout = api.rollout()
    api.with_candidate(percent=25)
    lowered = api.ok("PATCH", PATH, {"canary_percent": 5, "reason": "p99"})
    assert lowered["accepted"] == {
        "action": "set canary",
        "follows": "5 % of the traffic goes to r2, and its plan rests until "
        "`tidegate rollout resume team-a/demo-triton`",
    }
    action, intent = api.ok("GET", f"{PATH}/history")["ledger"][:2]
    assert (action["action"], action["kind"], action["message"]) == (
        "rollout.set-canary",
        "pause",
        "p99",
    )
    assert (intent["action"], intent["called"]) == ("intent", "set canary")
    assert api.actions(rollout["id"]) == ["set-canary"]


@pytest.mark.real
def test_a_candidate_with_its_percent_says_what_follows(api):
    api.endpoint()
    body = {"canary_percent": 25, "model_version_id": "2"}
    brought = api.ok("PATCH", PATH, body)["accepted"]
    assert brought["follows"] == "r2 gets ready, then 25 % of the traffic goes to it"
    body = {"canary_percent": 25, "model_version_id": "3"}
    queued = api.ok("PATCH", f"{PATH}?supersede=true", body)["accepted"]
    assert queued["follows"].startswith("the running rollout ends first; r3 gets ready")


@pytest.mark.real
def test_replica_bounds_and_the_end_say_what_follows(api):
    api.endpoint()
    bounds = {"autoscaling": {"minReplicas": 1, "maxReplicas": 3}}
    scaled = api.ok("PATCH", PATH, bounds)["accepted"]
    assert scaled == {
        "action": "scale",
        "follows": "every revision has 1 to 3 replicas from now on",
    }
    rollout = api.rollout()
    gone = api.ok("DELETE", f"{PATH}?reason=cleanup", headers=etag(api))["accepted"]
    assert gone == {
        "action": "delete",
        "follows": "its rollout ends, then its objects go; its history and its numbers stay",
    }
    entries = api.ok("GET", f"{PATH}/history")["ledger"]
    (line,) = (
        entry
        for entry in entries
        if entry["rollout_id"] == rollout["id"] and entry["kind"] == "abort"
    )
    assert (line["action"], line["message"]) == ("rollout.delete", "cleanup")
    assert next(entry for entry in entries if entry["called"])["called"] == "delete"


@pytest.mark.real
def test_a_heartbeat_says_when_the_next_one_is_due(api):
    api.endpoint()
    guard = {"on_heartbeat_timeout": "pause", "heartbeat_timeout_seconds": 120}
    rollout = api.rollout(guard=guard)
    path = f"/api/v1/rollouts/{rollout['id']}/heartbeat"
    assert api.ok("POST", path)["accepted"]["follows"] == "the next one is waited for 2m00s"
    released = api.ok("POST", path, {"release": True})["accepted"]
    assert released["follows"] == "no more heartbeats are waited for"

"""Every bad input is a problem that names the field, the value, the rule and the way out; never a
500."""

import json

import pytest

pytestmark = pytest.mark.real
PATH = "/api/v1/endpoints/team-a/demo-triton"
ENDPOINTS = "/api/v1/endpoints?namespace=team-a"
BODY = {"name": "fraud", "model_id": "add_sub", "model_version_id": "1"}


def refused(answer, status, *words):
    """The answer is this problem and says these words."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    for word in words:
        assert word in json.dumps(problem, ensure_ascii=False), problem
    return problem


NEW = {
    "unknown key": ({"colour": "red"}, "/colour", "unknown key"),
    "unknown inner key": ({"autoscaling": {"min": 1}}, "/autoscaling/min", "unknown key"),
    "not a DNS label": ({"name": "Fraud_1"}, "/name", "not a DNS label"),
    "too long": ({"name": "a" * 41}, "/name", "at most 40"),
    "ends like a revision": ({"name": "fraud-r2"}, "/name", "rename it"),
    "min above max": (
        {"autoscaling": {"minReplicas": 5, "maxReplicas": 2}},
        "/autoscaling/minReplicas",
        "above maxReplicas 2",
    ),
    "zero replicas in standard": (
        {"autoscaling": {"minReplicas": 0}},
        "/autoscaling/minReplicas",
        "knative",
    ),
    "KEDA in knative": (
        {"mode": "knative", "autoscaling": {"keda": True}},
        "/autoscaling/keda",
        "knative",
    ),
    "no quantity": (
        {"runtime_config": {"resources": {"memory": "lots"}}},
        "/runtime_config/resources/memory",
        "lots",
    ),
    "a quantity of nothing": (
        {"runtime_config": {"resources": {"cpu": "0.0"}}},
        "/runtime_config/resources/cpu",
        "nothing",
    ),
    "no account": (
        {"runtime_config": {"serviceAccountName": "A b"}},
        "/runtime_config/serviceAccountName",
        "A b",
    ),
    "a toleration of all": (
        {"runtime_config": {"tolerations": [{}]}},
        "/runtime_config/tolerations/0",
        "Exists",
    ),
    "a label with a blank": (
        {"runtime_config": {"nodeSelector": {"a": "b c"}}},
        "/runtime_config/nodeSelector/a",
        "b c",
    ),
    "a group that is none": (
        {"runtime_config": {"security": {"groups": ["trace", "admin"], "secret": {"name": "t"}}}},
        "/runtime_config/security/groups/1",
        "'admin' is not a group of Triton's calls",
    ),
    "the kubelet's group": (
        {"runtime_config": {"security": {"groups": ["health"], "secret": {"name": "t"}}}},
        "/runtime_config/security/groups",
        "readiness probe",
    ),
    "groups without a token": (
        {"runtime_config": {"security": {}}},
        "/runtime_config/security",
        "secret {name, key}",
    ),
    "another protocol": (
        {"runtime_config": {"protocolVersion": "v1"}},
        "/runtime_config/protocolVersion",
        "grpc-v2",
    ),
    "unknown model": ({"model_id": "other"}, "/model_id", "POST /api/v1/models"),
    "unknown version": ({"model_version_id": "9"}, "/model_version_id", "no version '9'"),
    "id that is a number": ({"model_version_id": 1}, "/model_version_id", "string"),
    "NUL": ({"reason": "a\0b"}, "/reason", "NUL"),
    "huge integer": (
        {"autoscaling": {"maxReplicas": 10**400}},
        "/autoscaling/maxReplicas",
        "80 digits",
    ),
    "bad namespace": ({"namespace": "Team A"}, "/namespace", "differs"),
    "mode that is none": ({"mode": "serverful"}, "/mode", "standard"),
}


@pytest.mark.parametrize(("changes", "pointer", "word"), NEW.values(), ids=NEW)
def test_a_new_endpoint_is_refused(api, changes, pointer, word):
    api.models()
    problem = refused(api.post(ENDPOINTS, BODY | changes), 422, word)
    assert pointer in [error["pointer"] for error in problem["errors"]]


def test_no_tenant_is_known(make_api):
    api = make_api(tenants="team-a,team-b")
    refused(api.post("/api/v1/endpoints", BODY), 422, "team-a, team-b", "?namespace=")


PERCENTS = {"above": 101, "below": -1, "broken": 12.5, "text": "25", "true": True}


@pytest.mark.parametrize("percent", PERCENTS.values(), ids=PERCENTS)
def test_a_percent_is_a_whole_number(api, percent):
    api.endpoint()
    refused(
        api.patch(PATH, {"canary_percent": percent}),
        422,
        "/canary_percent",
        "whole number between 0 and 100",
    )


@pytest.mark.parametrize("percent", [25, 0, 100, None])
def test_a_percent_needs_a_candidate(api, percent):
    api.endpoint()
    refused(api.patch(PATH, {"canary_percent": percent}), 422, "no candidate", "model_version_id")


def test_a_broken_contract_is_accepted_with_a_candidate_or_not_at_all(api):
    api.endpoint()
    refused(
        api.patch(PATH, {"canary_percent": 10, "accept_breaking": True}),
        422,
        "/accept_breaking",
        "new candidate",
    )
    refused(api.patch(PATH, {"accept_breaking": True}), 422, "nothing to change")
    made = api.ok(
        "PATCH", PATH, {"model_version_id": "2", "canary_percent": 10, "accept_breaking": True}
    )
    assert (made["rollout"]["accept_breaking"], made["rollout"]["contract"]) == (True, None)


def test_an_unproven_version_is_not_promoted_in_one_call(api):
    api.endpoint()
    refused(api.patch(PATH, {"canary_percent": 100, "model_version_id": "2"}), 422, "unguarded")


def test_a_patch_without_anything_is_refused(api):
    api.endpoint()
    refused(api.patch(PATH, {"reason": "hm"}), 422, "nothing to change")
    refused(api.patch(PATH, {"model_id": "add_sub"}), 422, "/model_id")
    refused(api.patch(PATH, {"revision": 1, "model_version_id": "1"}), 422, "/revision")


ROLLOUTS = {
    "steps that fall": ({"steps": [5, 1]}, "/steps", "does not rise"),
    "steps with the promotion": ({"steps": [50, 100]}, "/steps", "promotion"),
    "steps of another strategy": (
        {"strategy": "blue-green", "steps": [5]},
        "/steps",
        "leave it out",
    ),
    "shadow with side effects": ({"strategy": "shadow"}, "/side_effects", "none"),
    "restarts below none": (
        {"analysis": {"metrics": {"restarts": {"allowed": -1}}}},
        "/analysis/metrics/restarts/allowed",
        "0",
    ),
    "half a kill": (
        {"analysis": {"metrics": {"oom_kills": {"allowed": 0.5}}}},
        "/analysis/metrics/oom_kills/allowed",
        "integer",
    ),
    "margin of nothing": (
        {"analysis": {"metrics": {"errors": {"pass_margin": 0.9}}}},
        "/analysis/metrics/errors/pass_margin",
        "0.5",
    ),
    "no such revision": ({"revision": 7, "model_version_id": None}, "/revision", "no r7"),
    "stable itself": ({"model_version_id": "1"}, "/revision", "already is stable"),
    "no candidate": ({"model_version_id": None}, "/model_version_id", "missing"),
    "unknown strategy": ({"strategy": "yolo"}, "/strategy", "send one of canary, ab"),
}


@pytest.mark.parametrize(("body", "pointer", "word"), ROLLOUTS.values(), ids=ROLLOUTS)
def test_a_rollout_is_refused(api, body, pointer, word):
    api.endpoint()
    problem = refused(api.post(f"{PATH}/rollouts", {"model_version_id": "2"} | body), 422, word)
    assert pointer is None or pointer in [error["pointer"] for error in problem["errors"]]


KNATIVE = {
    "header A/B": (
        {"strategy": "ab", "match": [{"name": "x-team", "value": "blue"}]},
        "header A/B",
    ),
    "mirroring": ({"strategy": "shadow", "side_effects": "none"}, "mirroring"),
    "header at the third step": (
        {
            "strategy": {
                "kind": "canary",
                "steps": [
                    {"percent": 1},
                    {"percent": 2},
                    {"percent": 3, "match": [{"name": "x", "value": "y"}]},
                ],
            }
        },
        "header A/B",
    ),
}


@pytest.mark.parametrize(("body", "word"), KNATIVE.values(), ids=KNATIVE)
def test_knative_mode_knows_only_percents(api, body, word):
    api.endpoint(mode="knative", autoscaling={})
    refused(
        api.post(f"{PATH}/rollouts", {"model_version_id": "2"} | body), 422, word, "standard mode"
    )


def test_a_second_rollout_waits_or_supersedes(api):
    api.endpoint()
    first = api.rollout()
    refused(
        api.post(f"{PATH}/rollouts", {"model_version_id": "3"}), 409, first["id"], "supersede=true"
    )


def test_the_model_folder_is_not_the_repository_root(api):
    api.models()
    body = {"version_id": "9", "uri": "s3://models/add_sub"}
    refused(api.post("/api/v1/models/add_sub/versions", body), 422, "/uri", "config.pbtxt")


@pytest.mark.parametrize("uri", ["ftp://models/add_sub/", "models/add_sub", "://"])
def test_a_storage_scheme_is_known(api, uri):
    api.models()
    refused(
        api.post("/api/v1/models/add_sub/versions", {"version_id": "9", "uri": uri}),
        422,
        "/uri",
        "s3, gs",
    )


def test_a_version_never_changes(api):
    api.models()
    body = {"version_id": "1", "uri": "s3://models/elsewhere/"}
    refused(api.post("/api/v1/models/add_sub/versions", body), 409, "under a new version")


def send(api, content, kind="application/json"):
    headers = {"Authorization": f"Bearer {api.token}", "Content-Type": kind}
    return api.client.post(ENDPOINTS, content=content, headers=headers)


def test_bodies_that_are_no_json(api):
    refused(send(api, b"{nope"), 422, "not JSON")
    refused(send(api, b"\xff\xfe"), 422, "not JSON")
    refused(send(api, b'{"name": NaN}'), 422, "NaN")
    refused(send(api, b'{"name": "\\ud800"}'), 422, "surrogate")
    refused(send(api, b"[" * 100_000), 422, "nested")
    refused(send(api, b'{"a":' * 30 + b"1" + b"}" * 30), 422, "nested more than 20")
    refused(send(api, b"9" * 5000), 422, "not JSON")
    refused(send(api, b"[1]"), 422)
    refused(send(api, b""), 422, "required")


def test_bodies_of_another_type_or_size(api):
    refused(send(api, b"name=x", "application/x-www-form-urlencoded"), 415, "send application/json")
    refused(send(api, b'"' + b"x" * 10_000_000 + b'"'), 413, "1000000 bytes")


def test_paths_and_methods_that_do_not_exist(api):
    refused(api.get("/api/v1/nothing"), 404, "/openapi.json")
    refused(api.call("PUT", PATH), 405, "use")
    refused(api.get("/api/v1/endpoints/team-a/x%00y"), 422, "NUL")
    refused(api.get("/api/v1/endpoints?namespace=%00"), 422, "NUL")
    refused(api.get("/api/v1/rollouts/none"), 404, "no rollout 'none'")


@pytest.mark.parametrize(
    "token", ["x", "W10", "W251bGxd", "WzJd", "WyJhXHUwMDAwIiwiYiJd", "WzFlOTk5OV0", "!!!!"]
)
@pytest.mark.parametrize("path", ["/api/v1/endpoints", "/api/v1/models", f"{PATH}/history"])
def test_page_tokens_of_nobody(api, path, token):
    api.endpoint()
    refused(api.get(f"{path}?page_token={token}"), 422, "page_token")


@pytest.mark.parametrize("size", ["0", "101", "x"])
def test_page_sizes_have_bounds(api, size):
    refused(api.get(f"/api/v1/models?page_size={size}"), 422, "page_size")


def test_a_stale_decision_is_refused(api):
    api.endpoint()
    api.ok("PATCH", PATH, {"autoscaling": {"maxReplicas": 5}}, headers={"If-Match": '"1"'})
    stale = api.patch(PATH, {"autoscaling": {"maxReplicas": 6}}, headers={"If-Match": '"1"'})
    refused(stale, 412, "generation 2")
    assert stale.headers["etag"] == '"2"'

"""Endpoints by REST: the payload as people send it, what comes back, and what is remembered."""

from dataclasses import replace

import pytest

from tidegate.core.ports import Capabilities

pytestmark = pytest.mark.real
PATH = "/api/v1/endpoints/team-a/demo-triton"


def test_the_payload_is_accepted_as_it_stands(api):
    made = api.endpoint()
    assert made["phase"] == "pending"
    assert (made["namespace"], made["name"], made["mode"], made["generation"]) == (
        "team-a",
        "demo-triton",
        "standard",
        1,
    )
    assert made["stable"]["label"] == "r1"
    assert made["stable"]["runtime"] == "kserve-tritonserver"
    assert made["stable"]["runtime_config"]["gpu"] == 1
    assert made["autoscaling"] == {"minReplicas": 1, "maxReplicas": 4, "keda": True}
    assert made["author"] == "admin"
    assert any("dynamic_batching" in warning for warning in made["warnings"])
    assert made["traffic"]["desired"]["text"] == "r1 100 %"


def test_how_and_where_pods_run_is_kept_with_the_revision(api):
    config = {
        "gpu": 1,
        "resources": {"cpu": "4000m", "memory": "16384Mi"},
        "sharedMemory": "2Gi",
        "serviceAccountName": "models",
        "storageSecret": "bucket",
        "nodeSelector": {"nvidia.com/gpu.product": "A100", "disk": "ssd"},
        "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
    }
    kept = api.endpoint(runtime_config=config)["stable"]["runtime_config"]
    assert kept["resources"] == {"cpu": "4", "memory": "16Gi"}
    assert kept["tolerations"] == [
        {
            "key": "gpu",
            "operator": "Exists",
            "value": "",
            "effect": "NoSchedule",
            "tolerationSeconds": None,
        }
    ]
    same = ("gpu", "sharedMemory", "serviceAccountName", "storageSecret", "nodeSelector")
    assert {name: kept[name] for name in same} == {name: config[name] for name in same}


def test_knative_says_before_a_pod_does_that_it_takes_no_node_selector(api):
    api.worker(replace(Capabilities(), knative_placement=False))
    api.models()
    body = {"name": "placed", "model_id": "add_sub", "model_version_id": "1", "mode": "knative"}
    answer = api.post(
        "/api/v1/endpoints?namespace=team-a",
        body | {"runtime_config": {"nodeSelector": {"a": "b"}}},
    )
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "/runtime_config/nodeSelector"
    assert "config-features" in error["remediation"]["text"]


def test_keda_that_comes_later_is_for_the_next_revision(api):
    api.endpoint(autoscaling={"minReplicas": 1, "maxReplicas": 4})
    changed = api.ok("PATCH", PATH, {"autoscaling": {"keda": True}})
    assert any("from the next one on" in warning for warning in changed["warnings"])


def test_the_only_tenant_is_the_namespace(make_api):
    api = make_api(tenants="team-a")
    api.models()
    body = {"name": "solo", "model_id": "add_sub", "model_version_id": "1"}
    assert api.ok("POST", "/api/v1/endpoints", body)["namespace"] == "team-a"
    elsewhere = api.get("/api/v1/endpoints/team-b/solo")
    assert elsewhere.status_code == 403
    assert "team-a" in elsewhere.json()["detail"]


def test_without_a_worker_it_is_accepted_with_a_warning(make_api):
    made = make_api().endpoint()
    assert any("no worker" in warning for warning in made["warnings"])


def test_the_local_plane_says_what_it_ignores(api):
    api.worker(replace(Capabilities(), gpu=False, autoscaler=False))
    message = " ".join(api.endpoint()["warnings"])
    assert "gpu is ignored" in message
    assert "replicas stay at minReplicas 1" in message


def test_a_name_that_exists_leads_to_rollout_start(api):
    api.endpoint()
    again = api.post(
        "/api/v1/endpoints?namespace=team-a",
        {"name": "demo-triton", "model_id": "add_sub", "model_version_id": "2"},
    )
    assert again.status_code == 409
    (error,) = again.json()["errors"]
    assert "rollout start" in error["remediation"]["command"]


def test_legacy_mode_names_are_known(api):
    made = api.endpoint(mode="Serverless", autoscaling={"minReplicas": 0, "maxReplicas": 2})
    assert made["mode"] == "knative"


def test_a_dry_run_answers_the_same_and_writes_nothing(api):
    api.models()
    body = {"name": "dry", "model_id": "add_sub", "model_version_id": "1"}
    answer = api.post("/api/v1/endpoints?namespace=team-a&dry_run=true", body)
    assert answer.status_code == 200
    assert answer.json()["dry_run"] is True
    assert answer.json()["stable"]["label"] == "r1"
    assert api.get("/api/v1/endpoints/team-a/dry").status_code == 404


def test_the_etag_is_the_generation_and_answers_304(api):
    api.endpoint()
    seen = api.get(PATH)
    assert seen.headers["etag"] == '"1"'
    assert api.get(PATH, headers={"If-None-Match": '"1"'}).status_code == 304
    assert api.get(PATH, headers={"If-None-Match": '"2"'}).status_code == 200


def test_scaling_is_a_new_generation_under_the_callers_name(api):
    api.endpoint()
    changed = api.ok("PATCH", PATH, {"autoscaling": {"maxReplicas": 6}, "reason": "black friday"})
    assert changed["autoscaling"] == {"minReplicas": 1, "maxReplicas": 6, "keda": True}
    assert (changed["generation"], changed["author"], changed["reason"]) == (
        2,
        "admin",
        "black friday",
    )
    assert changed["spec"]["autoscaling"]["maxReplicas"] == 6


def test_the_workers_view_shows_desired_beside_routed(api):
    api.endpoint()
    shares = {"rules": [{"match": [], "shares": [{"revision": 1, "percent": 100}], "mirrors": []}]}
    api.reconcile(status={"traffic": shares, "urls": ["http://demo.example"], "phase": "ready"})
    seen = api.ok("GET", PATH)
    assert seen["traffic"]["routed"]["text"] == "r1 100 %"
    assert seen["urls"] == ["http://demo.example"]


def test_pages_are_stable_while_others_insert(api):
    api.models()
    for name in ("b", "d", "f"):
        api.ok(
            "POST",
            "/api/v1/endpoints?namespace=team-a",
            {"name": name, "model_id": "add_sub", "model_version_id": "1"},
        )
    first = api.ok("GET", "/api/v1/endpoints?page_size=2")
    api.ok(
        "POST",
        "/api/v1/endpoints?namespace=team-a",
        {"name": "a", "model_id": "add_sub", "model_version_id": "1"},
    )
    second = api.ok("GET", f"/api/v1/endpoints?page_size=2&page_token={first['next_page_token']}")
    assert [e["name"] for e in first["items"] + second["items"]] == ["b", "d", "f"]


def test_deleting_takes_if_match_and_keeps_the_numbers(api):
    api.endpoint()
    assert api.call("DELETE", PATH).status_code == 428
    assert api.call("DELETE", PATH, headers={"If-Match": '"9"'}).status_code == 412
    gone = api.call("DELETE", PATH, headers={"If-Match": '"1"'})
    assert gone.status_code == 202
    assert gone.json()["phase"] == "deleting"
    assert api.patch(PATH, {"autoscaling": {"maxReplicas": 2}}).status_code == 404
    api.reconcile(status={"phase": "gone"})
    assert api.get(PATH).status_code == 404
    back = api.endpoint()
    assert (back["generation"], back["stable"]["label"]) == (3, "r2")


def test_history_says_who_changed_what_page_by_page(api):
    api.endpoint()
    for count in range(2, 5):
        api.ok("PATCH", PATH, {"autoscaling": {"maxReplicas": count}, "reason": f"to {count}"})
    generations = []
    token = None
    while True:
        page = api.ok(
            "GET", f"{PATH}/history?page_size=2" + (f"&page_token={token}" if token else "")
        )
        generations += [intent["generation"] for intent in page["intents"]]
        token = page["next_page_token"]
        if token is None:
            break
    assert generations == [4, 3, 2, 1]
    assert api.ok("GET", "/api/v1/ledger/verify")["intact"] is True

"""A repeated request gets the first answer again, and no second effect."""

import pytest

from tidegate.store import idempotency

pytestmark = pytest.mark.real
PATH = "/api/v1/endpoints/team-a/demo-triton"
KEY = {"Idempotency-Key": "run-17"}


def test_a_replay_is_the_same_answer(api):
    api.endpoint()
    body = {"model_version_id": "2"}
    first = api.post(f"{PATH}/rollouts", body, headers=KEY)
    second = api.post(f"{PATH}/rollouts", body, headers=KEY)
    assert second.json() == first.json()
    assert second.status_code == 202
    assert second.headers["location"] == first.headers["location"]
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert len(api.ok("GET", f"{PATH}/rollouts")["items"]) == 1


def test_another_body_is_refused(api):
    api.endpoint()
    api.post(f"{PATH}/rollouts", {"model_version_id": "2"}, headers=KEY)
    other = api.post(f"{PATH}/rollouts", {"model_version_id": "3"}, headers=KEY)
    assert other.status_code == 422
    assert "new key" in other.json()["detail"]


def test_another_path_is_another_key(api):
    api.endpoint()
    rollout = api.post(f"{PATH}/rollouts", {"model_version_id": "2"}, headers=KEY).json()
    assert api.post(f"/api/v1/rollouts/{rollout['id']}/pause", headers=KEY).status_code == 202


def test_a_request_at_work_is_409(api):
    api.endpoint()
    scope = idempotency.KeyScope("admin", "POST", f"{PATH}/rollouts", "run-17")
    with api.store.begin() as tx:
        idempotency.claim_key(tx, scope, "whatever")
        answer = api.post(f"{PATH}/rollouts", {"model_version_id": "2"}, headers=KEY)
    assert answer.status_code == 409
    assert answer.headers["retry-after"] == "1"


def test_a_refusal_and_a_dry_run_use_no_key_up(api):
    api.endpoint()
    assert api.post(f"{PATH}/rollouts", {"model_version_id": "9"}, headers=KEY).status_code == 422
    assert (
        api.post(
            f"{PATH}/rollouts?dry_run=true", {"model_version_id": "2"}, headers=KEY
        ).status_code
        == 200
    )
    assert api.post(f"{PATH}/rollouts", {"model_version_id": "2"}, headers=KEY).status_code == 202


def test_a_key_is_visible_text(api):
    api.endpoint()
    assert api.post(f"{PATH}/undo", headers={"Idempotency-Key": "a b"}).status_code == 422

"""The watch after a promotion, by the service with the worker's real reconciles: what is answered,
what the ledger and the history say, and what an undo does after it."""

import pytest

from tests.deployment_service.beside import Beside
from tidegate.core.intent import EndpointKey

pytestmark = pytest.mark.real
KEY = EndpointKey("team", "fraud")
PATH = "/api/v1/endpoints/team/fraud"


class Watched(Beside):
    """The service's caller and the worker beside it."""

    def answers(self, is_there, limit=60):
        """Reconciles and controllers until the endpoint answers so."""
        for _ in range(limit):
            body = self.api.get(PATH).json()
            if is_there(body):
                return body
            self.turn(KEY)
        raise AssertionError(body)

    def promoted(self, **plan):
        """r2 over r1 by a blue/green."""
        body = {"strategy": "blue-green", "model_version_id": "2", **plan}
        started = self.api.ok("POST", f"{PATH}/rollouts", body)
        rollout = f"/api/v1/rollouts/{started['id']}"
        self.answers(lambda body: (body["rollout"] or {}).get("phase") == "waiting")
        self.api.ok("POST", f"{rollout}/promote", {"step": 1})
        self.answers(lambda body: body["rollout"] is None)
        return rollout


@pytest.fixture
def world(api):
    api.models()
    body = {"name": "fraud", "model_id": "add_sub", "model_version_id": "1"}
    api.ok("POST", "/api/v1/endpoints?namespace=team", body)
    made = Watched(api)
    made.answers(lambda body: body["phase"] == "ready")
    return made


def stable_of(body):
    return body["stable"]["revision"]


def test_what_is_watched_is_told(world):
    rollout = world.promoted(watch_seconds=600)
    seen = world.answers(lambda body: body["watch"] is not None)
    assert seen["phase"] == "ready"
    assert seen["watch"]["state"] == "watching"
    assert (seen["watch"]["revision"], seen["watch"]["base"]) == (2, 1)
    assert seen["watch"]["until"] is not None
    answer = world.api.get(rollout).json()
    assert answer["watch"] == seen["watch"]
    assert (answer["watch_seconds"], answer["on_watch_fail"]) == (600, None)


def test_nobody_watches_where_the_plan_says_so(world):
    rollout = world.promoted(watch_seconds=0)
    world.turn(KEY)
    assert world.api.get(rollout).json()["watch"] is None
    assert world.api.get(PATH).json()["watch"] is None


def test_a_crash_after_the_promotion_goes_back_by_itself_once(world):
    rollout = world.promoted()
    world.lab.kubelet.crash("2", "weights are missing")
    seen = world.answers(lambda body: stable_of(body) == 1)
    promoted = world.api.get(rollout).json()
    assert promoted["watch"]["state"] == "undone"
    undo = world.api.get(f"/api/v1/rollouts/{promoted['watch']['undo']}").json()
    assert undo["author"] == f"system:rollout:{promoted['id']}"
    assert (undo["strategy"], undo["base"], undo["candidate"]) == ("undo", 2, 1)
    assert undo["watch_seconds"] == 0

    world.answers(lambda body: body["rollout"] is None)
    entries = world.api.get(f"{PATH}/history?page_size=100").json()["ledger"]
    (begun,) = [entry for entry in entries if entry["action"] == "rollout.undo"]
    assert begun["actor"] == undo["author"]
    assert seen["standby"] in ([], [2])
    for _ in range(5):
        world.turn(KEY)
    assert len(world.api.get(f"{PATH}/rollouts").json()["items"]) == 2
    refused = world.api.call("POST", f"{PATH}/undo", {})
    assert refused.status_code == 409
    assert refused.json()["code"] == "already-rolled-back"


def test_a_plan_that_says_alert_moves_nothing(world):
    world.promoted(on_watch_fail="alert")
    world.lab.kubelet.crash("2", "weights are missing")

    def is_told(body):
        return (body["watch"] or {}).get("state") == "failing"

    seen = world.answers(is_told)
    assert stable_of(seen) == 2
    codes = [condition["code"] for condition in seen["status"]["conditions"]]
    assert "watch-failed" in codes
    assert "tidegate undo team/fraud --to 1" in seen["watch"]["message"]


def test_a_holdback_is_a_last_step(world):
    body = {"strategy": "canary", "model_version_id": "2", "steps": [10, 50], "holdback": 10}
    plan = world.api.call("POST", f"{PATH}/rollouts?dry_run=true", body).json()
    assert [step["percent"] for step in plan["steps"]] == [10, 50, 90]
    assert plan["steps"][-1]["until"] == "pass"


@pytest.mark.parametrize(
    ("more", "detail"),
    [
        ({"strategy": "shadow", "side_effects": "none"}, "last step"),
        ({"strategy": {"kind": "canary", "steps": [{"percent": 10}]}}, "its own last step"),
        ({"holdback": 60}, "50"),
        ({"watch_seconds": -1}, "0"),
    ],
)
def test_what_does_not_fit_is_refused(world, more, detail):
    body = {"strategy": "canary", "model_version_id": "2", "holdback": 10, **more}
    answer = world.api.call("POST", f"{PATH}/rollouts", body)
    assert answer.status_code == 422
    assert detail in answer.text

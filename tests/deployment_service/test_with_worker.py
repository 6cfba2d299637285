"""The service together with real reconciles of the worker over the fake control plane: what people
send, and what then serves. Controllers run between reconciles; nothing sleeps."""

import pytest

from tests.deployment_service.beside import Beside
from tidegate.core.intent import EndpointKey

pytestmark = pytest.mark.real
PATH = "/api/v1/endpoints/team/fraud"
KEY = EndpointKey("team", "fraud")


class WithWorker(Beside):
    """The service's caller and the worker beside it."""

    def work(self, until, limit=40):
        """Reconciles and controllers until the endpoint answers so."""
        for _ in range(limit):
            seen = self.api.get(PATH)
            if until(seen):
                return seen
            self.turn(KEY)
        raise AssertionError(seen.text)

    def serves(self, text):
        """Until the data plane does this, and nothing is left to do."""

        def there(answer):
            body = answer.json()
            observed = body["traffic"]["routed"]
            return observed is not None and observed["text"] == text and body["phase"] == "ready"

        return self.work(there).json()

    def etag(self):
        return {"If-Match": self.api.get(PATH).headers["etag"]}


@pytest.fixture
def world(api):
    api.models()
    body = {
        "name": "fraud",
        "model_id": "add_sub",
        "model_version_id": "1",
        "autoscaling": {"maxReplicas": 2},
    }
    api.ok("POST", "/api/v1/endpoints?namespace=team", body)
    made = WithWorker(api)
    made.serves("r1 100 %")
    return made


def test_by_hand_from_a_version_to_a_promotion_and_back(world):
    api = world.api
    started = api.ok("PATCH", PATH, {"canary_percent": 25, "model_version_id": "2", "reason": "v2"})
    world.serves("r1 75 %, r2 25 %")
    api.ok("PATCH", PATH, {"canary_percent": 50})
    world.serves("r1 50 %, r2 50 %")
    api.ok("PATCH", PATH, {"canary_percent": 10}, headers={"If-Match": '"1"'})
    world.serves("r1 90 %, r2 10 %")
    api.ok("PATCH", PATH, {"canary_percent": 100}, headers=world.etag())
    view = world.serves("r2 100 %")
    assert (view["stable"]["label"], view["candidate"], view["standby"]) == ("r2", None, [1])
    assert api.ok("GET", f"/api/v1/rollouts/{started['rollout']['id']}")["outcome"] == "promoted"
    back = api.ok("POST", f"{PATH}/undo")
    view = world.serves("r1 100 %")
    assert view["stable"]["label"] == "r1"
    assert api.ok("GET", f"/api/v1/rollouts/{back['id']}")["outcome"] == "promoted"
    assert api.ok("GET", "/api/v1/ledger/verify")["intact"] is True


def test_an_abort_rolls_back_and_a_retry_tries_again(world):
    api = world.api
    started = api.ok("PATCH", PATH, {"canary_percent": 40, "model_version_id": "2"})["rollout"]
    world.serves("r1 60 %, r2 40 %")
    api.ok("POST", f"/api/v1/rollouts/{started['id']}/abort", {"reason": "complaints"})
    world.serves("r1 100 %")
    ended = api.ok("GET", f"/api/v1/rollouts/{started['id']}")
    assert (ended["phase"], ended["outcome_message"]) == ("aborted", "abort by admin: complaints")
    again = api.ok("POST", f"/api/v1/rollouts/{started['id']}/retry")
    world.work(lambda answer: answer.json()["rollout"]["phase"] == "waiting")
    assert api.ok("GET", f"/api/v1/rollouts/{again['id']}")["attempt"] == 2


def test_superseding_aborts_then_starts(world):
    api = world.api
    api.ok("PATCH", PATH, {"canary_percent": 40, "model_version_id": "2"})
    world.serves("r1 60 %, r2 40 %")
    new = api.ok(
        "POST",
        f"{PATH}/rollouts?supersede=true",
        {"strategy": "blue-green", "model_version_id": "3"},
    )
    assert api.ok("GET", PATH)["rollout"]["pending"] == ["supersede"]

    def stands_beside(answer):
        rollout = answer.json()["rollout"]
        return rollout is not None and (rollout["id"], rollout["phase"]) == (new["id"], "waiting")

    world.work(stands_beside)
    api.ok("POST", f"/api/v1/rollouts/{new['id']}/promote", {"step": 1})
    assert world.serves("r3 100 %")["stable"]["label"] == "r3"


def test_taking_a_plan_over_and_giving_it_back(world):
    api = world.api
    body = {"strategy": "canary", "steps": [10, 20], "bake_seconds": 0, "model_version_id": "2"}
    rollout = api.ok("POST", f"{PATH}/rollouts", body)
    world.serves("r1 90 %, r2 10 %")
    api.ok("PATCH", f"{PATH}?force=true", {"canary_percent": 70})
    assert world.serves("r1 30 %, r2 70 %")["rollout"]["override"] == "admin"
    api.ok("POST", f"/api/v1/rollouts/{rollout['id']}/resume")
    assert world.serves("r1 90 %, r2 10 %")["rollout"]["override"] is None


def test_a_delete_ends_in_404_and_the_name_comes_back(world):
    api = world.api
    api.ok("PATCH", PATH, {"canary_percent": 40, "model_version_id": "2"})
    world.serves("r1 60 %, r2 40 %")
    api.ok("DELETE", PATH, headers=world.etag())
    world.work(lambda answer: answer.status_code == 404)
    body = {"name": "fraud", "model_id": "add_sub", "model_version_id": "2"}
    again = api.ok("POST", "/api/v1/endpoints?namespace=team", body)
    assert (again["stable"]["label"], again["phase"]) == ("r3", "pending")
    world.serves("r3 100 %")

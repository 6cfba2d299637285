"""An InferenceService of somebody else comes under Tidegate: asked over the API, carried out by
real reconciles."""

from dataclasses import replace

import pytest

from tests.deployment_service.test_with_worker import KEY, PATH, WithWorker
from tests.simulation.simulation import foreign
from tidegate.core.adopting import Found, Survey, survey
from tidegate.core.errors import Problem, Remediation
from tidegate.core.intent import Mode, Pods
from tidegate_local.played.api import HTTP_ROUTE, ISVC

pytestmark = pytest.mark.real
ADOPT = f"{PATH}/adopt"


@pytest.fixture
def world(api):
    """A cluster where somebody's own InferenceService serves; the worker looks with the real
    eyes."""
    api.models()
    made = WithWorker(api)
    made.lab.apply(foreign(Mode.STANDARD))
    made.lab.settle(30)
    existing = survey(made.lab.cluster.observe(KEY), KEY)
    assert isinstance(existing, Found)
    api.asker.seen = Survey(existing)
    return made


def test_adopted_rolled_out_and_back(world):
    api = world.api
    before = world.lab.get(ISVC, "fraud")
    made = api.ok("POST", ADOPT, {"model_id": "add_sub", "reason": "rollouts from now on"})
    assert made["stable"]["label"] == "r0"
    assert made["stable"]["adopted"] is True
    (message,) = (warning for warning in made["warnings"] if "goes on to r0 alone" in warning)
    assert "fraud-tidegate" in message
    world.serves("r0 100 %")
    assert world.lab.get(ISVC, "fraud") == before, "adoption wrote to its owner's object"

    api.ok("PATCH", PATH, {"canary_percent": 25, "model_version_id": "2"})
    world.work(lambda answer: answer.json()["traffic"]["routed"]["text"] == "r0 75 %, r1 25 %")
    api.ok("PATCH", PATH, {"canary_percent": 100}, headers=world.etag())
    world.serves("r1 100 %")
    api.ok("POST", f"{PATH}/undo", {"to": 0})
    world.serves("r0 100 %")
    assert world.lab.get(ISVC, "fraud")["spec"] == before["spec"]


def test_labels_that_stay_behind_are_warned_about(world):
    api = world.api
    api.asker.seen = Survey(replace(api.asker.seen.found, unshared=("team", "example.com/owner")))
    made = api.ok("POST", ADOPT, {})
    (warning,) = (text for text in made["warnings"] if "stay on r0 alone" in text)
    assert "team, example.com/owner" in warning


def test_what_was_taken_over_is_on_the_next_revision(world):
    """Its ServiceAccount, resources, nodes and the Secret of its object store."""
    api = world.api
    pods = Pods("4", "16Gi", "1Gi", "reader", "s3", (("gpu", "a100"),))
    result = api.asker.seen.found
    api.asker.seen = Survey(
        replace(result, runtime=replace(result.runtime, pods=pods, gpu=1, gpu_type="amd.com/gpu"))
    )
    api.ok("POST", ADOPT, {"model_id": "add_sub"})
    world.serves("r0 100 %")
    api.ok("PATCH", PATH, {"canary_percent": 25, "model_version_id": "2"})
    world.work(lambda answer: answer.json()["traffic"]["routed"]["text"] == "r0 75 %, r1 25 %")
    spec = world.lab.get(ISVC, "fraud-r1")["spec"]["predictor"]
    amounts = {"cpu": "4", "memory": "16Gi", "amd.com/gpu": "1"}
    assert spec["model"]["resources"] == {"limits": amounts, "requests": amounts}
    assert (spec["serviceAccountName"], spec["nodeSelector"]) == ("reader", {"gpu": "a100"})
    assert spec["annotations"] == {"serving.kserve.io/storageSecretName": "s3"}


def test_deleted_it_is_its_owners_again_and_may_come_back(world):
    api = world.api
    api.ok("POST", ADOPT, {})
    world.serves("r0 100 %")
    api.ok("DELETE", PATH, headers=world.etag())
    world.work(lambda answer: answer.status_code == 404)
    assert world.lab.names(ISVC) == ["fraud"]
    assert world.lab.names(HTTP_ROUTE) == []
    again = api.ok("POST", ADOPT, {})
    assert again["stable"]["label"] == "r0"
    assert again["generation"] == 3, "generations go on"
    world.serves("r0 100 %")


def test_another_one_of_the_same_name_cannot_be_r0_again(world):
    api = world.api
    api.ok("POST", ADOPT, {})
    world.serves("r0 100 %")
    api.ok("DELETE", PATH, headers=world.etag())
    world.work(lambda answer: answer.status_code == 404)
    result = api.asker.seen.found
    api.asker.seen = Survey(replace(result, adopted=replace(result.adopted, uid="another")))
    refused = api.post(ADOPT, {})
    assert refused.status_code == 409
    assert "r0 of team/fraud was another InferenceService" in refused.json()["detail"]
    assert api.get(PATH).status_code == 404, "nothing half-done"


def test_a_repeat_is_the_same_call_and_a_second_one_is_refused(world):
    api = world.api
    once = {"Idempotency-Key": "k1"}
    first = api.ok("POST", ADOPT, {}, headers=once)
    api.asker.seen = Survey(
        problems=(Problem("/name", "there is no InferenceService", Remediation("mend it")),)
    )
    assert api.ok("POST", ADOPT, {}, headers=once) == first
    refused = api.post(ADOPT, {})
    assert refused.status_code == 409
    assert "exists: start a rollout to bring a new version" in refused.json()["detail"]


def test_everything_in_the_way_is_named_and_nothing_is_left(world):
    api = world.api
    api.asker.seen = Survey(
        problems=(
            Problem("/name", "is not ready", Remediation("mend it")),
            Problem("/name", "has a transformer", Remediation("mend it")),
        )
    )
    refused = api.post(ADOPT, {})
    assert refused.status_code == 422
    assert [error["detail"] for error in refused.json()["errors"]] == [
        "is not ready",
        "has a transformer",
    ]
    api.asker.seen = Survey(trouble="the cluster does not answer")
    assert api.post(ADOPT, {}).status_code == 503
    api.asker.seen = Survey(survey(world.lab.cluster.observe(KEY), KEY))
    assert "there is no model 'nope'" in api.post(ADOPT, {"model_id": "nope"}).json()["detail"]
    dry = api.ok("POST", f"{ADOPT}?dry_run=true", {})
    assert dry["dry_run"] is True
    assert api.get(PATH).status_code == 404

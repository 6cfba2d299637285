"""The way back to a revision that exists is always open, also to one that was adopted."""

# ruff: noqa: F811  (the fixtures are named here for pytest)
from dataclasses import replace

import pytest

from tests.deployment_service.conftest import Api, api, database, make_api  # noqa: F401
from tests.deployment_service.test_with_worker import KEY, PATH, WithWorker
from tests.simulation.simulation import foreign
from tidegate.core.adopting import Found, Survey, survey
from tidegate.core.intent import Mode

pytestmark = pytest.mark.real


@pytest.fixture
def replaced(api: Api) -> WithWorker:
    """r0 was adopted, of a scheme that new models may not have; r1 is promoted; r0 still runs."""
    api.models()
    world = WithWorker(api)
    world.lab.apply(foreign(Mode.STANDARD))
    world.lab.settle(30)
    existing = survey(world.lab.cluster.observe(KEY), KEY)
    assert isinstance(existing, Found)
    elsewhere = replace(existing.model, uri="hdfs://namenode/models/fraud")
    api.asker.seen = Survey(replace(existing, model=elsewhere))
    api.ok("POST", f"{PATH}/adopt", {"model_id": "add_sub"})
    world.serves("r0 100 %")
    api.ok("PATCH", PATH, {"canary_percent": 25, "model_version_id": "2"})
    world.work(lambda answer: answer.json()["traffic"]["routed"]["text"] == "r0 75 %, r1 25 %")
    api.ok("PATCH", PATH, {"canary_percent": 100}, headers=world.etag())
    world.serves("r1 100 %")
    return world


@pytest.mark.parametrize("body", [{"to": 0}, {}], ids=["by-number", "the-last-one"])
def test_it_is_open_although_new_models_may_not_have_its_scheme(
    replaced: WithWorker, body: dict[str, int]
) -> None:
    answer = replaced.api.post(f"{PATH}/undo", body)
    assert answer.status_code == 202, answer.text
    replaced.serves("r0 100 %")

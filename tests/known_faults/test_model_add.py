"""`tidegate model add` registers what lies somewhere already, and has to warn as import does."""

# ruff: noqa: F811  (the fixtures are named here for pytest)
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.deployment_service.conftest import Api, api, database, make_api  # noqa: F401
from tests.known_faults.model_configs import GOOD, Config, write
from tidegate.deployment_service.app import create_app
from tidegate.settings import Settings
from tidegate.staging.registry import StagedRegistry

pytestmark = pytest.mark.real
SCHEMES = ("file", "gs")
NEGATIVE = Config(GOOD + "max_batch_size: -1")


@pytest.fixture
def reading(api: Api, database: str) -> Api:
    """The service with the registry that reads folders."""
    settings = Settings(database_url=database, tenant_default="open", schemes=SCHEMES)
    app = create_app(api.store, StagedRegistry(SCHEMES), settings, asker=api.asker)
    made = Api(api.store, TestClient(app), api.token, api.asker)
    made.ok("POST", "/api/v1/models", {"model_id": "fraud"})
    return made


def added(api: Api, uri: str) -> str:
    """What the answer to a registered version warns of."""
    answer = api.ok("POST", "/api/v1/models/fraud/versions", {"version_id": "1", "uri": uri})
    return "; ".join(answer.get("warnings", ()))


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="a version is registered by its folders alone; its config.pbtxt is not looked at",
)
def test_what_import_would_refuse_is_a_warning(reading: Api, tmp_path: Path) -> None:
    root = tmp_path / "models"
    write(root, "m", NEGATIVE)
    assert "m/config.pbtxt: max_batch_size" in added(reading, root.as_uri())


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="a model that only the cluster can read is registered unseen, and nothing says so",
)
def test_what_was_not_looked_at_is_told(reading: Api) -> None:
    assert "not looked at" in added(reading, "gs://bucket/models/fraud")

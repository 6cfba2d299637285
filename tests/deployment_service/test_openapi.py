"""The committed document is the service's, valid, complete, and true under random calls."""

import json
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from openapi_spec_validator import validate
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tidegate.deployment_service.openapi import text
from tidegate.web.keyring import rotated

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)


def test_the_committed_document_is_current():
    assert COMMITTED.read_text() == text(), (
        "run: python -m tidegate.deployment_service.openapi > docs/openapi.json"
    )


def test_the_document_is_valid_and_names_every_operation():
    document = json.loads(COMMITTED.read_text())
    validate(document)
    assert document["openapi"].startswith("3.1")
    ids = [
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
    ]
    assert len(ids) == len(set(ids))
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation.get("summary"), path
            if path.startswith("/api/"):
                assert {"401", "404", "422", "500", "503"} <= set(operation["responses"]), path


@pytest.mark.real
def test_no_random_call_finds_a_bug_or_an_undocumented_answer(make_api, tmp_path):
    """Every operation, a few dozen calls each, over an endpoint with a rollout that exist: path
    parameters are drawn from these now and then, so that the calls get past 404."""
    (tmp_path / "keys.json").write_text(rotated(None, "k1"))
    ring = tmp_path / "keys.json"
    api = make_api(tenants="team-a,team-b", keepalive=0.05, stream_limit=0.05, token_keys_file=ring)
    api.worker()
    api.endpoint()
    rollout = api.rollout(strategy="ab")
    known = {
        "namespace": "team-a",
        "name": "demo-triton",
        "rollout_id": rollout["id"],
        "model_id": "add_sub",
    }
    schema = schemathesis.openapi.from_asgi("/openapi.json", api.client.app, headers=api.auth)
    for result in schema.get_all_operations():
        _try(api, result.ok(), known)


def _try(api, operation, known):
    count = 0

    @settings(
        max_examples=25,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def run(case):
        nonlocal count
        count += 1
        if count % 3 and case.path_parameters:
            case.path_parameters = {
                name: known.get(name, value) for name, value in case.path_parameters.items()
            }
        case.call_and_validate(headers=api.auth, checks=CHECKS)

    run()

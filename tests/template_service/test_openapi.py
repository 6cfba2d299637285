"""The committed document is the service's, valid, complete, and true under random calls."""

import json
from pathlib import Path
from typing import Any

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

from tests.template_service.conftest import Make, Service
from tidegate.template_service.openapi import text

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi-templates.json"
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
AUTH = {"Authorization": "Bearer root"}


def test_the_committed_document_is_current() -> None:
    assert COMMITTED.read_text() == text(), "run: make openapi"


def test_the_document_is_valid_and_names_every_operation() -> None:
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
                assert {"401", "404", "422", "500", "502", "503"} <= set(operation["responses"]), (
                    path
                )


def test_no_random_call_finds_a_bug_or_an_undocumented_answer(make: Make) -> None:
    """Path parameters are drawn from what exists now and then, so that the calls get past 404."""
    service = make(stream_limit=0.01)
    run_id = service.submit().json()["run_id"]
    known = {"name": "rollout-canary", "run_id": run_id}
    schema = schemathesis.openapi.from_asgi("/openapi.json", service.client.app, headers=AUTH)
    for result in schema.get_all_operations():
        _try(service, result.ok(), known)


def _try(service: Service, operation: Any, known: dict[str, str]) -> None:
    count = 0

    @settings(
        max_examples=15,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def run(case: Any) -> None:
        nonlocal count
        count += 1
        if count % 3 and case.path_parameters:
            case.path_parameters = {
                name: known.get(name, value) for name, value in case.path_parameters.items()
            }
        case.call_and_validate(headers=AUTH, checks=CHECKS)

    run()

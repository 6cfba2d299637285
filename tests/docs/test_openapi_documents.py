"""Both OpenAPI documents tell a reader everything: what each field means, with an example; a
summary that no other operation has; an example of each answer. Names are the same going in and
coming out."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENTS = {
    name: json.loads((DOCS / name).read_text())
    for name in ("openapi.json", "openapi-templates.json")
}
CHANGED = frozenset({"dry_run", "warnings"})

documents = pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)


def fields(document: Any) -> Iterator[tuple[str, Any]]:
    for name, schema in document["components"]["schemas"].items():
        for field, part in schema.get("properties", {}).items():
            yield f"{name}.{field}", part


def operations(document: Any) -> Iterator[Any]:
    for path in document["paths"].values():
        yield from path.values()


def is_made_of_parts(schema: Any) -> bool:
    """Whether its examples are those of its parts: an object, or a list of objects."""
    return any(is_made_of_parts(each) for each in schema.get("anyOf", ())) or "$ref" in json.dumps(
        schema
    )


@documents
def test_every_field_is_described_and_has_an_example(document: Any) -> None:
    assert [name for name, part in fields(document) if not part.get("description")] == []
    bare = [
        name
        for name, part in fields(document)
        if "examples" not in part and not is_made_of_parts(part)
    ]
    assert bare == []


@documents
def test_every_parameter_is_described(document: Any) -> None:
    bare = [
        (operation["operationId"], parameter["name"])
        for operation in operations(document)
        for parameter in operation.get("parameters", ())
        if not parameter.get("description")
    ]
    assert bare == []


@documents
def test_no_two_operations_share_a_summary(document: Any) -> None:
    counts = Counter(operation["summary"] for operation in operations(document))
    assert [summary for summary, count in counts.items() if count > 1] == []


@documents
def test_every_json_body_has_an_example_that_fits_its_schema(document: Any) -> None:
    for operation in operations(document):
        bodies = [operation.get("requestBody", {})]
        bodies += [
            answer for status, answer in operation["responses"].items() if status.startswith("2")
        ]
        for body in bodies:
            content = body.get("content", {}).get("application/json")
            if content is not None and content.get("schema"):
                schema = {**content["schema"], "components": document["components"]}
                Draft202012Validator(schema).validate(content["example"])


@documents
def test_no_get_answers_what_only_a_change_does(document: Any) -> None:
    for path in document["paths"].values():
        answer = path.get("get", {}).get("responses", {}).get("200", {})
        example = answer.get("content", {}).get("application/json", {}).get("example")
        assert not CHANGED & _names(example)


def _names(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {*value, *(name for part in value.values() for name in _names(part))}
    if isinstance(value, list):
        return {name for part in value for name in _names(part)}
    return set()


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ("RuntimeConfig", "RuntimeConfigOut"),
        ("ResourcesIn", "ResourcesOut"),
        ("TolerationIn", "TolerationOut"),
        ("SecurityIn", "SecurityOut"),
        ("SecretIn", "SecretOut"),
        ("BatcherIn", "BatcherOut"),
        ("Autoscaling", "AutoscalingOut"),
        ("NewEndpoint", "SpecOut"),
        ("StepIn", "StepOut"),
        ("HeaderIn", "HeaderOut"),
        ("GuardIn", "GuardOut"),
        ("AllowedBody", "AllowedOut"),
        ("LimitsBody", "LimitsOut"),
        ("NewVersion", "VersionOut"),
        ("NewModel", "ModelOut"),
        ("NewBinding", "BindingOut"),
        ("EvidenceIn", "ExperimentOut"),
    ],
)
def test_what_goes_in_comes_out_under_the_same_names(sent: str, answered: str) -> None:
    schemas = DOCUMENTS["openapi.json"]["components"]["schemas"]
    assert set(schemas[sent]["properties"]) <= set(schemas[answered]["properties"])

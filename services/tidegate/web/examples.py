"""What a reader of the OpenAPI document needs beside the schemas.

A summary of its own for each operation, what a path's parameters mean, and an example of each body,
put together from the examples of its fields.
"""

import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
JSON = "application/json"
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_PARAMETERS = {
    "namespace": ("Namespace (the tenant); `*` where every namespace is meant", "team-a"),
    "name": ("Name of the endpoint or the template", "fraud"),
    "model_id": ("Id of the model", "add_sub"),
    "rollout_id": ("Id of the rollout, or its beginning: six characters at least", "7c9e6679"),
    "role": ("Role that is asked about", "editor"),
    "user": ("Name of the user", "ann"),
    "group": ("Name of the group", "oidc:ml-platform"),
    "token": ("Name of the token", "ci"),
    "run_id": ("Id of the run in KFP", "2f6e1c1a-0000-4000-8000-000000000000"),
    "submission_id": ("Id of what Tidegate submitted to KFP", "4f0e9a530b7b4c1f"),
    "limit": ("Most runs in the answer", 50),
    "verbose": ("Answer every check as JSON", True),
}


def described(document: Json) -> Json:
    """The document, with summaries, descriptions of parameters and examples of bodies."""
    schemas = document["components"]["schemas"]
    for operation in _operations(document):
        operation["summary"] = summary(operation["operationId"])
        for parameter in operation.get("parameters", ()):
            _describe(parameter)
        for content in _bodies(operation):
            content.setdefault("example", example(content["schema"], schemas))
    return document


def summary(operation_id: str) -> str:
    """`listModelVersions` as `List model versions`."""
    words = " ".join(word.lower() for word in _WORD.findall(operation_id))
    return words.capitalize()


def example(schema: Json, schemas: Json) -> Any:
    """A value of this schema, made of the examples that it and its parts have."""
    if "examples" in schema:
        return schema["examples"][0]
    if "$ref" in schema:
        return example(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for name in ("anyOf", "oneOf", "allOf"):
        if name in schema:
            return example(schema[name][0], schemas)
    if "properties" in schema:
        return {name: example(part, schemas) for name, part in schema["properties"].items()}
    if schema.get("type") == "array":
        if "items" not in schema:
            return []
        return [example(schema["items"], schemas)]
    return schema.get("default")


def _operations(document: Json) -> Iterator[Json]:
    for operations in document["paths"].values():
        yield from operations.values()


def _describe(parameter: Json) -> None:
    description, value = _PARAMETERS.get(parameter["name"], ("", None))
    if not parameter.get("description"):
        parameter["description"] = description
    if parameter["in"] == "path":
        parameter.setdefault("example", value)


def _bodies(operation: Json) -> Iterator[Json]:
    """The JSON that is sent, and that which a success answers."""
    answers = [
        answer for status, answer in operation["responses"].items() if status.startswith("2")
    ]
    for body in (operation.get("requestBody", {}), *answers):
        content = body.get("content", {}).get(JSON)
        if content is not None and content.get("schema"):
            yield content

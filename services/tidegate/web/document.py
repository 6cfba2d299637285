"""The OpenAPI document, as the framework makes it from the routes, with our problems in place of
its own errors."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from tidegate.schemas.responses.problems import ProblemBody
from tidegate.web.examples import described
from tidegate.web.problems import MEDIA_TYPE


def document(app: FastAPI) -> dict[str, Any]:
    """The document of this app, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            openapi_version="3.1.0",
        )
        schemas = made["components"]["schemas"]
        problem = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= {**problem.pop("$defs"), "Problem": problem}
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        app.openapi_schema = _tidied(made)
    return app.openapi_schema


def _tidied(made: dict[str, Any]) -> dict[str, Any]:
    """Each problem is described once and referred to; the framework's own 422 is ours."""
    shared: dict[str, Any] = {}
    for operations in made["paths"].values():
        for operation in operations.values():
            answers = operation["responses"]
            for status, answer in answers.items():
                content = answer.get("content", {})
                if MEDIA_TYPE in content or (status == "422" and "application/json" in content):
                    shared[f"Problem{status}"] = {
                        "description": answer["description"],
                        "content": {
                            MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}
                        },
                    }
                    answers[status] = {"$ref": f"#/components/responses/Problem{status}"}
    made["components"]["responses"] = shared
    return described(made)

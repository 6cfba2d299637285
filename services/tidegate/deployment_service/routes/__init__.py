"""The routes under /api/v1: thin; what they do is in the modules beside this folder."""

from typing import Any

from pydantic import BaseModel

from tidegate.web.problems import responses

PREFIX = "/api/v1"
READ = responses(400, 401, 403, 404, 405, 422, 500, 503)
WRITE = responses(400, 401, 403, 404, 405, 408, 409, 412, 413, 415, 422, 500, 503)
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "If-None-Match names the present ETag"}
}


def writes(status: int, model: type[BaseModel], *more: int) -> dict[str, Any]:
    """Arguments of a route decorator: the success, the dry run's 200, and every problem."""
    dry: dict[int | str, dict[str, Any]] = {}
    if status != 200:
        dry = {
            200: {"model": model, "description": "Dry run: what would happen; nothing was written"}
        }
    return {
        "status_code": status,
        "response_model": model,
        "responses": {**WRITE, **responses(*more), **dry},
    }

"""What the parts of the stand-in of KFP share: its errors, and what it makes of a body."""

import email
import re
from typing import Any

import httpx2

Json = dict[str, Any]
GRPC = {400: 3, 401: 16, 403: 7, 404: 5, 409: 6, 500: 13, 504: 4}


class Refused(Exception):  # noqa: N818  (an answer, named after what it is)
    """An error answer. upload: in the other shape that the upload service has."""

    def __init__(self, status: int, message: str, upload: bool = False) -> None:
        super().__init__(message)
        words = {"error_message": message, "error_details": message}
        self.answer = httpx2.Response(
            status,
            json=words
            if upload
            else {"error": message, "code": GRPC[status], "message": message, "details": []},
        )


def by(items: list[Json], key: str, value: str) -> Json:
    for item in items:
        if item[key] == value:
            return item
    raise Refused(404, f"ResourceNotFoundError: {key} {value} not found.")


def file_of(request: httpx2.Request) -> str:
    """The part `uploadfile` of a multipart body."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    for part in email.message_from_bytes(head + request.content).walk():
        if part.get_param("name", header="content-disposition") == "uploadfile":
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            return payload.decode()
    raise Refused(400, "Failed to read pipeline from file", True)


def check_shape(spec: Json) -> None:
    if spec.get("schemaVersion") != "2.1.0":
        raise Refused(
            400, f"InvalidInputError: unsupported schema version {spec.get('schemaVersion')}"
        )
    name = spec.get("pipelineInfo", {}).get("name", "")
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name) or "root" not in spec:
        raise Refused(
            400, "InvalidInputError: pipeline's name must contain only lower case characters or '-'"
        )

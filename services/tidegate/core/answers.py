"""What an answer says of the revision that gave it, and what it is called: one table for every
meter.

An error is a fault of the server: HTTP 5xx, and the grpc-status that OpenTelemetry calls errors of
a server (https://opentelemetry.io/docs/specs/semconv/rpc/grpc/). A rejection is an answer that the
server gave on purpose: the other 4xx and grpc-status. It may be the client's own mistake, so it is
only compared with stable's, where such mistakes cancel. Saturation is a rejection for want of
capacity: 429 and RESOURCE_EXHAUSTED. A gRPC error is an HTTP 200, so gRPC is judged by grpc-status
alone.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

Spoken = Literal["http", "grpc"]


class AnswerKind(StrEnum):
    """What an answer says of its revision."""

    FINE = "fine"
    ERROR = "error"
    REJECTION = "rejection"
    SATURATION = "saturation"


_SATURATED_HTTP = 429
_GRPC_KINDS: Mapping[int, AnswerKind] = {
    0: AnswerKind.FINE,
    1: AnswerKind.REJECTION,  # CANCELLED
    3: AnswerKind.REJECTION,  # INVALID_ARGUMENT
    5: AnswerKind.REJECTION,  # NOT_FOUND
    6: AnswerKind.REJECTION,  # ALREADY_EXISTS
    7: AnswerKind.REJECTION,  # PERMISSION_DENIED
    8: AnswerKind.SATURATION,  # RESOURCE_EXHAUSTED
    9: AnswerKind.REJECTION,  # FAILED_PRECONDITION
    10: AnswerKind.REJECTION,  # ABORTED
    11: AnswerKind.REJECTION,  # OUT_OF_RANGE
    16: AnswerKind.REJECTION,  # UNAUTHENTICATED
}  # every other one is an error
_GRPC_NAMES = (  # in the order of their numbers, gRPC's status codes
    *(
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
    ),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE"),
    *("UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
)


def kind_of(spoken: str, code: int) -> AnswerKind:
    """What an answer says. `code`: HTTP status, or grpc-status where `spoken` is grpc."""
    if spoken == "grpc":
        return _GRPC_KINDS.get(code, AnswerKind.ERROR)
    if 200 <= code < 400:
        return AnswerKind.FINE
    if code == _SATURATED_HTTP:
        return AnswerKind.SATURATION
    if 400 <= code < 500:
        return AnswerKind.REJECTION
    return AnswerKind.ERROR


def cause(spoken: str, code: int) -> str:
    """What people read: `http 503`, `grpc INTERNAL`."""
    if spoken == "http":
        return f"http {code}"
    return f"grpc {_GRPC_NAMES[code] if 0 <= code < len(_GRPC_NAMES) else code}"

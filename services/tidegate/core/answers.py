"""Which answers speak against a revision, and what they are called: one rule for every meter.

Bad is every HTTP status that is not 2xx/3xx, except 401, 403 and 429, and every grpc-status except
OK, PERMISSION_DENIED, RESOURCE_EXHAUSTED and UNAUTHENTICATED. 400 and 404 count: they are compared
with stable's, so that clients' own mistakes cancel. A gRPC error is an HTTP 200, so gRPC is judged
by grpc-status alone.
"""

from typing import Literal

Spoken = Literal["http", "grpc"]

_NOT_BAD_HTTP = frozenset({401, 403, 429})
_NOT_BAD_GRPC = frozenset({0, 7, 8, 16})
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


def is_bad(spoken: str, code: int) -> bool:
    """Whether an answer speaks against a revision. `code`: HTTP status, or grpc-status where
    `spoken` is grpc."""
    if spoken == "grpc":
        return code not in _NOT_BAD_GRPC
    return not 200 <= code < 400 and code not in _NOT_BAD_HTTP


def cause(spoken: str, code: int) -> str:
    """What people read: `http 503`, `grpc INTERNAL`."""
    if spoken == "http":
        return f"http {code}"
    return f"grpc {_GRPC_NAMES[code] if 0 <= code < len(_GRPC_NAMES) else code}"

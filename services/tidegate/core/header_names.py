"""Names of headers that choose nobody: every client or proxy sends them by itself, so a match on
one may be everybody, without a step between."""

import re

_EVERYBODY = re.compile(
    r"host|content-.*|user-agent|authorization|accept.*|connection|te|via|forwarded|x-forwarded-.*"
    r"|x-request-id|x-envoy-.*|x-real-ip|grpc-.*|traceparent|tracestate|x-b3-.*",
    re.IGNORECASE,
)


def may_be_everybody(header: str) -> bool:
    """Whether requests carry a header without their sender's doing."""
    return _EVERYBODY.fullmatch(header) is not None

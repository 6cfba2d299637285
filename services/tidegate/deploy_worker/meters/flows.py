"""Begun and answered requests of one revision and protocol, by what its proxy counts.

| proxy | lost requests | requests that still wait |
| --- | --- | --- |
| Envoy Gateway's Envoy | begun, less answered, less active (`envoy_flow`) | the same counters |
| Istio's gateway | `istio_requests_total` with response code 0, whatever the flag (DC, DR, …) | untold |
| Knative's queue-proxy | untold: a request whose client left counts as a 200 | untold |

Requests within a gRPC stream (`ModelStreamInfer`) are untold everywhere.

What a proxy answers itself, such as a 503 with the flags UF, UH or UC or a 504 with UT, is an
answer and counts as one.
"""

from collections.abc import Mapping

from tidegate.core.answers import Spoken
from tidegate.core.lost import Flow
from tidegate.deploy_worker.meters.envoy_flow import (
    ACTIVE,
    COMPLETED,
    DENIED,
    MESSAGES,
    OVER_LIMIT,
    STREAMED,
    grpc_flow,
    http_flow,
)

_PREFIX = "envoy_cluster_"
_MESSAGE_COUNT = "request_message_count"
# Their names may hold the filter's own prefix
_FILTERS = {"_denied": DENIED, "_over_limit": OVER_LIMIT}
LOST = "lost"  # the name under which a proxy's own count of lost requests is kept
# for a person
STREAMS = (
    "of gRPC streams (ModelStreamInfer) no request without an answer is counted: one stream "
    "carries any number of them"
)


def counter_name(metric: str, method: str) -> str:
    """Envoy's name of a counter that Prometheus shows as `metric`. method: of gRPC, where a label
    tells it instead of the name."""
    for ending, name in _FILTERS.items():
        if metric.endswith(ending):
            return name
    if not metric.endswith(_MESSAGE_COUNT):
        return metric.removeprefix(_PREFIX)
    streams = "ModelStreamInfer" in metric or method == "ModelStreamInfer"
    if streams:
        return STREAMED
    return MESSAGES


def flow(spoken: Spoken, counts: Mapping[str, int], answered: int) -> Flow | None:
    """counts: by `counter_name`, or `LOST`. answered: answers with any code. None: the proxy does
    not tell."""
    if LOST in counts:
        # One counter cannot be torn
        return Flow(answered + counts[LOST], answered, 0, settled=True)
    if COMPLETED not in counts or ACTIVE not in counts:
        return None
    if spoken == "http":
        return http_flow(counts)
    return grpc_flow(counts, answered)

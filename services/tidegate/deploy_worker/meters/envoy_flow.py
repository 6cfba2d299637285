"""Which of Envoy's cluster counters say that a request began, and that it was answered.

Measured on a real Envoy (tests/local/test_proxy_counters.py has the table); Envoy Gateway and the
local plane have the same counters under other names. `upstream_rq_total` counts attempts that got a
connection, so attempts that got none are added, and retries, each of which is one more attempt of
the same request, are taken off:

    begun = rq_total + rq_pending_failure_eject + rq_pending_overflow + rq_active_overflow
            + cx_none_healthy + rq_cancelled - rq_retry

Over HTTP/2 `rq_pending_failure_eject` also counts streams that had a connection and lost it, so a
server that dies would look like lost requests. There, and gRPC is always there, the messages are
counted that clients sent with `ModelInfer`: one for each request, whatever is retried; local
replies come before any message. A request that waits for a connection or for its next attempt is
in no gauge of active ones; the number of attempts tells how many may wait so.

Filters that answer before a request reaches its revision charge their answer to its cluster, too:
`ext_authz` what it denies, `ratelimit` what is over a limit. They count it beside (`filtered`), so
that it is taken off what was answered. Other filters (RBAC, JWT, local rate limits, faults) charge
nothing to a cluster.

A stream (`ModelStreamInfer`) has any number of messages, and an end only where the client wants
one. Nobody can tell which of them are lost.
"""

from collections.abc import Mapping

from tidegate.core.lost import Flow

TOTAL = "upstream_rq_total"
RETRY = "upstream_rq_retry"
COMPLETED = "upstream_rq_completed"
EJECTED = "upstream_rq_pending_failure_eject"
CANCELLED = "upstream_rq_cancelled"
# answered by the proxy itself, before any attempt
LOCAL = ("upstream_cx_none_healthy", "upstream_rq_pending_overflow", "upstream_rq_active_overflow")
ACTIVE = "upstream_rq_active"
DENIED = "ext_authz.denied"
OVER_LIMIT = "ratelimit.over_limit"
MESSAGES = "ModelInfer.request_message_count"
STREAMED = "ModelStreamInfer.request_message_count"
COUNTERS = (TOTAL, RETRY, COMPLETED, EJECTED, CANCELLED, *LOCAL)


def http_flow(counts: Mapping[str, int]) -> Flow:
    """Of a cluster that speaks HTTP/1.1. A counter that is missing is 0."""
    return Flow(_begun(counts), _completed(counts), counts.get(ACTIVE, 0))


def grpc_flow(counts: Mapping[str, int], answered: int) -> Flow | None:
    """Of a cluster that speaks gRPC, `answered`: answers to `ModelInfer` with any grpc-status.
    None: some of its requests are streams.

    A retry and a local reply in one interval may belong to the same request, which would then be
    begun twice: unclear. What a filter behind the counting one answers has a status; it has a
    message, too, if that filter asked somebody first. One that did not charges nothing to the
    cluster, which tells such statuses.
    """
    if counts.get(STREAMED, 0):
        return None
    local = _local(counts)
    started = counts.get(MESSAGES, 0) + local
    answered = min(answered, counts.get(COMPLETED, 0))
    at_most = _begun(counts) - _completed(counts)
    waiting = max(0, started - answered - at_most)  # for a connection, or the next attempt
    unclear = min(local, counts.get(RETRY, 0))
    return Flow(started, answered, counts.get(ACTIVE, 0) + waiting, unclear=unclear)


def _begun(counts: Mapping[str, int]) -> int:
    attempts = sum(counts.get(name, 0) for name in (TOTAL, EJECTED, CANCELLED)) + _local(counts)
    return attempts - counts.get(RETRY, 0)


def _completed(counts: Mapping[str, int]) -> int:
    """Answers of the revision, or of the router in its place."""
    return counts.get(COMPLETED, 0) - counts.get(DENIED, 0) - counts.get(OVER_LIMIT, 0)


def _local(counts: Mapping[str, int]) -> int:
    return sum(counts.get(name, 0) for name in LOCAL)

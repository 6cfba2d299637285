"""Answers that a filter of the proxy gave before the request reached its revision, taken off the
revision's answers.

Measured on a real Envoy (tests/local/test_proxy_counters.py), what each charges to the cluster:

| filter | HTTP | gRPC, before the filter that counts statuses | gRPC, behind it |
| --- | --- | --- | --- |
| `ext_authz` denies | its status, mostly 401 or 403 | nothing | grpc-status 7 |
| `ext_authz` cannot ask | nothing | nothing | - |
| `ratelimit`, over a limit | 429 | nothing | grpc-status 14 |
| RBAC, local rate limit, fault | nothing | nothing | a status |

Envoy Gateway puts `ext_authz` before the counting filter and rate limits behind it. It counts how
much each of the first two stopped, and not with which status: denials are taken off the statuses
that they mostly have. A revision that answers 403 itself beside denials of another status seems to
answer it less often, by as many. What no counter tells, such as a local rate limit's grpc-status,
comes to both revisions alike and cancels in the comparison.
"""

from collections.abc import Iterator, Sequence

from tidegate.core.answers import Spoken
from tidegate.deploy_worker.meters.envoy_flow import DENIED, OVER_LIMIT
from tidegate.deploy_worker.meters.profiles import Kind, Meaning

Answer = tuple[Spoken, int, int]
_OVER_LIMIT: dict[Spoken, tuple[int, ...]] = {"http": (429,), "grpc": (14,)}
_DENIED = (403, 401, 407, 302, 303, 307)


def without_filtered(
    answers: Sequence[Answer], counts: Sequence[tuple[Meaning, int]]
) -> tuple[Answer, ...]:
    """Answers as (protocol, code, count) without those that a filter gave. counts: of the same
    source and revision."""
    result = answers
    for meaning, stopped in counts:
        if meaning.kind is not Kind.FLOW:
            continue
        if meaning.name == OVER_LIMIT:
            codes = _OVER_LIMIT[meaning.spoken]
            result = tuple(_less(result, meaning.spoken, codes, stopped))
        if meaning.name == DENIED and meaning.spoken == "http":
            result = tuple(_less(result, "http", _DENIED, stopped))
    return tuple(result)


def _less(
    answers: Sequence[Answer], spoken: Spoken, codes: tuple[int, ...], stopped: int
) -> Iterator[Answer]:
    """The answers with `stopped` fewer of these codes, as far as there are so many, in order."""
    ordered = sorted(answers, key=lambda answer: _position(answer, codes))
    for protocol, code, count in ordered:
        taken = 0
        if protocol == spoken and code in codes:
            taken = min(stopped, count)
        stopped -= taken
        yield protocol, code, count - taken


def _position(answer: Answer, codes: tuple[int, ...]) -> int:
    if answer[1] in codes:
        return codes.index(answer[1])
    return len(codes)

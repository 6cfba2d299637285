"""What a real Envoy's counters say of requests that end in every way: the table behind
`meters.envoy_flow`.

Each case plays requests one after the other, over HTTP/1.1 and over gRPC. Right is: as many begun
as clients sent, and as many lost as got no answer.
"""

import asyncio
import re
from functools import partial
from pathlib import Path

import pytest

from tests.local.measured_proxy import Case, Proxy, measured
from tests.local.misbehaving import Behaviour, always, in_turn
from tidegate.core.lost import Flow
from tidegate.deploy_worker.meters.envoy_flow import grpc_flow, http_flow

pytestmark = pytest.mark.real
B = Behaviour

CASES = (
    Case("answers", lambda: always(B.ANSWER)),
    Case("server-errors", lambda: always(B.ERROR)),
    Case("client-leaves", lambda: always(B.HANG), leaves=True, lost=(4, 4)),
    Case("client-leaves-half", lambda: in_turn(B.HANG, B.ANSWER), leaves=True, lost=(2, 2)),
    Case("client-waits", lambda: always(B.HANG), clients_wait=True),
    Case("server-closes", lambda: always(B.CLOSE)),
    Case("server-resets", lambda: always(B.RESET)),
    Case("stream-refused", lambda: always(B.REFUSE), protocols=("grpc",)),
    Case("stream-refused-once", lambda: in_turn(B.REFUSE, B.ANSWER), protocols=("grpc",)),
    Case("body-under-way", lambda: always(B.STREAM), clients_wait=True),
    Case("client-leaves-body", lambda: always(B.STREAM), leaves=True, body=True),
    # over HTTP/1.1 it counts as a 200; gRPC's status is in the trailers, which never come
    Case("body-cut", lambda: always(B.CUT), lost=(0, 4)),
    Case("dead-server", address="dead"),
    Case("dead-server-no-retry", address="dead", retry_on=""),
    Case("no-server", address="none"),
    Case("route-timeout", lambda: always(B.HANG), timeout_s=0.1),
    Case("too-many", lambda: always(B.ANSWER), limits={"max_pending_requests": 0}),
    Case("retry-reset", lambda: in_turn(B.RESET, B.ANSWER), retry_on="reset"),
    Case("retry-reset-fails", lambda: always(B.RESET), retry_on="reset"),
    Case(
        "retry-reset-then-leaves",
        lambda: in_turn(B.RESET, B.HANG),
        retry_on="reset",
        leaves=True,
        lost=(4, 4),
    ),
    Case("retry-5xx", lambda: in_turn(B.UNAVAILABLE, B.ANSWER), retry_on="5xx"),
    Case("retry-5xx-fails", lambda: always(B.UNAVAILABLE), retry_on="5xx"),
    Case(
        "retry-5xx-then-leaves",
        lambda: in_turn(B.UNAVAILABLE, B.HANG),
        retry_on="5xx",
        leaves=True,
        lost=(4, 2),
    ),
    Case(
        "retry-tries-time-out",
        lambda: in_turn(B.HANG, B.ANSWER),
        retry_on="reset,5xx",
        retry={"per_try_timeout": "0.05s"},
    ),
)


RUNS = [pytest.param(case, p, id=f"{case.name}-{p}") for case in CASES for p in case.protocols]
Table = dict[tuple[str, str], dict[str, int]]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """Every case's counters, in one run of one Envoy."""
    return asyncio.run(_measure(tmp_path_factory.mktemp("proxy")))


async def _measure(folder: Path) -> Table:
    async with measured(CASES, folder) as proxy:
        for case in CASES:
            for protocol in case.protocols:
                await proxy.until(partial(_at_rest, proxy, case, protocol))
        return {
            (case.name, protocol): await proxy.counts(f"{case.name}--{protocol}")
            for case in CASES
            for protocol in case.protocols
        }


async def _at_rest(proxy: Proxy, case: Case, protocol: str) -> bool:
    """Whether nothing is under way but what clients hold on to."""
    counts = await proxy.counts(f"{case.name}--{protocol}")
    active = 0
    if case.clients_wait:
        active = case.requests
    return counts.get("upstream_rq_active", 0) == active


def flow_of(protocol: str, counts: dict[str, int]) -> Flow:
    if protocol == "http":
        return http_flow(counts)
    statuses = (name for name in counts if re.fullmatch(r"ModelInfer\.\d+", name))
    flow = grpc_flow(counts, sum(counts[name] for name in statuses))
    assert flow is not None
    return flow


@pytest.mark.parametrize(("case", "protocol"), RUNS)
def test_every_request_is_begun_once_and_lost_where_it_got_no_answer(
    table: Table, case: Case, protocol: str
) -> None:
    counts = table[case.name, protocol]
    flow = flow_of(protocol, counts)
    assert flow.started == case.requests, counts
    assert max(flow.ended, 0) == case.lost[protocol == "grpc"], counts

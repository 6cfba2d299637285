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
from _pytest.mark.structures import ParameterSet

from tests.local.measured_proxy import Case, Proxy, measured
from tests.local.misbehaving import Behaviour, always, in_turn
from tidegate.core.answers import Spoken
from tidegate.core.lost import Flow
from tidegate.deploy_worker.meters.envoy_flow import DENIED, OVER_LIMIT, grpc_flow, http_flow
from tidegate.deploy_worker.meters.filtered import without_filtered
from tidegate.deploy_worker.meters.profiles import Kind, Meaning

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
ANSWERS = partial(always, B.ANSWER)
# Filters that answer instead of the revision. Behind: the filter that counts gRPC's statuses comes
# before it, as it comes before Envoy Gateway's rate limits and not before its `ext_authz`.
STOPPED = (
    Case("denied", ANSWERS, stops="authz-denies", stopped=4),
    Case("denied-behind", ANSWERS, stops="authz-denies-behind", stopped=4),
    *(
        Case(
            f"denied-half-{protocol}",
            partial(always, B.HANG),
            stops=f"authz-denies-half-{protocol}",
            stopped=2,
            leaves=True,
            lost=(2, 2),
            protocols=(protocol,),
        )
        for protocol in ("http", "grpc")
    ),
    Case("denied-unasked", ANSWERS, stops="authz-fails", stopped=4),
    Case("allowed", ANSWERS, stops="authz-allows"),
    Case("over-limit", ANSWERS, stops="limit", stopped=4),
    Case("over-limit-behind", ANSWERS, stops="limit-behind", stopped=4),
    Case("over-local-limit", ANSWERS, stops="local-limit", stopped=3, protocols=("http",)),
    Case("forbidden-by-rbac", ANSWERS, stops="rbac", stopped=4),
    Case("forbidden-by-rbac-behind", ANSWERS, stops="rbac-behind", stopped=4),
    Case("fault", ANSWERS, stops="fault", stopped=4),
)
ASKS_BEHIND = {"denied-behind", "over-limit-behind"}
UNTOLD = {"denied-behind", "forbidden-by-rbac-behind"}


def runs(cases: tuple[Case, ...]) -> list[ParameterSet]:
    return [pytest.param(case, p, id=f"{case.name}-{p}") for case in cases for p in case.protocols]


Table = dict[tuple[str, str], dict[str, int]]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """Every case's counters, in one run of one Envoy."""
    return asyncio.run(_measure(tmp_path_factory.mktemp("proxy")))


async def _measure(folder: Path) -> Table:
    cases = (*CASES, *STOPPED)
    async with measured(cases, folder) as proxy:
        for case in cases:
            for protocol in case.protocols:
                await proxy.until(partial(_at_rest, proxy, case, protocol))
        return {
            (case.name, protocol): await proxy.counts(f"{case.name}--{protocol}")
            for case in cases
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


@pytest.mark.parametrize(("case", "protocol"), runs(CASES))
def test_every_request_is_begun_once_and_lost_where_it_got_no_answer(
    table: Table, case: Case, protocol: str
) -> None:
    counts = table[case.name, protocol]
    flow = flow_of(protocol, counts)
    assert flow.started == case.requests, counts
    assert max(flow.ended, 0) == case.lost[protocol == "grpc"], counts


@pytest.mark.parametrize(("case", "protocol"), runs(STOPPED))
def test_what_a_filter_answers_is_no_loss_and_hides_none(
    table: Table, case: Case, protocol: str
) -> None:
    counts = table[case.name, protocol]
    flow = flow_of(protocol, counts)
    sent = case.requests - case.stopped
    if protocol == "grpc" and case.name in ASKS_BEHIND:
        sent = case.requests
    assert flow.started == sent, counts
    assert flow.ended == case.lost[protocol == "grpc"], counts
    assert flow.active == 0, counts


@pytest.mark.parametrize(("case", "protocol"), runs(STOPPED))
def test_what_a_filter_answers_is_no_answer_of_the_revision(
    table: Table, case: Case, protocol: str
) -> None:
    """But for those that no counter tells, which come to both revisions alike."""
    statuses = answers_of(protocol, table[case.name, protocol])
    expected = {"http": {200: case.requests - case.stopped}, "grpc": {0: 4 - case.stopped}}[
        protocol
    ]
    if case.lost != (0, 0):
        expected = {}
    if protocol == "grpc" and case.name in UNTOLD:
        expected = {7: 4}
    assert {code: n for code, n in statuses.items() if n} == {
        c: n for c, n in expected.items() if n
    }


def answers_of(protocol: str, counts: dict[str, int]) -> dict[int, int]:
    """The answers by code that are left, by the meter's own rule."""
    spoken: Spoken = "http"
    pattern = r"upstream_rq_(\d{3})"
    if protocol == "grpc":
        spoken = "grpc"
        pattern = r"ModelInfer\.(\d+)"
    matches = [(re.fullmatch(pattern, name), n) for name, n in counts.items()]
    answers = [(spoken, int(match[1]), n) for match, n in matches if match]
    names = {DENIED: counts.get(DENIED, 0), OVER_LIMIT: counts.get(OVER_LIMIT, 0)}
    filtered = [(Meaning(Kind.FLOW, 1, spoken, name=name), n) for name, n in names.items()]
    return {code: n for _, code, n in without_filtered(answers, filtered)}

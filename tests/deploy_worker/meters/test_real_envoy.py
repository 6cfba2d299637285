"""What a real Envoy calls its counters, read by the meter: every final answer once, for the
revision that gave it."""

from pathlib import Path

import pytest

from tests.deploy_worker.meters.fake_prometheus import FakePrometheus
from tests.deploy_worker.meters.real_gateway import Gateway, gateway
from tests.deploy_worker.meters.world import KEY, START
from tidegate.core.evidence import Counters, Scrape
from tidegate.core.lost import Flow
from tidegate.core.ports import NoData
from tidegate.deploy_worker.meters.doctor import check
from tidegate.deploy_worker.meters.flows import STREAMS
from tidegate.deploy_worker.meters.profiles import ENVOY_GATEWAY
from tidegate.deploy_worker.meters.prometheus import PrometheusMeter, Reach
from tidegate.deploy_worker.meters.series import Prometheus
from tidegate.deploy_worker.meters.slots import Slots

pytestmark = pytest.mark.real
SPLIT = Slots((4, 7), frozenset({4, 7}), START - 10)


SHADOW = Slots((4, 7), frozenset({4}), START - 10, copies=(7,))


def read(
    envoy: Gateway, prometheus: FakePrometheus, at: float, slots: Slots = SPLIT
) -> PrometheusMeter:
    envoy.scrape(prometheus, at)
    prometheus.now = at + 1
    api = Prometheus("http://prometheus", lambda: at, transport=prometheus)
    return PrometheusMeter(api, ENVOY_GATEWAY, lambda _key: slots, Reach(interval=15))


def test_http_and_grpc_of_both_revisions(tmp_path: Path) -> None:
    with gateway(tmp_path, START - 3600) as envoy:
        prometheus = FakePrometheus(START)
        assert envoy.grpc(0, 13) == 13
        read(envoy, prometheus, START)  # what came before is not counted
        sent = [(0, 200), (0, 200), (0, 404), (1, 200), (1, 500), (1, 502), (1, 429)]
        assert [envoy.http(slot, code) for slot, code in sent] == [code for _, code in sent]
        spoken = [(0, 0), (0, 3), (1, 0), (1, 13), (1, 13), (1, 16)]
        assert [envoy.grpc(slot, code) for slot, code in spoken] == [code for _, code in spoken]
        assert envoy.grpc(1, 5, "ModelReady") == 5  # a health call is no answer of the model
        envoy.wait_for_histograms(9)
        meter = read(envoy, prometheus, START + 15)
        seen = meter.scrape(KEY)
        assert isinstance(seen, Scrape), seen
        by_revision = {reading.revision: reading.counters for reading in seen.readings}
        assert _plain(by_revision[4]) == (5, 0, 2, {"grpc INVALID_ARGUMENT": 1, "http 404": 1})
        assert _plain(by_revision[7]) == (
            8,
            4,
            1,
            {
                "grpc INTERNAL": 2,
                "grpc UNAUTHENTICATED": 1,
                "http 429": 1,
                "http 500": 1,
                "http 502": 1,
            },
        )
        # of the process's life, with the one before
        assert by_revision[4].flow == Flow(6, 6, 0, settled=True, zero_at=envoy.born)
        # the 502 was retried once
        assert by_revision[7].flow == Flow(8, 8, 0, settled=True, zero_at=START)
        assert by_revision[7].buckets[-1][0] == float("inf")
        assert by_revision[7].buckets[-1][1] >= 8
        counted = [
            f"r{n} {spoken}: answers, latency buckets, requests begun"
            for n in (4, 7)
            for spoken in ("grpc", "http")
        ]
        assert [line.message for line in check(meter, KEY)] == [*counted, STREAMS]


def test_a_gateway_that_hides_grpc_status_is_found_out(tmp_path: Path) -> None:
    with gateway(tmp_path, START - 3600, grpc_stats=False) as envoy:
        prometheus = FakePrometheus(START)
        read(envoy, prometheus, START)
        assert envoy.grpc(1, 13) == 13
        meter = read(envoy, prometheus, START + 15)
        seen = meter.scrape(KEY)
        assert isinstance(seen, NoData)
        assert "enableGRPCStats: true" in seen.detail
        assert any("enableGRPCStats: true" in line.message for line in check(meter, KEY))


def test_answers_to_copies_are_read_apart(tmp_path: Path) -> None:
    """Every HTTP request of this gateway is copied; what the copy answered is not what the client
    saw."""
    with gateway(tmp_path, START - 3600) as envoy:
        prometheus = FakePrometheus(START)
        assert envoy.http(0, 200) == 200
        envoy.wait_for_copies(1)
        read(envoy, prometheus, START, SHADOW)
        sent = [200, 200, 404, 500]
        assert [envoy.http(0, code) for code in sent] == sent
        assert envoy.grpc(0, 13) == 13
        envoy.wait_for_copies(5)
        seen = read(envoy, prometheus, START + 15, SHADOW).scrape(KEY)
        assert isinstance(seen, Scrape), seen
        (copy,) = seen.copies
        assert (copy.revision, *_plain(copy.counters)) == (
            7,
            4,
            1,
            1,
            {"http 404": 1, "http 500": 1},
        )
        live = {
            (reading.revision, reading.spoken): _plain(reading.counters)
            for reading in seen.readings
        }
        assert live[4, "http"] == (4, 1, 1, {"http 404": 1, "http 500": 1})
        assert live[4, "grpc"] == (1, 1, 0, {"grpc INTERNAL": 1})


def _plain(counters: Counters) -> tuple[int, int, int, dict[str, int]]:
    return counters.answers, counters.errors, counters.rejections, dict(counters.causes)

"""The last lines of containers' logs, where they may be read."""

from collections.abc import Iterator

import pytest

from tests.clock import Clock
from tests.deploy_worker.kubernetes.conftest import Bench, bench_on
from tests.deploy_worker.kubernetes.fake_api import FakeKubernetes, status
from tests.waiting import until
from tidegate.core.observation import FailingContainer
from tidegate.core.ports import State
from tidegate.deploy_worker.kubernetes.pod_logs import AGAIN_S, DENIED_S, PodLogs, permitted

CRASHED = FailingContainer("fraud-r2-x", "u", "kserve-container", 3, ended=True)
RUNNING = FailingContainer("fraud-r2-x", "u", "istio-proxy", 0, ended=False)
LOG = "/pods/fraud-r2-x/log"


class Reader:
    """The reader on a fake API server. patience: long, so that a test waits for a fact."""

    def __init__(self, bench: Bench) -> None:
        self.world = bench.world
        self.clock = Clock(0.0)
        self.logs = PodLogs(bench.api, patience=5.0, clock=self.clock)

    def lines(self, container: FailingContainer = CRASHED) -> tuple[str, ...]:
        return self.logs("team-a", [container]).get(container, ())

    def requests(self) -> list[str]:
        return [path for method, path in self.world.requests if LOG in path]


@pytest.fixture
def reader(fake: tuple[FakeKubernetes, str]) -> Iterator[Reader]:
    made = Reader(bench_on(*fake))
    yield made
    made.logs.close()


def test_a_log_of_an_end_is_read_once(reader: Reader) -> None:
    reader.world.logs["fraud-r2-x"] = "loading\n\x1b[31mCUDA error\x1b[0m\n"
    assert reader.lines() == ("loading", "CUDA error")
    reader.clock.advance(10 * AGAIN_S)
    assert reader.lines() == ("loading", "CUDA error")
    (path,) = reader.requests()
    for part in ("container=kserve-container", "tailLines=5", "limitBytes=65536", "previous=true"):
        assert part in path


def test_a_log_that_goes_on_is_read_again(reader: Reader) -> None:
    reader.world.logs["fraud-r2-x"] = "one"
    assert reader.lines(RUNNING) == ("one",)
    reader.world.logs["fraud-r2-x"] = "one\ntwo"
    assert reader.lines(RUNNING) == ("one",)
    reader.clock.advance(AGAIN_S)
    assert reader.lines(RUNNING) == ("one", "two")
    assert "previous=false" in reader.requests()[0]


def test_a_json_line_and_bytes_that_are_no_text_are_lines(reader: Reader) -> None:
    reader.world.logs["fraud-r2-x"] = '{"level": "error"}'
    assert reader.lines() == ('{"level": "error"}',)


def test_without_the_right_nothing_is_told_and_nobody_asks_again_soon(reader: Reader) -> None:
    words = 'pods "x" is forbidden: User "tidegate" cannot get resource "pods/log"'
    reader.world.fail("GET", LOG, (403, {}, status(403, "Forbidden", words)), times=10)
    assert reader.lines() == ()
    reader.clock.advance(AGAIN_S)
    assert reader.lines(RUNNING) == ()
    assert len(reader.requests()) == 1
    reader.clock.advance(DENIED_S)
    assert reader.lines() == ()
    assert len(reader.requests()) == 2


def test_a_log_that_cannot_be_read_now_is_read_later(reader: Reader) -> None:
    reader.world.fail("GET", LOG, (500, {}, status(500, "InternalError", "dial tcp: refused")))
    assert reader.lines() == ()
    reader.world.logs["fraud-r2-x"] = "at last"
    assert reader.lines() == ()
    reader.clock.advance(AGAIN_S)
    until(lambda: reader.lines() == ("at last",))


@pytest.mark.parametrize(("allowed", "state"), [(True, State.OK), (False, State.UNCHECKED)])
def test_doctor_says_whether_logs_may_be_read(
    fake: tuple[FakeKubernetes, str], allowed: bool, state: State
) -> None:
    bench = bench_on(*fake)
    bench.world.reviews = lambda _: allowed
    fact = permitted(bench.api, ["team-a"], 2.0)
    assert fact.state is state, "the default of the chart fails no check"
    assert ("not bound" in fact.detail) is not allowed
    assert not fact.needed
    assert ("team-a" in fact.detail) is not allowed
    assert bool(fact.way_out) is not allowed


def test_where_nobody_says_whether_logs_may_be_read_it_is_unchecked(
    fake: tuple[FakeKubernetes, str],
) -> None:
    bench = bench_on(*fake)
    bench.world.fail("POST", "selfsubjectaccessreviews", (403, {}, status(403, "Forbidden", "no")))
    assert permitted(bench.api, ["team-a"], 2.0).state is State.UNCHECKED

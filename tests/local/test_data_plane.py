"""Triton behind Envoy with unmodified Triton clients: both protocols on one port, errors as the
meter sees them."""

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http

from tidegate.core.evidence import Counters, Scrape
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Unavailable
from tidegate.staging.sources import Access
from tidegate_local.home import Home, free_port
from tidegate_local.processes import toolchain
from tidegate_local.processes.envoy import Applied, Envoy
from tidegate_local.processes.envoy_meter import EnvoyMeter
from tidegate_local.processes.process import State
from tidegate_local.processes.storage import fetch
from tidegate_local.processes.supervisor import Supervisor
from tidegate_local.processes.table import Address, Backend, Listener, Table, WeightedRule
from tidegate_local.processes.triton import Phase, Replica, TritonPorts

pytestmark = pytest.mark.real
EXAMPLES = Path(__file__).parents[2] / "examples" / "triton"
KEY = EndpointKey("team", "add-sub")
NAME = "team.add-sub"
FOLDERS = {1: "model-repository", 2: "variants/flaky", 3: "variants/renamed", 4: "variants/good-v2"}


@pytest.fixture
def replicas(home: Home, supervisor: Supervisor) -> Iterator[dict[int, Replica]]:
    """r1 and r4 are good, r2 is flaky, r3 renamed an input."""
    install = toolchain.ensure()
    made = {}
    for number, folder in FOLDERS.items():
        ports = TritonPorts(free_port(), free_port(), free_port())
        log = home.logs / f"r{number}.log"
        fetch((EXAMPLES / folder).as_uri(), home.models / f"r{number}", Access(files=True))
        made[number] = Replica(
            f"r{number}", home.models / f"r{number}", ports, install, supervisor, log
        )
        made[number].start()
    while not all(replica.poll().phase is Phase.READY for replica in made.values()):
        threading.Event().wait(0.05)
    yield made
    for replica in made.values():
        replica.ask_stop()


def table(port: int, replicas: dict[int, Replica], weights: dict[int, int]) -> Table:
    backends = []
    for number, replica in replicas.items():
        for protocol, where in (("http", replica.ports.http), ("grpc", replica.ports.grpc)):
            name = f"{NAME}--r{number}--{protocol}"
            backends.append(
                Backend(name, (Address("127.0.0.1", where),), protocol == "grpc", f"r{number}")
            )
    rules = [
        WeightedRule(
            (),
            protocol == "grpc",
            tuple((f"{NAME}--r{n}--{protocol}", w) for n, w in weights.items()),
        )
        for protocol in ("http", "grpc")
    ]
    return Table(tuple(backends), (Listener(NAME, port, tuple(rules)),))


def tensors(kind: type) -> list[object]:
    made = [kind(name, [1, 4], "FP32") for name in ("INPUT0", "INPUT1")]
    for tensor in made:
        tensor.set_data_from_numpy(np.ones((1, 4), dtype=np.float32))
    return made


def test_both_protocols_through_one_port_and_errors_counted_by_cause(
    envoy: Envoy, replicas: dict[int, Replica]
) -> None:
    port = free_port()
    meter = EnvoyMeter(envoy.admin)
    with (
        triton_http.InferenceServerClient(f"127.0.0.1:{port}") as http,
        triton_grpc.InferenceServerClient(f"127.0.0.1:{port}") as grpc,
    ):
        for number in (1, 2, 3):
            weights = {n: 100 if n == number else 0 for n in replicas}
            assert envoy.apply(table(port, replicas, weights)) == Applied()
            for client, kind in ((http, triton_http.InferInput), (grpc, triton_grpc.InferInput)):
                assert client.is_server_ready()
                for _ in range(10):
                    try:
                        answer = client.infer("add_sub", tensors(kind))
                    except Exception:  # counted below, by the meter
                        continue
                    assert answer.as_numpy("OUTPUT0").tolist() == [[2.0] * 4]
        httpx2.post(f"http://127.0.0.1:{port}/v2/models/nobody/infer", json={"inputs": []})
    seen = meter.scrape(KEY)
    assert isinstance(seen, Scrape)
    result = {(r.source.partition("/")[2], r.revision): r.counters for r in seen.readings}
    summary = {key: (c.answers, c.errors + c.rejections, c.causes) for key, c in result.items()}
    assert summary == {
        ("http", 1): (10, 0, ()),
        ("grpc", 1): (10, 0, ()),
        # the warm-up was flaky's first request, so its 5th, 10th, 15th and 20th are ours
        ("http", 2): (10, 2, (("http 500", 2),)),
        ("grpc", 2): (10, 2, (("grpc INTERNAL", 2),)),
        ("http", 3): (11, 11, (("http 400", 10), ("http 404", 1))),
        ("grpc", 3): (10, 10, (("grpc INVALID_ARGUMENT", 10),)),
    }
    assert all(is_complete(counters) for counters in result.values())


def test_copies_are_counted_apart_from_what_clients_see(
    envoy: Envoy, replicas: dict[int, Replica]
) -> None:
    """Every request is copied to flaky r2: clients notice nothing, HTTP copies count with their
    errors and latency. Of copies of gRPC requests Envoy counts no grpc-status, so none is read."""
    port, meter = free_port(), EnvoyMeter(envoy.admin)
    live = table(port, {n: replicas[n] for n in (1, 2)}, {1: 100, 2: 0})
    rules = tuple(
        replace(rule, mirrors=((f"{NAME}--r2--{'grpc' if rule.grpc else 'http'}", 100),))
        for rule in live.listeners[0].rules
    )
    assert (
        envoy.apply(replace(live, listeners=(replace(live.listeners[0], rules=rules),)))
        == Applied()
    )
    with (
        triton_http.InferenceServerClient(f"127.0.0.1:{port}") as http,
        triton_grpc.InferenceServerClient(f"127.0.0.1:{port}") as grpc,
    ):
        for client, kind in ((http, triton_http.InferInput), (grpc, triton_grpc.InferInput)):
            for _ in range(20):
                assert client.infer("add_sub", tensors(kind)).as_numpy("OUTPUT0").tolist() == [
                    [2.0] * 4
                ]
    seen = meter.scrape(KEY)
    while not (isinstance(seen, Scrape) and seen.copies and seen.copies[0].counters.answers == 20):
        threading.Event().wait(0.05)
        seen = meter.scrape(KEY)
    (copy,) = seen.copies
    assert (copy.revision, copy.counters.errors, copy.counters.causes) == (2, 4, (("http 500", 4),))
    assert is_complete(copy.counters)
    assert {
        (r.spoken, r.revision): (r.counters.answers, r.counters.errors) for r in seen.readings
    } == {
        ("http", 1): (20, 0),
        ("grpc", 1): (20, 0),
    }
    hidden = envoy.admin.stats(rf"^cluster\.{NAME}--r2--grpc--mirror\.(upstream_rq_\d+|grpc.*)$")
    assert not isinstance(hidden, Unavailable)
    assert [name.rpartition(".")[2] for name in hidden.values] == ["upstream_rq_200"]


def is_complete(counters: Counters) -> bool:
    """Every answer came from a server here, so each was timed; buckets rise and end with all of
    them."""
    counts = [n for _, n in counters.buckets]
    return counts == sorted(counts) and counts[-1] == counters.answers


def test_a_revision_is_replaced_under_load_without_a_lost_request(
    envoy: Envoy, replicas: dict[int, Replica]
) -> None:
    """Inferences of both protocols while the share moves from r1 to r4 and r1's server ends."""
    port = free_port()
    two = {1: replicas[1], 4: replicas[4]}
    assert envoy.apply(table(port, two, {1: 100, 4: 0})) == Applied()
    with Load(port) as load:
        for share in (5, 50, 0, 100):
            assert envoy.apply(table(port, two, {1: 100 - share, 4: share})) == Applied()
            load.wait_for_more(40)
        assert isinstance(envoy.apply(table(port, {4: replicas[4]}, {4: 100})), Applied)
        while envoy.sweep():
            threading.Event().wait(0.05)
        replicas[1].stop()
        load.wait_for_more(40)
    assert load.errors == []


class Load:
    """One client of each protocol, asking without pause."""

    def __init__(self, port: int) -> None:
        self.errors: list[str] = []
        self._asked = Counter[str]()
        self._stop = threading.Event()
        url = f"127.0.0.1:{port}"
        http = triton_http
        grpc = triton_grpc
        self._threads = [
            threading.Thread(
                target=self._run,
                args=(kind.__name__, kind.InferenceServerClient, kind.InferInput, url),
            )
            for kind in (http, grpc)
        ]

    def _run(self, name: str, client: type, kind: type, url: str) -> None:
        inputs = tensors(kind)
        with client(url) as ask:
            while not self._stop.is_set():
                try:
                    ask.infer("add_sub", inputs)
                except Exception as error:  # any failure is the finding
                    self.errors.append(repr(error))
                self._asked[name] += 1

    def wait_for_more(self, n: int) -> None:
        """Block until each client has asked n times more."""
        before = dict(self._asked)
        while not all(
            self._asked[t] >= before.get(t, 0) + n
            for t in (triton_http.__name__, triton_grpc.__name__)
        ):
            threading.Event().wait(0.01)

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_a_revision_without_a_server_answers_unavailable_and_it_counts(envoy: Envoy) -> None:
    port = free_port()
    names = {protocol: f"{NAME}--r9--{protocol}" for protocol in ("http", "grpc")}
    backends = tuple(
        Backend(name, (), protocol == "grpc", "r9") for protocol, name in names.items()
    )
    rules = tuple(
        WeightedRule((), protocol == "grpc", ((name, 100),)) for protocol, name in names.items()
    )
    assert envoy.apply(Table(backends, (Listener(NAME, port, rules),))) == Applied()
    with triton_grpc.InferenceServerClient(f"127.0.0.1:{port}") as grpc:
        with pytest.raises(Exception, match="UNAVAILABLE"):
            grpc.infer("add_sub", tensors(triton_grpc.InferInput))
        with pytest.raises(Exception, match="UNAVAILABLE"):
            grpc.get_model_metadata("add_sub")
    assert httpx2.post(f"http://127.0.0.1:{port}/v2/models/add_sub/infer").status_code == 503
    seen = EnvoyMeter(envoy.admin).scrape(KEY)
    assert isinstance(seen, Scrape)
    causes = [(reading.counters.answers, reading.counters.causes) for reading in seen.readings]
    assert causes == [(1, (("grpc UNAVAILABLE", 1),)), (1, (("http 503", 1),))]


def connections(envoy: Envoy, cluster: str) -> int:
    seen = envoy.admin.stats(rf"^cluster\.{cluster}\.upstream_cx_active$")
    assert not isinstance(seen, Unavailable)
    return sum(int(value) for value in seen.values.values())


def test_two_replicas_one_killed_and_the_other_answers(
    envoy: Envoy, replicas: dict[int, Replica], supervisor: Supervisor
) -> None:
    """Until the control plane takes the dead replica out, connections refused are tried at the
    other one."""
    port = free_port()
    name = f"{NAME}--r1--http"
    addresses = tuple(Address("127.0.0.1", replicas[n].ports.http) for n in (1, 4))
    rule = WeightedRule((), False, ((name, 100),))
    assert (
        envoy.apply(
            Table((Backend(name, addresses, False, "r1"),), (Listener(NAME, port, (rule,)),))
        )
        == Applied()
    )
    with triton_http.InferenceServerClient(f"127.0.0.1:{port}") as http:
        inputs = tensors(triton_http.InferInput)
        for _ in range(10):
            http.infer("add_sub", inputs)
        replicas[4].kill()
        supervisor.wait("r4", lambda status: status.state is State.WAITING, 10)
        # A request on a dying connection is lost, and rightly not repeated
        while connections(envoy, name) > 1:
            threading.Event().wait(0.005)
        for _ in range(50):
            assert http.infer("add_sub", inputs).as_numpy("OUTPUT0").tolist() == [[2.0] * 4]

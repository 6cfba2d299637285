"""Triton behind Envoy with unmodified Triton clients: both protocols on one port, errors as the meter sees them."""

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http

from tidegate.core.evidence import Counters, Scrape
from tidegate.core.intent import EndpointKey
from tidegate.local import toolchain
from tidegate.local.envoy import Applied, Envoy
from tidegate.local.envoy_meter import EnvoyMeter
from tidegate.local.home import Home, free_port
from tidegate.local.storage import fetch
from tidegate.local.supervisor import Supervisor
from tidegate.local.table import Address, Backend, Listener, Table, WeightedRule
from tidegate.local.triton import Phase, Replica, TritonPorts
from tidegate.staging.sources import Access

pytestmark = pytest.mark.real
EXAMPLES = Path(__file__).parents[2] / "examples" / "triton"
KEY = EndpointKey("team", "add-sub")
NAME = "team.add-sub"


@pytest.fixture
def replicas(home: Home, supervisor: Supervisor) -> Iterator[dict[int, Replica]]:
    """r1 is good, r2 is flaky, r3 renamed an input."""
    install, made = toolchain.ensure(), {}
    for number, folder in {1: "model-repository", 2: "variants/flaky", 3: "variants/renamed"}.items():
        ports = TritonPorts(free_port(), free_port(), free_port())
        log = home.logs / f"r{number}.log"
        fetch((EXAMPLES / folder).as_uri(), home.models / f"r{number}", Access(files=True))
        made[number] = Replica(f"r{number}", home.models / f"r{number}", ports, install, supervisor, log)
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
            backends.append(Backend(name, (Address("127.0.0.1", where),), protocol == "grpc", f"r{number}"))
    rules = [
        WeightedRule((), protocol == "grpc", tuple((f"{NAME}--r{n}--{protocol}", w) for n, w in weights.items()))
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
    port, meter = free_port(), EnvoyMeter(envoy.admin)
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
    found = {(r.source.partition("/")[2], r.revision): r.counters for r in seen.readings}
    summary = {key: (c.answers, c.bad, c.causes) for key, c in found.items()}
    assert summary == {
        ("http", 1): (10, 0, ()),
        ("grpc", 1): (10, 0, ()),
        # the warm-up was flaky's first request, so its 5th, 10th, 15th and 20th are ours
        ("http", 2): (10, 2, (("http 500", 2),)),
        ("grpc", 2): (10, 2, (("grpc INTERNAL", 2),)),
        ("http", 3): (11, 11, (("http 400", 10), ("http 404", 1))),
        ("grpc", 3): (10, 10, (("grpc INVALID_ARGUMENT", 10),)),
    }
    assert all(is_complete(counters) for counters in found.values())


def is_complete(counters: Counters) -> bool:
    """Every answer came from a server here, so each was timed; buckets rise and end with all of them."""
    counts = [n for _, n in counters.buckets]
    return counts == sorted(counts) and counts[-1] == counters.answers


def test_a_replica_is_replaced_without_a_lost_request(envoy: Envoy, replicas: dict[int, Replica]) -> None:
    """Both protocols under load while r1's share moves to a server that just came and the old one ends."""
    port = free_port()
    two = {1: replicas[1], 4: replicas[3]}  # r4: any other healthy server; only metadata is asked of it
    assert envoy.apply(table(port, two, {1: 100, 4: 0})) == Applied()
    errors: list[str] = []
    asked, stop = [0], threading.Event()

    def ask() -> None:
        with triton_grpc.InferenceServerClient(f"127.0.0.1:{port}") as grpc, httpx2.Client() as http:
            while not stop.is_set():
                try:
                    grpc.get_model_metadata("add_sub")
                    http.get(f"http://127.0.0.1:{port}/v2/models/add_sub").raise_for_status()
                except Exception as error:  # any failure is the finding
                    errors.append(repr(error))
                asked[0] += 1

    thread = threading.Thread(target=ask)
    thread.start()
    for share in (50, 100):
        before = asked[0]
        assert envoy.apply(table(port, two, {1: 100 - share, 4: share})) == Applied()
        while asked[0] < before + 50:
            threading.Event().wait(0.01)
    gone = table(port, {4: replicas[3]}, {4: 100})
    assert isinstance(envoy.apply(gone), Applied)
    while envoy.sweep():
        threading.Event().wait(0.05)
    replicas[1].stop()
    before = asked[0]
    while asked[0] < before + 50:
        threading.Event().wait(0.01)
    stop.set()
    thread.join()
    assert errors == []

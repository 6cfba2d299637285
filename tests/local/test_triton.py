"""A real tritonserver: ready only after a warm-up, a crash loop with its reason, no leftovers."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.deploy_worker.test_warm_up import pod, ready, shown, snapshot
from tidegate.core.intent import Batcher, Restriction
from tidegate.core.triton.metrics import FAILURE, QUEUE_US, SUCCESS
from tidegate.core.triton.restriction import GROUPS, USUAL, VARIABLE, arguments
from tidegate.deploy_worker.warm_up import WarmUp
from tidegate.staging.importer import Imported, import_model
from tidegate.staging.sources import Access
from tidegate.steps.errors import StepFailed
from tidegate.steps.golden import parse
from tidegate.steps.inference import NotThere, infer
from tidegate_local.home import Home, free_port
from tidegate_local.played.container import expanded
from tidegate_local.processes import toolchain
from tidegate_local.processes.process import Backoff
from tidegate_local.processes.storage import fetch
from tidegate_local.processes.supervisor import Supervisor
from tidegate_local.processes.triton import (
    Phase,
    Replica,
    ReplicaState,
    TritonPorts,
    parse_counters,
    reason,
)

EXAMPLES = Path(__file__).parents[2] / "examples" / "triton"
GOOD = EXAMPLES / "model-repository"
TOKEN = "a=b,c:d"
Start = Callable[..., Replica]


@pytest.fixture
def start(home: Home, supervisor: Supervisor) -> Iterator[Start]:
    install = toolchain.ensure()
    made: list[Replica] = []

    def start(repository: Path, **more: object) -> Replica:
        ports = TritonPorts(free_port(), free_port(), free_port())
        name = f"replica-{len(made)}"
        log = home.logs / f"{name}.log"
        fetch(repository.as_uri(), home.models / name, Access(files=True))
        made.append(
            Replica(
                name,
                home.models / name,
                ports,
                install,
                supervisor,
                log,
                backoff=Backoff(0.1),
                **more,
            )
        )  # type: ignore[arg-type]
        made[-1].start()
        return made[-1]

    yield start  # type: ignore[misc]
    for replica in made:
        replica.stop()
    left = [file for replica in made for file in Path("/dev/shm").glob(f"{replica.shm}*")]
    assert not left, "shared memory was left behind"


def until(replica: Replica, phase: Phase, seconds: float = 30) -> ReplicaState:
    pause = threading.Event()
    for _ in range(int(seconds / 0.05)):
        state = replica.poll()
        if state.phase is phase:
            return state
        pause.wait(0.05)
    raise AssertionError(state)


@pytest.mark.real
def test_a_replica_is_ready_once_a_warm_up_succeeded_and_comes_back_after_a_kill(
    start: Start,
) -> None:
    replica = start(GOOD)
    until(replica, Phase.READY)
    assert replica.counters()[("add_sub", "success")] >= 1, "the warm-up was an inference"
    totals = replica.totals()
    assert totals[SUCCESS] >= 1
    assert {FAILURE, QUEUE_US} <= totals.keys()
    replica.kill()
    assert until(replica, Phase.READY).restarts == 1
    replica.stop()
    assert replica.poll().phase is Phase.GONE


@pytest.mark.real
def test_a_model_that_does_not_load_is_a_crash_loop_with_its_reason(start: Start) -> None:
    replica = start(EXAMPLES / "variants" / "crash")
    state = until(replica, Phase.FAILED)
    assert state.detail == "'add_sub' version 1: Internal: RuntimeError: weights.npy is missing"
    later = until(replica, Phase.STARTING)
    assert later.crash == state.detail, "while it is tried again, people still see why"


@pytest.mark.real
def test_a_run_that_never_gets_ready_is_ended(start: Callable[..., Replica]) -> None:
    replica = start(GOOD, start_seconds=0.0)
    assert until(replica, Phase.FAILED).detail == "not ready 0 s after its start"


@pytest.mark.real
def test_the_variants_do_what_the_demo_says(start: Start) -> None:
    flaky = start(EXAMPLES / "variants" / "flaky")
    renamed = start(EXAMPLES / "variants" / "renamed")
    until(flaky, Phase.READY)
    until(renamed, Phase.READY)
    tensor = {"shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}
    body = {"inputs": [{"name": "INPUT0", **tensor}, {"name": "INPUT1", **tensor}]}

    def ask(replica: Replica) -> int:
        return httpx2.post(
            f"http://127.0.0.1:{replica.ports.http}/v2/models/add_sub/infer", json=body
        ).status_code

    assert [ask(flaky) for _ in range(20)].count(500) == 4
    assert {ask(renamed) for _ in range(3)} == {400}
    assert flaky.counters()[("add_sub", "success")] == 21, "Triton calls its TritonErrors successes"


@pytest.mark.real
def test_a_batcher_that_an_import_wrote_is_read_by_triton(start: Start, tmp_path: Path) -> None:
    """Bytes that only passed our own checker could still be refused by the server."""
    files = {
        path.relative_to(GOOD): path.read_text()
        for path in (GOOD / "add_sub").rglob("*")
        if path.suffix != ".pyc" and path.is_file()
    }
    for path, text in files.items():
        file = tmp_path / "plain" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            re.sub(r"^dynamic_batching \{.*?^\}$", "", text, flags=re.DOTALL | re.MULTILINE)
        )
    store = (tmp_path / "store").as_uri()
    made = import_model(str(tmp_path / "plain"), store, Access(files=True), batcher=Batcher(16, 3))
    assert isinstance(made, Imported), made
    replica = start(Path(made.uri.removeprefix("file://")))
    until(replica, Phase.READY)
    config = httpx2.get(f"http://127.0.0.1:{replica.ports.http}/v2/models/add_sub/config").json()
    assert config["max_batch_size"] == 32
    assert config["dynamic_batching"]["preferred_batch_size"] == [16]
    assert config["dynamic_batching"]["max_queue_delay_microseconds"] == 3000


@pytest.mark.real
def test_with_all_groups_restricted_our_own_calls_go_on(start: Callable[..., Replica]) -> None:
    """The worker's warm-up has no token, the smoke test has."""
    closed = Restriction(tuple(group for group in GROUPS if group != "health"), "s", "token")
    usual = Restriction(USUAL, "s", "token")
    replicas = [
        start(
            GOOD,
            extra=tuple(expanded(a, {VARIABLE: TOKEN}) for a in arguments(restriction)),
            token=TOKEN,
        )
        for restriction in (closed, usual)
    ]
    for replica, restriction in zip(replicas, (closed, usual), strict=True):
        until(replica, Phase.READY)
        warm_up = WarmUp(port=replica.ports.http, metrics=replica.ports.metrics, patience=30.0)
        its_pod = pod(2, "a", closed=",".join(restriction.groups))
        seen, messages = shown(warm_up, snapshot(its_pod, available=1))
        assert (ready(seen), messages) == (1, ())
        warm_up.close()
    assert [item.counters()["add_sub", "success"] for item in replicas] == [1, 2], (
        "the worker's is the second"
    )
    requests = [
        {"name": n, "datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4]}
        for n in ("INPUT0", "INPUT1")
    ]
    outputs = [{"name": "OUTPUT0", "data": [2, 4, 6, 8]}]
    golden = parse(json.dumps({"model": "add_sub", "inputs": requests, "outputs": outputs}), 0.0)
    for url in (
        f"http://127.0.0.1:{replicas[0].ports.http}",
        f"grpc://127.0.0.1:{replicas[0].ports.grpc}",
    ):
        assert golden.wrong(infer(url, golden, TOKEN)) == ""
        with pytest.raises((StepFailed, NotThere), match="restricted, expecting header"):
            infer(url, golden)


def test_the_reason_of_an_end_is_read_from_the_log() -> None:
    loading = "E1 2 3 lifecycle.cc:642] \"failed to load 'm' version 1: Internal: boom\\n\\nAt:\\n  model.py(9)\"\n"
    layout = "E1 2 3 manager.cc:1] \"Poll failed for model directory '1': Invalid model name\"\n"
    end = "error: creating server: Internal - failed to load all models\n"
    assert reason(loading + end, 1) == "'m' version 1: Internal: boom"
    assert reason(layout + end, 1) == "'1': Invalid model name"
    assert reason(end, 1) == "creating server: Internal - failed to load all models"
    assert reason("I1 fine\n", -9) == "tritonserver was killed by signal 9"
    assert reason("", 3) == "tritonserver ended with exit code 3"


def test_counters_are_summed_over_versions_and_reasons() -> None:
    page = (
        'nv_inference_request_success{model="m",version="1"} 3\n'
        'nv_inference_request_success{model="m",version="2"} 4\n'
        'nv_inference_request_failure{model="m",reason="BACKEND",version="1"} 1e+02\n'
        'nv_inference_count{model="m",version="1"} 9\n'
    )
    assert parse_counters(page) == {("m", "success"): 7, ("m", "failure"): 100}

"""The facts of the contract are asked of a pod of each side; a stand-in answers as Triton does."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.core.values import KEY
from tests.http_server import HttpServer, Reply, Request
from tidegate.core.contract import Compatibility, Contract
from tidegate.core.drivers.rendering import REVISION, labels
from tidegate.core.observation import Live, Observation, Trouble
from tidegate.core.ports import Snapshot
from tidegate.core.rollout import Rollout
from tidegate.core.strategy import canary
from tidegate.deploy_worker.contracts import AGAIN_S, PodContracts

ROLLOUT = Rollout("ro-1", canary(), 1, 2, "ann")
BOTH = Observation((Live(1, 1, 1), Live(2, 1, 1)))


class Triton:
    """Two servers on one port, of stable at 127.0.0.1 and of the candidate at 127.0.0.2. paths:
    what was asked. statuses: by path, where it is not 200."""

    def __init__(self) -> None:
        self.inputs = {"127.0.0.1": ["X"], "127.0.0.2": ["X"]}
        self.statuses: dict[str, int] = {}
        self.most = 8
        first = HttpServer(self._answer)
        self.port = first.port
        self.servers = [first, HttpServer(self._answer, "127.0.0.2", self.port)]

    def _answer(self, request: Request) -> Reply:
        status = self.statuses.get(request.path, 200)
        if request.method == "POST":
            return Reply([{"name": "fraud", "version": "1", "state": "READY"}], status)
        if request.path == "/metrics":
            return Reply('nv_inference_request_success{model="fraud",version="1"} 0\n', status)
        if request.path.endswith("/config"):
            inputs: list[Any] = [{"name": "Z", "optional": True}]
            return Reply({"name": "fraud", "max_batch_size": self.most, "input": inputs}, status)
        inputs = [
            {"name": name, "datatype": "FP32", "shape": [-1, 2]}
            for name in self.inputs[request.address]
        ]
        return Reply({"name": "fraud", "versions": ["1"], "inputs": inputs, "outputs": []}, status)

    def close(self) -> None:
        for server in self.servers:
            server.close()


@pytest.fixture
def triton() -> Iterator[Triton]:
    result = Triton()
    yield result
    result.close()


@pytest.fixture
def contracts(triton: Triton) -> Iterator[PodContracts]:
    pod_contracts = PodContracts(port=triton.port, metrics=triton.port, timeout=30.0)
    yield pod_contracts
    pod_contracts.close()


def pod(number: int, *, ready: str = "True", closed: str = "") -> dict[str, Any]:
    """closed: the groups of calls that its arguments restrict."""
    args = []
    if closed:
        args = [f"--http-restricted-api={closed}:triton-access-token=$(TRITON_ACCESS_TOKEN)"]
    return {
        "kind": "Pod",
        "metadata": {
            "name": f"p{number}",
            "uid": f"u{number}",
            "labels": labels(KEY) | {REVISION: f"r{number}"},
        },
        "spec": {"containers": [{"name": "m", "args": args}]},
        "status": {
            "podIP": f"127.0.0.{number}",
            "conditions": [{"type": "Ready", "status": ready}],
        },
    }


PODS = Snapshot(KEY, (pod(1), pod(2)))


def test_both_are_asked_and_compared(contracts: PodContracts, triton: Triton) -> None:
    same = contracts(PODS, BOTH, ROLLOUT)
    assert isinstance(same, Contract)
    assert same.compatibility is Compatibility.COMPATIBLE
    triton.inputs["127.0.0.2"] = ["X", "Z"]
    more = contracts(PODS, BOTH, ROLLOUT)
    assert isinstance(more, Contract)
    assert more.message == "fraud: input Z is new and optional", "the configuration tells that"
    triton.inputs["127.0.0.2"] = ["X0"]
    broken = contracts(PODS, BOTH, ROLLOUT)
    assert isinstance(broken, Contract)
    assert broken.compatibility is Compatibility.BREAKING


def test_a_revision_without_pods_of_ours_is_asked_at_its_address(
    contracts: PodContracts, triton: Triton
) -> None:
    live = Live(1, 1, 1, address=f"http://127.0.0.1:{triton.port}")
    contract = contracts(Snapshot(KEY, (pod(2),)), Observation((live, Live(2, 1, 1))), ROLLOUT)
    assert isinstance(contract, Contract)
    assert contract.compatibility is Compatibility.COMPATIBLE


def test_a_protected_list_is_found_elsewhere_and_a_protected_configuration_done_without(
    contracts: PodContracts, triton: Triton
) -> None:
    closed = "metadata,model-config,model-repository"
    there = Snapshot(KEY, (pod(1, closed=closed), pod(2, closed=closed)))
    triton.statuses["/v2/models/fraud/config"] = 403
    same = contracts(there, BOTH, ROLLOUT)
    assert isinstance(same, Contract)
    assert same.compatibility is Compatibility.COMPATIBLE
    triton.statuses["/v2/repository/index"] = 403
    triton.inputs["127.0.0.2"] = ["X0"]
    contract = contracts(there, BOTH, ROLLOUT)
    assert isinstance(contract, Contract)
    assert contract.compatibility is Compatibility.BREAKING, "the metrics tell the models' names"
    triton.statuses["/metrics"] = triton.statuses["/v2/models/fraud"] = 403
    contract = contracts(there, BOTH, ROLLOUT)
    assert isinstance(contract, Contract)
    assert (contract.compatibility, "does not tell its models" in contract.message) == (
        Compatibility.UNCHECKED,
        True,
    )


def test_a_403_that_the_revision_does_not_restrict_is_a_failure(triton: Triton) -> None:
    """A mesh that forbids the worker forbids clients, too; unless the site says otherwise."""
    triton.statuses["/v2/models/fraud"] = 403
    for forbidden in (False, True):
        contracts = PodContracts(
            port=triton.port, metrics=triton.port, timeout=30.0, forbidden=forbidden
        )
        answer = contracts(PODS, BOTH, ROLLOUT)
        contracts.close()
        if forbidden:
            assert isinstance(answer, Contract)
            assert answer.compatibility is Compatibility.UNCHECKED
        else:
            assert "the contract of r1 cannot be read: 403 from http://127.0.0.1" in str(answer)
            assert "TIDEGATE_MESH_FORBIDS_WORKER=true" in str(answer)


def test_what_does_not_answer_yet_is_waited_for(contracts: PodContracts, triton: Triton) -> None:
    triton.statuses["/v2/models/fraud"] = 500
    assert "the contract of r1 cannot be read: " in str(contracts(PODS, BOTH, ROLLOUT))
    unready = Snapshot(KEY, (pod(1, ready="False"), pod(2)))
    assert contracts(unready, BOTH, ROLLOUT) == "the contract of r1 waits for a ready pod"


def test_who_accepts_what_breaks_does_not_wait_for_what_cannot_be_read(
    contracts: PodContracts, triton: Triton
) -> None:
    """Stable is ready and does not answer: its repair gets through."""
    triton.statuses["/v2/models/fraud"] = 500
    contract = contracts(PODS, BOTH, replace(ROLLOUT, accept_breaking=True))
    assert isinstance(contract, Contract)
    assert contract.compatibility is Compatibility.UNCHECKED
    assert contract.message.startswith(
        "the contract was not compared: the contract of r1 cannot be read: "
    )


def test_an_endpoint_that_does_not_answer_is_not_asked_in_every_reconcile(triton: Triton) -> None:
    """An observation that fails may take seconds of a thread that other endpoints need."""
    now = [1000.0]
    contracts = PodContracts(
        port=triton.port, metrics=triton.port, timeout=30.0, clock=lambda: now[0]
    )
    triton.statuses["/v2/models/fraud"] = 500
    first = contracts(PODS, BOTH, ROLLOUT)
    triton.statuses.clear()
    assert contracts(PODS, BOTH, ROLLOUT) == first
    assert "cannot be read" in str(first)
    other = contracts(PODS, BOTH, replace(ROLLOUT, id="ro-2"))
    assert isinstance(other, Contract), "another attempt does not wait for it"
    now[0] += AGAIN_S
    assert isinstance(contracts(PODS, BOTH, ROLLOUT), Contract)
    contracts.close()


@pytest.mark.parametrize(
    ("stable", "message"),
    [
        (Live(1, 0, 0, idle=True), "r1 is scaled to zero"),
        (
            Live(1, 1, 0, trouble=Trouble(failure="CrashLoopBackOff")),
            "r1 does not run: CrashLoopBackOff",
        ),
        (Live(1, 1, 0), "r1 does not run: it has no ready pod"),
        (Live(3, 1, 1), "there is no r1"),
    ],
)
def test_a_stable_that_will_not_tell_holds_nobody(
    stable: Live, message: str, contracts: PodContracts
) -> None:
    """The candidate may be the repair."""
    contract = contracts(Snapshot(KEY, (pod(2),)), Observation((stable, Live(2, 1, 1))), ROLLOUT)
    assert isinstance(contract, Contract)
    assert (contract.compatibility, contract.message) == (
        Compatibility.UNCHECKED,
        f"the contract was not compared: {message}",
    )

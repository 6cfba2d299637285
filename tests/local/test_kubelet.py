"""The kubelet's bound: a pod that does not fit waits, and the endpoint says so to the person who
asks."""

from pathlib import Path

import pytest

from tests.simulation.lab import Lab
from tests.simulation.manifests import standard
from tidegate.core.drivers.rendering import Platform
from tidegate.core.drivers.standard import StandardDriver
from tidegate.core.intent import EndpointKey
from tidegate.staging.sources import Access
from tidegate_local.home import Home, Ports
from tidegate_local.plane.kubelet import Machine, TritonKubelet, exit_code
from tidegate_local.processes.supervisor import Supervisor
from tidegate_local.processes.toolchain import TritonInstall
from tidegate_local.processes.triton import Phase, ReplicaState


def test_beyond_the_bound_a_pod_waits_and_says_why(tmp_path: Path) -> None:
    home = Home(tmp_path / "plane").create()
    supervisor = Supervisor(home.run)
    install = TritonInstall(tmp_path / "no-triton-is-needed")
    machine = Machine(home, supervisor, install, Ports(home.run / "ports.json"), Access(), limit=0)
    lab = Lab()
    lab.plane.world.kubelet = TritonKubelet(machine, lambda: None)
    lab.apply(standard("fraud", 1))
    lab.settle()
    seen = StandardDriver(Platform("store")).read(
        EndpointKey("team", "fraud"), {}, lab.cluster.observe(EndpointKey("team", "fraud"))
    )
    live = seen.of(1)
    assert live is not None
    assert (live.ready, live.desired) == (0, 1)
    assert (
        live.trouble.failure
        == "the local plane runs at most 0 tritonservers; scale down, or start it with a larger --limit"
    )
    supervisor.close()


@pytest.mark.parametrize(("ended", "code"), [(None, 1), (1, 1), (-9, 137), (-15, 143)])
def test_an_end_is_told_as_a_container_runtime_tells_it(ended: int | None, code: int) -> None:
    assert exit_code(ReplicaState(Phase.FAILED, exit_code=ended)) == code


def test_a_process_that_is_restarted_counts_as_a_restart_and_not_as_a_kill_for_memory() -> None:
    lab = Lab()
    key = EndpointKey("team", "fraud")
    lab.apply(standard("fraud", 1))
    lab.settle()
    lab.kubelet.end("model", "Error")
    lab.settle()
    live = StandardDriver(Platform("store")).read(key, {}, lab.cluster.observe(key)).of(1)
    assert live is not None
    assert [(container.restarts, container.killed) for container in live.trouble.containers] == [
        (1, "")
    ]

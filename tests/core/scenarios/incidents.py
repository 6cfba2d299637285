"""What befalls the candidate's pods: restarts, kills for memory, a share that nobody answers."""

from tests.core.scenarios.book import begin, scenario
from tests.simulation.simulation import Simulation
from tidegate.core import strategy


def _again(t: Simulation, *models: str, reason: str = "Error") -> None:
    for model in models:
        t.lab.kubelet.end(f"{model}/", reason)
        number = model.removeprefix("model-")
        t.note(
            f"(the containers of r{number} "
            f"{'are killed for memory' if reason == 'OOMKilled' else 'restart'})"
        )
        t.run(5)


@scenario()
def killed_for_memory(t: Simulation) -> None:
    begin(t, until=0)
    _again(t, "model-2", reason="OOMKilled")
    t.until_over()


@scenario()
def killed_for_memory_beside_stable(t: Simulation) -> None:
    begin(t, until=0)
    _again(t, "model-2", "model-1", reason="OOMKilled")
    t.until_over()


@scenario()
def restarted_too_often(t: Simulation) -> None:
    begin(t, strategy.canary((10, 50), bake=60), until=0)
    for _ in range(3):
        _again(t, "model-2")
        t.run(10)
    t.until_over()


@scenario()
def a_node_restarts_under_both(t: Simulation) -> None:
    begin(t, strategy.canary((10, 50), bake=60), until=0)
    for _ in range(3):
        _again(t, "model-1", "model-2")
        t.run(10)
    t.until_over()


@scenario()
def a_share_that_nobody_answers(t: Simulation) -> None:
    begin(t, strategy.canary((10, 50), bake=60), until=0)
    t.lab.data_plane.frozen = True
    t.lab.kubelet.hang("model-2/")
    t.note("(the gateway takes no new routes, and the pods of r2 stop being ready)")
    t.run(40)
    t.lab.data_plane.frozen = False
    t.note("(the gateway goes on)")
    t.until_over()


@scenario()
def crashes_at_its_share(t: Simulation) -> None:
    begin(t, strategy.canary((10, 50), bake=60), until=0)
    t.lab.kubelet.crash("model-2/", "CUDA error")
    t.note("(r2 crashes again and again)")
    t.until_over()
    t.run(30)


@scenario()
def a_proxy_beside_the_model_restarts(t: Simulation) -> None:
    begin(t, strategy.canary((10, 50), bake=60), until=0)
    for _ in range(5):
        t.lab.kubelet.restart_beside("model-2/", "istio-proxy")
        t.note("(the proxy beside r2 is killed for memory)")
        t.run(10)
    t.note(f"told: {'; '.join(t.beside(2))}")
    t.until_over()


@scenario()
def the_download_of_the_candidate_cannot_start(t: Simulation) -> None:
    t.lab.kubelet.hold_up(
        "model-2/", "storage-initializer", "CreateContainerConfigError", 'secret "s3" not found'
    )
    t.outside.logs = {"storage-initializer": ("never", "read")}
    begin(t)
    t.run(30)
    t.lab.kubelet.heal("model-2/")
    t.note("(somebody makes the Secret)")
    t.until_over()


@scenario()
def a_crash_is_told_with_the_end_of_its_log(t: Simulation) -> None:
    t.lab.kubelet.crash("model-2/", "exit code 1")
    t.outside.logs = {"kserve-container": ("loading model", "CUDA error: out of memory")}
    begin(t)
    t.run(15)
    t.note(f"its log ends: {' / '.join(t.log(2))}")
    t.until_over()

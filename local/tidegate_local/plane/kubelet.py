"""The local plane's kubelet: for each pod one model repository and one real tritonserver.

A thread per pod drives it from download to readiness; `start`, `stop` and `status` return at once,
as the control plane expects. The machine is small, so the number of servers is bounded: a pod
beyond the bound waits, and says so.
"""

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tidegate.core.ports import Unresolved
from tidegate.core.triton import restriction
from tidegate.staging.sources import Access
from tidegate_local.home import Home, Ports
from tidegate_local.played.container import Container, Secrets, make, no_secrets
from tidegate_local.played.kserve_shape import SOURCE
from tidegate_local.played.objects import Object
from tidegate_local.played.pods import UNSCHEDULABLE
from tidegate_local.played.world import PodState
from tidegate_local.processes.process import Backoff
from tidegate_local.processes.storage import fetch
from tidegate_local.processes.supervisor import Supervisor
from tidegate_local.processes.toolchain import TritonInstall
from tidegate_local.processes.triton import Phase, Replica, ReplicaState, TritonPorts

# between reconciles at a pod that is not ready, and at one that is
_BUSY_S = 0.1
_IDLE_S = 0.5
_RETRY_S = 1.0  # between reconciles for a Secret that is not there
_BACKOFF = Backoff(first=0.5, most=20.0)


@dataclass(frozen=True, slots=True)
class Machine:
    """What pods run on. limit: how many tritonservers at most. secrets: the cluster's Secrets."""

    home: Home
    supervisor: Supervisor
    install: TritonInstall
    ports: Ports
    access: Access
    limit: int = 12
    secrets: Secrets = no_secrets


class TritonKubelet:
    """local.world.Kubelet on real processes. `changed` is called, from any thread, when a pod's
    state changed."""

    def __init__(self, machine: Machine, changed: Callable[[], None]) -> None:
        self._machine = machine
        self._changed = changed
        self._runners: dict[str, _Runner] = {}
        self._lock = threading.Lock()

    def start(self, pod: Object) -> None:
        """Begin to run it, unless the machine is full: then it is tried again at the next call."""
        uid = pod["metadata"]["uid"]
        with self._lock:
            if uid in self._runners or len(self._runners) >= self._machine.limit:
                return
            self._runners[uid] = runner = _Runner(pod, self._machine, self._changed, self._forget)
        runner.thread.start()

    def stop(self, pod: Object) -> None:
        """End it; requests under way are answered."""
        runner = self._runners.get(pod["metadata"]["uid"])
        if runner is not None:
            runner.stopping.set()

    def status(self, pod: Object) -> PodState:
        """As its thread last saw it."""
        runner = self._runners.get(pod["metadata"]["uid"])
        if runner is not None:
            return runner.state
        limit = self._machine.limit
        message = f"the local plane runs at most {limit} tritonservers; scale down, or start it with a larger --limit"
        return PodState(False, reason=UNSCHEDULABLE, message=message)

    def replica(self, pod_name: str) -> Replica | None:
        """The server of a pod, for tests and explanations."""
        return next((r.replica for r in self._runners.values() if r.name == pod_name), None)

    def close(self) -> None:
        """Stop every pod and wait."""
        runners = tuple(self._runners.values())
        for runner in runners:
            runner.stopping.set()
        for runner in runners:
            runner.thread.join(timeout=40)

    def _forget(self, uid: str) -> None:
        with self._lock:
            self._runners.pop(uid, None)


class _Runner:
    """One pod's life, on a thread of its own."""

    def __init__(
        self,
        pod: Object,
        machine: Machine,
        changed: Callable[[], None],
        forget: Callable[[str], None],
    ) -> None:
        self.name = pod["metadata"]["name"]
        self._uid = pod["metadata"]["uid"]
        self._pod = pod
        self._uri = pod["metadata"].get("annotations", {}).get(SOURCE, "")
        self._machine = machine
        self._changed = changed
        self._forget = forget
        self.stopping = threading.Event()
        self.state = PodState(False)
        self.replica: Replica | None = None
        self._started_at: float | None = None
        self.thread = threading.Thread(target=self._run, name=f"pod-{self.name}", daemon=True)

    def _run(self) -> None:
        folder = self._machine.home.models / self._uid
        try:
            if self._prepare() and (container := self._make()) is not None:
                self._serve(container)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            ports = self._machine.ports
            for kind in ("http", "grpc", "metrics"):
                ports.release(f"{self._uid}/{kind}")
            self._forget(self._uid)
            self._changed()

    def _prepare(self) -> bool:
        """The storage initializer, tried again with back-off as an init container is."""
        attempts = 0
        while not self.stopping.is_set():
            fetched = fetch(self._uri, self._machine.home.models / self._uid, self._machine.access)
            if not isinstance(fetched, Unresolved):
                return True
            attempts += 1
            self._say(
                PodState(False, attempts - 1, "Error", f"storage initializer: {fetched.detail}")
            )
            self.stopping.wait(_BACKOFF.delay(attempts))
        return False

    def _make(self) -> Container | None:
        """Its arguments and variables, tried again as the kubelet does; None: it is stopped."""
        while not self.stopping.is_set():
            made = make(self._pod, self._machine.secrets)
            if isinstance(made, Container):
                return made
            self._say(PodState(False, 0, "CreateContainerConfigError", made.message))
            self.stopping.wait(_RETRY_S)
        return None

    def _serve(self, container: Container) -> None:
        machine = self._machine
        http, grpc, metrics = (
            machine.ports.get(f"{self._uid}/{kind}") for kind in ("http", "grpc", "metrics")
        )
        self.replica = Replica(
            f"triton-{self.name}",
            machine.home.models / self._uid,
            TritonPorts(http, grpc, metrics),
            machine.install,
            machine.supervisor,
            machine.home.logs / f"triton-{self.name}.log",
            extra=tuple(arg for arg in container.args if arg.startswith(restriction.FLAGS)),
            token=container.environ.get(restriction.VARIABLE, ""),
            backoff=_BACKOFF,
        )
        self.replica.start()
        while not self.stopping.is_set():
            self._say(self._seen(self.replica.poll()))
            self.stopping.wait(_IDLE_S if self.state.ready else _BUSY_S)
        self._say(PodState(False))
        self.replica.stop()

    def _seen(self, state: ReplicaState) -> PodState:
        crash = state.crash or ""
        code = exit_code(state)
        match state.phase:
            case Phase.READY:
                self._started_at = self._started_at or time.time()
                assert self.replica is not None
                ports = self.replica.ports
                hosts = ((8080, ports.http), (9000, ports.grpc), (8002, ports.metrics))
                where = tuple((number, f"127.0.0.1:{port}") for number, port in hosts)
                return PodState(
                    True,
                    state.restarts,
                    started_at=self._started_at,
                    exit_code=code,
                    hosts=where,
                )
            case Phase.FAILED | Phase.GONE:
                self._started_at = None
                message = crash or state.detail
                return PodState(False, state.restarts, "CrashLoopBackOff", message, exit_code=code)
            case Phase.STARTING | Phase.WARMING:
                # Between two crashes it only seems to start: it stays a crash loop until it was
                # ready once.
                reason = "CrashLoopBackOff" if crash else ""
                return PodState(
                    False, state.restarts, reason, crash or state.detail, exit_code=code
                )

    def _say(self, state: PodState) -> None:
        if state != self.state:
            self.state = state
            self._changed()


def exit_code(state: ReplicaState) -> int:
    """As a container's: 128 + n for signal n. One that was killed by a signal was not out of memory
    for that: who sent it is not known here, so the reason stays `Error`."""
    code = state.exit_code
    if code is None:
        return 1
    if code < 0:
        return 128 - code
    return code

"""One real tritonserver per replica.

A replica counts as ready when the server says so and a warm-up inference succeeded on every model.
With Triton's default `--exit-on-error=true` (KServe's runtime leaves it) a model that cannot load
ends the process: the supervisor restarts it ever more slowly, and `poll` says why in Triton's own
words, as a crash loop is told.
"""

import hashlib
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import httpx2

from tidegate.core.triton import restriction, warmup
from tidegate.core.triton.metrics import totals
from tidegate.core.triton.protocol import READY, REPOSITORY_INDEX, model_path
from tidegate_local.processes.process import Backoff, Spec, State, Status
from tidegate_local.processes.supervisor import Supervisor
from tidegate_local.processes.toolchain import TritonInstall

_SHM = Path("/dev/shm")  # noqa: S108 - Linux' shared memory, not a temporary file
_FAILED = re.compile(
    r'^E.*"(?:failed to load|Poll failed for model directory) (.*)"$', re.MULTILINE
)
_SAMPLE = re.compile(
    r"^nv_inference_request_(success|failure)\{([^}]*)\} ([0-9.e+]+)$", re.MULTILINE
)


class Phase(StrEnum):
    """Where a replica is on its way to serve."""

    STARTING = "starting"  # the server loads its models
    WARMING = "warming"  # loaded, but no warm-up inference has succeeded yet
    READY = "ready"
    FAILED = "failed"  # it ended by itself; it is started again after a while
    GONE = "gone"  # stopped


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """How a replica stands. detail: why it is not ready, for a person. restarts: starts after the
    first. crash: why the latest run ended by itself, kept until the replica is ready again.
    exit_code: of the run before the present one, negative signal number, None before the first
    end."""

    phase: Phase
    detail: str = ""
    restarts: int = 0
    crash: str | None = None
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class TritonPorts:
    """Ports on 127.0.0.1."""

    http: int
    grpc: int
    metrics: int


class Replica:
    """One tritonserver over one model repository. `poll` drives it; call it from one thread. `shm`:
    what the names of its shared memory begin with; removed after each end, also a violent one.
    token: what its restricted calls need, for the warm-up."""

    def __init__(
        self,
        name: str,
        repository: Path,
        ports: TritonPorts,
        install: TritonInstall,
        supervisor: Supervisor,
        log: Path,
        *,
        extra: tuple[str, ...] = (),
        token: str = "",
        start_seconds: float = 60.0,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.ports = ports
        self._supervisor = supervisor
        self._clock = clock
        self._start_seconds = start_seconds
        self.shm = "tidegate" + hashlib.sha256(f"{log}|{name}".encode()).hexdigest()[:12] + "_"
        self._spec = Spec(
            name,
            lambda: _linked(install, repository, ports, self.shm, extra),
            log,
            environ=environment(install),
            folder=repository.parent,
            backoff=backoff or Backoff(),
            stop_seconds=_EXIT_SECONDS + 5,
            leavings=str(_SHM / self.shm),
        )
        self._warm_start = 0  # the start (Status.starts) whose warm-up succeeded
        self._loading_since: tuple[int, float] = (0, 0.0)
        self._crash: str | None = None
        # No connection is kept: tritonserver waits for its clients to close before it exits.
        limits = httpx2.Limits(max_keepalive_connections=0)
        headers = {restriction.HTTP_HEADER: token} if token else {}
        self._client = httpx2.Client(
            base_url=f"http://127.0.0.1:{ports.http}", timeout=5.0, limits=limits, headers=headers
        )

    def start(self) -> None:
        """Start the server; `poll` says when it is ready."""
        self._supervisor.start(self._spec)

    def ask_stop(self) -> None:
        """SIGTERM: requests under way are finished. Drain it in Envoy first: gRPC calls that still
        come are answered NOT_FOUND. `poll` says GONE when it is gone."""
        self._supervisor.ask_stop(self.name)

    def stop(self) -> None:
        """As ask_stop, and wait for it."""
        self._supervisor.stop(self.name)
        self._client.close()

    def kill(self) -> None:
        """As the kernel's out-of-memory killer would."""
        self._supervisor.kill(self.name)

    def poll(self) -> ReplicaState:
        """Look once; at most a few seconds, usually milliseconds."""
        status = self._supervisor.status(self.name)
        if status is None or status.state is State.STOPPED:
            return ReplicaState(Phase.GONE)
        if status.state is State.WAITING:
            self._crash = reason(self._supervisor.log(self.name), status.last_exit)
            return ReplicaState(
                Phase.FAILED, self._crash, status.restarts, self._crash, status.last_exit
            )
        phase, detail = self._running(status)
        if phase is Phase.READY:
            self._crash = None
        return ReplicaState(phase, detail, status.restarts, self._crash, status.last_exit)

    def counters(self) -> dict[tuple[str, str], int]:
        """Triton's own counts by (model, "success" or "failure"), for explanations only: it counts
        what its front end refuses nowhere, and a Python model's TritonError as a success. Empty
        while nobody answers."""
        return parse_counters(self._page())

    def totals(self) -> dict[str, int]:
        """The same over all models, and the time in the queue, by the names of Triton's metrics."""
        return totals(self._page())

    def _page(self) -> str:
        """Triton's metrics, '' while nobody answers."""
        try:
            return httpx2.get(f"http://127.0.0.1:{self.ports.metrics}/metrics", timeout=2.0).text
        except httpx2.HTTPError:
            return ""

    def _running(self, status: Status) -> tuple[Phase, str]:
        if self._warm_start != status.starts:
            self._begin(status)
        try:
            if self._client.get(READY).status_code != 200:
                return self._late(status, "tritonserver is loading its models")
            if self._warm_start == status.starts:
                return Phase.READY, ""
            waiting = self._warm()
            if waiting:
                return Phase.WARMING, waiting
        except httpx2.HTTPError:
            return self._late(status, "tritonserver does not answer yet")
        self._warm_start = status.starts
        return Phase.READY, ""

    def _begin(self, status: Status) -> None:
        """A new run has until its own deadline."""
        if self._loading_since[0] != status.starts:
            self._loading_since = (status.starts, self._clock())

    def _late(self, status: Status, detail: str) -> tuple[Phase, str]:
        """Without its libraries, or with a model that hangs, Triton stays at loading for ever: end
        that run."""
        loading = self._warm_start != status.starts
        if loading and self._clock() - self._loading_since[1] >= self._start_seconds:
            self._crash = f"not ready {self._start_seconds:g} s after its start"
            self._supervisor.kill(self.name)
            return Phase.FAILED, self._crash
        return Phase.STARTING, detail

    def _warm(self) -> str:
        """One inference on each loaded model; why it must be tried again, empty when all
        succeeded."""
        index = self._client.post(REPOSITORY_INDEX, json={"ready": True}).raise_for_status().json()
        for name in sorted({entry["name"] for entry in index}):
            metadata: dict[str, Any] = self._client.get(model_path(name)).raise_for_status().json()
            body = warmup.request(metadata)
            if isinstance(body, str):
                continue  # no request can be made for it; Triton's own readiness must do
            answer = self._client.post(f"{model_path(name)}/infer", json=body)
            if answer.status_code != 200:
                return f"the warm-up inference on {name} was answered {answer.status_code}: {answer.text[:300]}"
        return ""


_EXIT_SECONDS = 20
_BACKENDS = "backends"


def _linked(
    install: TritonInstall, repository: Path, ports: TritonPorts, shm: str, extra: tuple[str, ...]
) -> list[str]:
    """Put a link to the backends beside the repository; the command line that knows it."""
    link = repository.parent / _BACKENDS
    if not link.is_symlink() or link.readlink() != install.backends:
        link.unlink(missing_ok=True)
        link.symlink_to(install.backends)
    return arguments(install, repository.name, ports, shm, extra)


def arguments(
    install: TritonInstall, repository: str, ports: TritonPorts, shm: str, extra: tuple[str, ...]
) -> list[str]:
    """The command line, as KServe's kserve-tritonserver runtime has it, bound to 127.0.0.1. Run it
    in the folder that holds `repository` and the link to the backends: the Python backend hands
    both paths to a shell, unquoted, so a space in the plane's folder or in the cache must not stand
    in them."""
    addresses = [f"--{kind}-address=127.0.0.1" for kind in ("http", "grpc", "metrics")]
    return [
        str(install.server),
        f"--model-store={repository}",
        f"--backend-directory={_BACKENDS}",
        f"--http-port={ports.http}",
        f"--grpc-port={ports.grpc}",
        f"--metrics-port={ports.metrics}",
        *addresses,
        f"--backend-config=python,shm-region-prefix-name={shm}",
        f"--exit-timeout-secs={_EXIT_SECONDS}",
        *extra,
    ]


def environment(install: TritonInstall) -> dict[str, str]:
    """Nothing of ours but what is needed: PATH finds the Python (with numpy) that the backend's
    stub uses, so its folder comes first. That Python ignores PYTHON* variables: it does write byte
    code into the repository."""
    kept = {key: os.environ[key] for key in ("HOME", "TMPDIR", "TZ", "LANG") if key in os.environ}
    return {
        **kept,
        "PATH": f"{install.root / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "LD_LIBRARY_PATH": install.library_path,
        "OPENBLAS_NUM_THREADS": "1",
    }


def reason(log: str, code: int | None) -> str:
    """Why tritonserver ended, from its log: the models that failed, else its last error, else the
    exit code."""
    failed = [text.partition("\\n\\nAt:")[0].replace("\\n", " ") for text in _FAILED.findall(log)]
    if failed:
        return "; ".join(dict.fromkeys(failed))
    errors = [line for line in log.splitlines() if line.startswith(("error:", "cannot "))]
    if errors:
        return errors[-1].removeprefix("error: ")
    if code is not None and code < 0:
        return f"tritonserver was killed by signal {-code}"
    return f"tritonserver ended with exit code {code}"


def parse_counters(text: str) -> dict[tuple[str, str], int]:
    """`nv_inference_request_{success,failure}` of Triton's metrics page, summed over versions and
    reasons."""
    counted: dict[tuple[str, str], int] = {}
    for kind, labels, value in _SAMPLE.findall(text):
        model = re.search(r'model="([^"]*)"', labels)
        key = (model[1] if model else "", kind)
        counted[key] = counted.get(key, 0) + int(float(value))
    return counted

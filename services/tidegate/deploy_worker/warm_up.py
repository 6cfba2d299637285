"""No request of a client is the first that a pod answers: before a revision gets a share, every one
of its ready pods must have answered an inference of ours.

A pod that has not is told to the drivers as not ready. Pods of a revision that has a share already
are left alone: Kubernetes sends them requests whatever is thought of them here, and taking the
share away would be an outage of our own. So nothing needs to be remembered beyond this process:
another worker asks the pods once more, and while it holds them back for that, the rollout
controller does not take them for lost.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import httpx2

from tidegate.core.checks import ColdPod
from tidegate.core.drivers.pod_state import ready_since
from tidegate.core.drivers.rendering import number_of
from tidegate.core.ports import Manifest, Snapshot
from tidegate.core.triton import restriction, warmup
from tidegate.core.triton.metrics import loaded_models
from tidegate.core.triton.protocol import HTTP_PORT, METRICS_PORT, REPOSITORY_INDEX, model_path
from tidegate.deploy_worker.forbidden import FORBIDDEN, Closed

AGAIN_S = 2.0  # between two attempts at a pod that did not answer
LIMIT = 10_000  # pods remembered; beyond that all are asked once more

# The ready pods, by uid, that have not answered an inference; those of the revisions that serve
# (the second argument) are not among them.
WarmUps = Callable[[Snapshot, Collection[int]], Mapping[str, ColdPod]]


def trusting(snapshot: Snapshot, serving: Collection[int]) -> Mapping[str, ColdPod]:
    """No warm-up: what the cluster calls ready is ready."""
    return {}


@dataclass(frozen=True, slots=True)
class _Cold:
    """A pod that has not answered yet: why, and from when on it is asked again (clock seconds)."""

    message: str
    again: float


_ASKED = _Cold("is being asked for its first inference", 0.0)


class WarmUp:
    """See the module. Thread-safe. port, metrics: of Triton's HTTP and metrics in the pods.
    timeout: seconds for one request; a first inference may compile kernels, so it is asked again
    until it comes in time. patience: seconds that a reconcile waits for answers; pods that take
    longer are asked on, beside the reconciles, so that none can hold another endpoint up.
    forbidden: somebody before the pods rightly answers the worker with 403."""

    def __init__(
        self,
        *,
        port: int = HTTP_PORT,
        metrics: int = METRICS_PORT,
        timeout: float = 5.0,
        patience: float = 0.3,
        clock: Callable[[], float] = time.monotonic,
        forbidden: bool = False,
    ) -> None:
        self._port = port
        self._metrics = metrics
        self._patience = patience
        self._clock = clock
        self._forbidden = forbidden
        self._http = httpx2.Client(timeout=timeout, trust_env=False)
        self._threads = ThreadPoolExecutor(16, "warm-up")
        self._lock = threading.Lock()
        self._known: dict[str, _Cold | None] = {}  # by uid; None: warm
        self._asking: dict[str, Future[None]] = {}

    def __call__(self, snapshot: Snapshot, serving: Collection[int]) -> Mapping[str, ColdPod]:
        """See WarmUps. serving: the revisions with a share."""
        pods = {
            pod["metadata"]["uid"]: pod
            for pod in snapshot.all("Pod")
            if number_of(pod) not in (None, *serving) and ready_since(pod) is not None
        }
        wait(self._ask_due(pods), self._patience)
        with self._lock:
            result = {uid: self._known.get(uid, _ASKED) for uid in pods}
        return {uid: _cold_pod(pods[uid], cold) for uid, cold in result.items() if cold is not None}

    def close(self) -> None:
        """End its threads and connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._http.close()

    def _ask_due(self, pods: Mapping[str, Manifest]) -> list[Future[None]]:
        """Begin to ask those that are due; all that are being asked."""
        with self._lock:
            if len(self._known) >= LIMIT:
                self._known = {}
            for uid, pod in pods.items():
                known = self._known.get(uid, _ASKED)
                if known is not None and uid not in self._asking and self._clock() >= known.again:
                    self._asking[uid] = self._threads.submit(self._learn, uid, pod)
            return [self._asking[uid] for uid in pods if uid in self._asking]

    def _learn(self, uid: str, pod: Manifest) -> None:
        message = self._ask(pod)
        with self._lock:
            self._known[uid] = _Cold(message, self._clock() + AGAIN_S) if message else None
            self._asking.pop(uid, None)

    def _ask(self, pod: Manifest) -> str:
        """One inference on each of its models; why the pod is still cold, '' where it is warm."""
        address = (pod.get("status") or {}).get("podIP", "")
        host = address
        if ":" in address:
            host = f"[{address}]"
        base = f"http://{host}:{self._port}"
        closed = Closed(restriction.closed_groups(pod), self._forbidden)
        try:
            for name in self._models(host, closed):
                metadata = self._answer(closed, "GET", base + model_path(name))
                body = None
                if metadata:
                    body = warmup.request(metadata)
                # Where no request can be made for it, Triton's own readiness must do.
                if isinstance(body, dict):
                    self._answer(closed, "POST", f"{base}{model_path(name)}/infer", body)
        except (
            httpx2.HTTPError,
            httpx2.InvalidURL,
            ValueError,
            KeyError,
            TypeError,
            RuntimeError,
        ) as error:
            return (
                f"did not answer its warm-up: {error}; let the worker reach ports {self._port} and "
                f"{self._metrics} of "
                "the pods, or set TIDEGATE_WARM_UP=false"
            )
        return ""

    def _models(self, host: str, closed: Closed) -> Iterable[str]:
        index = f"http://{host}:{self._port}{REPOSITORY_INDEX}"
        listed = self._answer(closed, "POST", index, {"ready": True})
        if listed is not None:
            return sorted({entry["name"] for entry in listed})
        page = self._http.get(f"http://{host}:{self._metrics}/metrics").raise_for_status().text
        return loaded_models(page)

    def _answer(self, closed: Closed, method: str, url: str, body: Any = None) -> Any:
        """The answer's JSON; None where the call is restricted, which a waiting worker would not
        change."""
        answer = self._http.request(method, url, json=body)
        if answer.status_code == FORBIDDEN:
            closed.check(url)
            return None
        return answer.raise_for_status().json()


def _cold_pod(pod: Manifest, cold: _Cold) -> ColdPod:
    return ColdPod(number_of(pod) or 0, f"pod {pod['metadata']['name']} {cold.message}")

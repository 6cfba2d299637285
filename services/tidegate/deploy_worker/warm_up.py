"""No request of a client is the first that a pod answers: before a revision gets a share, every one of its ready pods
must have answered an inference of ours.

A pod that has not is told to the drivers as not ready. Pods of a revision that has a share already are left alone:
Kubernetes sends them requests whatever is thought of them here, and taking the share away would be an outage of our
own. So nothing needs to be remembered beyond this process: another worker asks the pods once more, in milliseconds.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import httpx2

from tidegate.core import warmup
from tidegate.core.drivers.looks import condition, ready_since
from tidegate.core.drivers.rendering import HTTP_PORT, number_of
from tidegate.core.ports import Manifest, Snapshot

AGAIN_S = 2.0  # between two attempts at a pod that did not answer
LIMIT = 10_000  # pods remembered; beyond that all are asked once more
_HIDDEN = 403  # Triton's answer where its list of models is restricted

Warmed = tuple[Snapshot, tuple[str, ...]]


def trusting(snapshot: Snapshot, serving: Collection[int]) -> Warmed:
    """No warm-up: what the cluster calls ready is ready."""
    return snapshot, ()


@dataclass(frozen=True, slots=True)
class _Cold:
    """A pod that has not answered yet: why, and from when on it is asked again (clock seconds)."""

    why: str
    again: float


class WarmUp:
    """See the module. Thread-safe. port: of Triton's HTTP in the pods. timeout: seconds for one request; a first
    inference may compile kernels, so it is asked again until it comes in time."""

    def __init__(
        self, *, port: int = HTTP_PORT, timeout: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._port, self._clock = port, clock
        self._http = httpx2.Client(timeout=timeout, trust_env=False)
        self._threads = ThreadPoolExecutor(8, "warm-up")
        self._lock = threading.Lock()
        self._known: dict[str, _Cold | None] = {}  # by uid; None: warm

    def __call__(self, snapshot: Snapshot, serving: Collection[int]) -> Warmed:
        """The snapshot in which cold pods of revisions without a share are not ready, and why they are cold.
        serving: the revisions with a share. Asks the pods that are due; blocks for that."""
        pods = [
            pod
            for pod in snapshot.all("Pod")
            if number_of(pod) not in (None, *serving) and ready_since(pod) is not None
        ]
        due = [pod for pod in pods if self._is_due(pod["metadata"]["uid"])]
        for pod, why in zip(due, self._threads.map(self._ask, due), strict=True):
            self._remember(pod["metadata"]["uid"], why)
        cold = {pod["metadata"]["uid"]: found for pod in pods if (found := self._known.get(pod["metadata"]["uid"]))}
        said = (f"r{number_of(pod)}: {found.why}" for pod in pods if (found := cold.get(pod["metadata"]["uid"])))
        return without(snapshot, cold), tuple(dict.fromkeys(said))

    def close(self) -> None:
        """End its threads and connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._http.close()

    def _is_due(self, uid: str) -> bool:
        if uid not in self._known:
            return True
        found = self._known[uid]
        return found is not None and self._clock() >= found.again

    def _remember(self, uid: str, why: str) -> None:
        with self._lock:
            if len(self._known) >= LIMIT:
                self._known = {}
            self._known[uid] = _Cold(why, self._clock() + AGAIN_S) if why else None

    def _ask(self, pod: Manifest) -> str:
        """One inference on each of its models; why the pod is still cold, '' where it is warm."""
        address = (pod.get("status") or {}).get("podIP", "")
        host = f"[{address}]" if ":" in address else address
        base = f"http://{host}:{self._port}"
        try:
            for name in self._models(base):
                metadata = self._answer("GET", f"{base}/v2/models/{name}")
                body = warmup.request(metadata)
                if isinstance(body, dict):  # else no request can be made for it: Triton's own readiness must do
                    self._answer("POST", f"{base}/v2/models/{name}/infer", body)
        except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
            return (
                f"the warm-up of pod {pod['metadata']['name']} did not succeed: {error}; let the worker reach port "
                f"{self._port} of the pods, or set TIDEGATE_WARM_UP=false"
            )
        return ""

    def _models(self, base: str) -> Iterable[str]:
        answer = self._http.post(f"{base}/v2/repository/index", json={"ready": True})
        if answer.status_code == _HIDDEN:
            return ()
        return sorted({entry["name"] for entry in answer.raise_for_status().json()})

    def _answer(self, method: str, url: str, body: Any = None) -> Any:
        return self._http.request(method, url, json=body).raise_for_status().json()


def without(snapshot: Snapshot, cold: Collection[str]) -> Snapshot:
    """The snapshot with these pods not ready, and not counted by their Deployments."""
    if not cold:
        return snapshot
    missing: dict[str, int] = {}
    for pod in snapshot.all("Pod"):
        if pod["metadata"]["uid"] in cold:
            name = f"{snapshot.key.name}-r{number_of(pod)}-predictor"
            missing[name] = missing.get(name, 0) + 1
    return replace(snapshot, objects=tuple(_changed(item, cold, missing) for item in snapshot.objects))


def _changed(item: Manifest, cold: Collection[str], missing: dict[str, int]) -> Manifest:
    meta, status = item["metadata"], item.get("status") or {}
    if item["kind"] == "Pod" and meta["uid"] in cold:
        unready = {**condition(item, "Ready"), "status": "False"}
        others = [c for c in status.get("conditions") or () if c.get("type") != "Ready"]
        return {**item, "status": {**status, "conditions": [*others, unready]}}
    if item["kind"] == "Deployment" and (fewer := missing.get(meta["name"])):
        return {**item, "status": {**status, "availableReplicas": max(0, status.get("availableReplicas", 0) - fewer)}}
    return item

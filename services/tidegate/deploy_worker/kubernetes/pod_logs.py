"""The last lines of containers' logs, where a role permits to read them (`pods/log`, optional).

They are words for people: no decision waits for them. They are read on threads of their own, each
once per start of a container, and a reconcile waits for them only a moment. Where they may not be
read, everything goes on without them, and `tidegate doctor` says so.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from tidegate.core.foreign_text import LOG_LINES, last_lines
from tidegate.core.observation import FailingContainer, LogLines
from tidegate.core.ports import Fact, State, Unavailable
from tidegate.deploy_worker.kubernetes.api import Answer, Api

AGAIN_S = 10.0  # between two attempts at a log that could not be read
DENIED_S = 300.0  # after a refusal, nothing is asked for in that namespace
MOST_BYTES = 64 * 1024  # of one answer: the server counts them from the first of the last lines
MOST_KNOWN = 1000  # logs remembered; beyond that all are read once more
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

Lines = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Read:
    """The lines of one log. again: clock seconds from which on it is read once more; None: it is
    whole, because its container has ended."""

    lines: Lines
    again: float | None


class PodLogs:
    """See the module. Thread-safe. timeout: seconds for one request. patience: seconds that a
    reconcile waits. clock: monotonic seconds."""

    def __init__(
        self,
        api: Api,
        *,
        timeout: float = 3.0,
        patience: float = 0.3,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._timeout = timeout
        self._patience = patience
        self._clock = clock
        self._threads = ThreadPoolExecutor(4, "pod-logs")
        self._lock = threading.Lock()
        self._read: dict[FailingContainer, _Read] = {}
        self._reading: dict[FailingContainer, Future[None]] = {}
        self._denied: dict[str, float] = {}

    def __call__(self, namespace: str, failing: Sequence[FailingContainer]) -> LogLines:
        """The last lines of each container's log, as far as they are known."""
        wait(self._begin(namespace, failing), self._patience)
        with self._lock:
            known = {container: self._read.get(container) for container in failing}
        return {container: read.lines for container, read in known.items() if read is not None}

    def close(self) -> None:
        """End its threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _begin(self, namespace: str, failing: Sequence[FailingContainer]) -> list[Future[None]]:
        """Begin to read what is due; all that is being read."""
        with self._lock:
            now = self._clock()
            if now < self._denied.get(namespace, 0.0):
                return []
            if len(self._read) > MOST_KNOWN:
                self._read = {}
            for container in failing:
                if container not in self._reading and self._due(container, now):
                    job = self._threads.submit(self._learn, namespace, container)
                    self._reading[container] = job
            return [self._reading[each] for each in failing if each in self._reading]

    def _due(self, container: FailingContainer, now: float) -> bool:
        read = self._read.get(container)
        return read is None or (read.again is not None and now >= read.again)

    def _learn(self, namespace: str, container: FailingContainer) -> None:
        text = self._ask(namespace, container)
        with self._lock:
            self._reading.pop(container, None)
            again = self._clock() + AGAIN_S
            if isinstance(text, str):
                whole = _Read(last_lines(text), None)
                self._read[container] = whole
                if not container.ended:
                    self._read[container] = replace(whole, again=again)
            elif isinstance(text, Answer) and text.status == 403:
                self._denied[namespace] = self._clock() + DENIED_S
            else:
                before = self._read.get(container, _Read((), None))
                self._read[container] = _Read(before.lines, again)

    def _ask(self, namespace: str, container: FailingContainer) -> str | Answer | Unavailable:
        query = {
            "container": container.name,
            "tailLines": str(LOG_LINES),
            "limitBytes": str(MOST_BYTES),
            "previous": str(container.ended).lower(),
        }
        path = f"/api/v1/namespaces/{namespace}/pods/{container.pod}/log"
        return self._api.text(path, query=query, timeout=self._timeout)


def permitted(api: Api, namespaces: Sequence[str], timeout: float) -> Fact:
    """Whether the logs of these tenants' pods may be read, for people."""
    name = "pod logs"
    denied = []
    for namespace in namespaces:
        answer = api.call("POST", _REVIEWS, _review(namespace), timeout=timeout)
        if isinstance(answer, Unavailable):
            return Fact(name, State.UNCHECKED, answer.detail)
        if not answer.ok:
            return Fact(name, State.UNCHECKED, answer.words)
        if not (answer.body.get("status") or {}).get("allowed"):
            denied.append(namespace)
    if not denied:
        return Fact(name, State.OK, "the last lines of a failing container come with its reason")
    places = ", ".join(denied[:5])
    if len(denied) > 5:
        places += f" and {len(denied) - 5} more"
    remediation = "bind ClusterRole tidegate-logs there, if its people may see them"
    # as every installation is by default: nothing is missing
    return Fact(name, State.UNCHECKED, f"not bound in {places}", remediation)


def _review(namespace: str) -> dict[str, object]:
    attributes = {"namespace": namespace, "verb": "get", "resource": "pods", "subresource": "log"}
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }

"""Preflight as the service asks for it: the worker looks, because it alone sees the cluster; the
wait is bounded.

The metric goes through the store and is asked between two transactions: a first that is rolled back
and finds everything wrong without the cluster, and the one that stores. So a refusal leaves nothing
behind.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from tidegate.core.adopting import Found, Survey
from tidegate.core.intent import EndpointKey
from tidegate.core.preflight import Finding, Level, Report, Request
from tidegate.schemas import responses as out
from tidegate.store import codec, inquiries, workers
from tidegate.store.engine import Store
from tidegate.web.problems import ApiError, Place, invalid

KIND = "preflight"
SURVEY = "survey"
T = TypeVar("T")
AT_ONCE = 12  # requests that may wait at one time: the rest of the threads go on answering
_FIRST_INTERVAL_S = 0.05
_INTERVAL_S = 0.25
_RETRY = {"Retry-After": "5"}


class Asker(Protocol):
    """Who asks."""

    def ask(self, request: Request) -> Report:
        """The worker's report. Raises ApiError (503) with the reason where there is none."""

    def survey(self, key: EndpointKey) -> Survey:
        """What an adopted endpoint would begin with. Raises the same."""


@dataclass(slots=True)
class StoreAsker:
    """Asks through the store. worker_timeout, limit: seconds."""

    store: Store
    worker_timeout: float
    limit: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _free: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(AT_ONCE))

    def ask(self, request: Request) -> Report:
        """See Asker."""
        return self._answer(KIND, codec.plain(request), Report)

    def survey(self, key: EndpointKey) -> Survey:
        """See Asker."""
        return self._answer(SURVEY, codec.plain(key), Survey)

    def _answer(self, kind: str, body: codec.Json, answer: type[T]) -> T:
        with self._turn():
            self._check_worker()
            with self.store.begin() as tx:
                request = inquiries.ask(tx, kind, body)
            return self._wait(request, answer)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._free.acquire(blocking=False):
            detail = f"{AT_ONCE} requests wait for an observation of the cluster already: repeat in a moment"
            raise ApiError(503, "preflight-busy", detail, headers=_RETRY)
        try:
            yield
        finally:
            self._free.release()

    def _check_worker(self) -> None:
        with self.store.read() as tx:
            worker = workers.newest(tx)
        if worker is None or worker.age > self.worker_timeout:
            last = "none has ever reported"
            if worker is not None:
                last = f"{worker.owner} reported {worker.age:.0f} s ago"
            detail = (
                f"no worker lives ({last}): nobody can look at the cluster before this is "
                "accepted, and nothing would "
                "move; start a deploy-worker, then repeat"
            )
            raise ApiError(503, "no-worker", detail, headers=_RETRY)

    def _wait(self, request: str, answer: type[T]) -> T:
        ends = self.clock() + self.limit
        interval = _FIRST_INTERVAL_S
        progress = ""
        while self.clock() < ends:
            self.sleep(interval)
            interval = min(2 * interval, _INTERVAL_S)
            with self.store.read() as tx:
                inquiry = inquiries.get(tx, request)
            if inquiry is not None and inquiry.answer is not None:
                return codec.loads(answer, inquiry.answer)
            if inquiry:
                progress = inquiry.progress
        detail = (
            f"the worker did not finish its observation of the cluster within {self.limit:.0f} s "
            f"({progress or 'it has not begun'}): nothing was accepted; repeat"
        )
        raise ApiError(503, "preflight-unanswered", detail, headers=_RETRY)


def accepted(asker: Asker, request: Request) -> Report:
    """The report of what may be accepted. Raises ApiError: 422 with every problem, 503 where nobody
    could look."""
    report = asker.ask(request)
    _check_trouble(report.trouble)
    problems = report.of(Level.PROBLEM)
    if problems:
        detail = "; ".join(problem.text for problem in problems)
        raise ApiError(422, "preflight", detail, [_place(problem) for problem in problems])
    return report


def surveyed(asker: Asker, key: EndpointKey) -> Found:
    """What can be adopted. Raises ApiError: 422 with everything in the way, 503 where nobody could
    look."""
    answer = asker.survey(key)
    _check_trouble(answer.trouble)
    if answer.found is None:
        raise invalid(answer.problems)
    return answer.found


def _check_trouble(trouble: str) -> None:
    if trouble:
        detail = f"preflight could not look: {trouble}; nothing was accepted, repeat"
        raise ApiError(503, "preflight-unanswered", detail, headers=_RETRY)


def _place(finding: Finding) -> Place:
    pointer = "/"
    if finding.index is not None:
        pointer = f"/steps/{finding.index}"
    if finding.rule == "tenant":
        pointer = "namespace"
    if finding.rule == "own metric":
        pointer = "/analysis/metrics/own"
    return Place(
        pointer,
        finding.detail,
        finding.remediation,
        finding.step,
        finding.rule,
        finding.object,
        finding.path,
    )


def shown(report: Report) -> out.PreflightOut:
    """A report as answered."""
    return out.PreflightOut(
        checked=report.checked,
        findings=[
            out.FindingOut(
                level=finding.level,
                rule=finding.rule,
                detail=finding.detail,
                step=finding.step,
                object=finding.object,
                path=finding.path,
            )
            for finding in report.findings
        ],
        start_seconds=report.start_seconds,
        undo_seconds=report.undo_seconds,
        undo=report.undo,
        own_metrics=list(report.own),
    )


def said(report: Report) -> list[str]:
    """Warnings for the answer."""
    return [finding.text for finding in report.of(Level.WARNING)]

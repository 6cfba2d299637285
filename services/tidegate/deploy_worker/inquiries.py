"""The worker's desk: questions that the service asks through the store, answered beside the
reconciles.

They have threads of their own, so that a slow admission webhook holds no reconcile up, and a long
reconcile no answer.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from tidegate.core.adopting import Found, Survey, survey
from tidegate.core.errors import Problem, Remediation
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Unavailable
from tidegate.core.preflight import Report, Request
from tidegate.deploy_worker.metrics import INQUIRIES
from tidegate.deploy_worker.parts import Parts
from tidegate.deploy_worker.preflight.run import run
from tidegate.store import StoreUnavailable, codec, inquiries, installation
from tidegate.store.inquiries import Inquiry

log = structlog.get_logger()
PREFLIGHT = "preflight"
SURVEY = "survey"
THREADS = 2
TAKEN_S = 30.0  # after which another worker may take a question whose worker said nothing more
SAY_S = 0.5  # between words about progress


class Desk:
    """See the module. `turn` hands open questions out; `close` waits for those under way. done:
    called after each."""

    def __init__(self, parts: Parts, done: Callable[[], None]) -> None:
        self._parts = parts
        self._done = done
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="inquiry")
        self._free = threading.Semaphore(THREADS)

    def turn(self) -> None:
        """Take as many open questions as there are free threads. Raises StoreUnavailable."""
        free = 0
        while self._free.acquire(blocking=False):
            free += 1
        taken: tuple[Inquiry, ...] = ()
        try:
            if free:
                with self._parts.store.begin() as tx:
                    results = inquiries.take(tx, limit=free, seconds=TAKEN_S)
                taken = results  # only once it is committed
        finally:
            left = free - len(taken)
            if left:
                self._free.release(left)
        for inquiry in taken:
            self._pool.submit(self._answer, inquiry)

    def close(self) -> None:
        """Finish what is under way."""
        self._pool.shutdown(wait=True)

    def _answer(self, inquiry: Inquiry) -> None:
        try:
            answer = codec.plain(self._observe(inquiry))
            with self._parts.store.begin() as tx:
                inquiries.answer(tx, inquiry.id, answer)
            INQUIRIES.labels(inquiry.kind).inc()
        except StoreUnavailable as error:
            log.warning(
                "the database did not answer an inquiry", inquiry=inquiry.id, error=str(error)
            )
        finally:
            self._free.release()
            self._done()

    def _observe(self, inquiry: Inquiry) -> Report | Survey:
        try:
            if inquiry.kind == SURVEY:
                return self._survey(inquiry)
            return self._preflight(inquiry)
        except StoreUnavailable:
            raise
        except (
            Exception
        ) as error:  # a bug here must be told to who waits, and must not end the thread
            log.exception("an inquiry failed", inquiry=inquiry.id)
            return Report(trouble=f"the worker could not look: {type(error).__name__}: {error}")

    def _survey(self, inquiry: Inquiry) -> Survey:
        key = codec.loads(EndpointKey, inquiry.body)
        message = self._parts.site.denied(key.namespace)
        if message is not None:
            return Survey(
                problems=(
                    Problem(
                        "namespace",
                        message,
                        Remediation("ask an administrator of the cluster to make it a tenant"),
                    ),
                )
            )
        seen = self._parts.cluster.observe(key)
        if isinstance(seen, Unavailable):
            return Survey(trouble=f"the cluster does not answer: {seen.detail}")
        existing = survey(seen, key, self._parts.platform(self._store_id()))
        if isinstance(existing, Found):
            return Survey(existing)
        return Survey(problems=existing)

    def _preflight(self, inquiry: Inquiry) -> Report:
        if inquiry.kind != PREFLIGHT:
            return Report(
                trouble=f"this worker does not know {inquiry.kind!r}: it is older than the service"
            )
        request = codec.loads(Request, inquiry.body)
        store = self._store_id()
        said_at = 0.0

        def say(progress: str) -> None:
            nonlocal said_at
            if time.monotonic() - said_at >= SAY_S:
                said_at = time.monotonic()
                with self._parts.store.begin() as tx:
                    inquiries.report(tx, inquiry.id, progress, seconds=TAKEN_S)

        return run(request, self._parts, store, say)

    def _store_id(self) -> str:
        with self._parts.store.read() as tx:
            return installation.store_id(tx)

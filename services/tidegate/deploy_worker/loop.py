"""The worker's loop: claim what is due, run reconciles on a few threads, sleep until something
wakes it.

Wake-ups (NOTIFY, the cluster's watch, the clock) carry no data: they only say "look again". A lost
one costs one polling interval. Several workers share the work through leases; a killed one's
endpoints come back when its leases end.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from tidegate.core.intent import EndpointKey
from tidegate.deploy_worker import reconcile as reconciles
from tidegate.deploy_worker.inquiries import Desk
from tidegate.deploy_worker.metrics import BUSY, RECONCILE_SECONDS, STORE_ERRORS, WAKES
from tidegate.store import Lease, StoreUnavailable, housekeeping, leases, ledger, notify, workers

log = structlog.get_logger()

LEASE_S = 30.0
SEEN_S = 10.0  # between signs of life, which also carry the cluster's capabilities
BACK_OFF_S = 1.0
POLL_S = 5.0
DESK_S = 0.1  # between reconciles for inquiries: most notices are about reconciles
# a reconcile that took less: then the next ones are leased before a thread is free for them
QUICK_S = 0.25
TIDY_S = 300.0  # between clean-ups and anchors of the ledger


class Worker:
    """One worker process. `run` blocks until `stop`; reconciles under way are finished first.
    lease: seconds after which somebody else may act on an endpoint whose reconcile did not end.
    samples_days: how long after its end the samples of a rollout are kept."""

    def __init__(
        self,
        owner: str,
        parts: reconciles.Parts,
        listen_url: str,
        threads: int = 4,
        lease: float = LEASE_S,
        samples_days: float = housekeeping.SAMPLES_DAYS,
    ) -> None:
        self._owner = owner
        self._parts = parts
        self._listen_url = listen_url
        self._threads = threads
        self._lease = lease
        self._samples_days = samples_days
        self._wake = threading.Event()
        self._stop = threading.Event()
        # A notice came, or none for a while: somebody may have asked something
        self._asked = threading.Event()
        self._desk = Desk(parts, self._answer_inquiries)
        self._taken = 0  # reconciles under way, and those that wait for a thread
        self._taken_lock = threading.Lock()
        self._quick = True
        self._attended_at = 0.0
        self._touched: set[EndpointKey] = set()
        self._turned: set[str] = set()
        self._touched_lock = threading.Lock()
        self.seen_at = 0.0
        self._tidied_at = 0.0

    def run(self) -> None:
        """Work until stopped."""
        listener = threading.Thread(target=self._listen, name="listen", daemon=True)
        listener.start()
        unwatch = self._parts.cluster.watch(self._changed)
        try:
            with ThreadPoolExecutor(self._threads, thread_name_prefix="reconcile") as pool:
                while not self._stop.is_set():
                    self._wake.wait(self._guarded(lambda: self._turn(pool), BACK_OFF_S))
                    self._wake.clear()
        finally:
            unwatch()
            self._desk.close()
            listener.join(timeout=5)
            self._guarded(self._leave, None)

    @property
    def stopping(self) -> bool:
        """Whether it was asked to."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Ask `run` to return once its reconciles are done."""
        self._stop.set()
        self._wake.set()

    def tenant_turned(self, namespace: str) -> None:
        """A tenant came, or went: look at every endpoint there. From any thread; notes it and
        returns."""
        with self._touched_lock:
            self._turned.add(namespace)
        self._wake.set()

    def _turn(self, pool: ThreadPoolExecutor) -> float:
        """Hand out everything that is due, then what was asked; seconds until the next
        reconcile."""
        self._sign_of_life()
        wait = self._hand_out(pool)
        if not self._asked.is_set():
            return wait
        since = time.monotonic() - self._attended_at
        if since < DESK_S:
            return min(wait, DESK_S - since)
        self._attended_at = time.monotonic()
        self._asked.clear()
        self._desk.turn()
        return wait

    def _hand_out(self, pool: ThreadPoolExecutor) -> float:
        # Several leases at once cost as much as one, so while every thread has work, wait for room
        # for more of them. But what waits here cannot be done by another worker: only while
        # reconciles are quick.
        if self._quick:
            free_threads = 2 * self._threads
        else:
            free_threads = self._threads
        free = free_threads - self._taken
        if free < free_threads - self._threads or free < 1:
            return POLL_S  # a finished reconcile wakes us, whatever is due
        self._pass_on()
        with self._parts.store.single() as tx:
            claimed = leases.claim(tx, self._owner, limit=free, seconds=self._lease)
        with self._taken_lock:
            self._taken += len(claimed)
        for lease in claimed:
            pool.submit(self._reconcile, lease)
        if len(claimed) == free:
            return POLL_S
        with self._parts.store.single() as tx:
            due = leases.next_due(tx)
        return min(POLL_S, due if due else POLL_S)

    def _reconcile(self, lease: Lease) -> None:
        began = time.monotonic()
        with BUSY.track_inprogress(), RECONCILE_SECONDS.time():
            try:
                reconciles.run(lease, self._parts)
            except StoreUnavailable as error:
                STORE_ERRORS.inc()
                log.warning(
                    "the database did not answer in a reconcile",
                    endpoint=str(lease.key),
                    error=str(error),
                )
            except Exception:  # not even its fault could be told; its lease ends by itself
                log.exception("reconcile failed", endpoint=str(lease.key))
        self._quick = time.monotonic() - began < QUICK_S
        with self._taken_lock:
            self._taken -= 1
        self._wake.set()

    def _sign_of_life(self) -> None:
        now = time.monotonic()
        if now - self.seen_at < SEEN_S and self.seen_at:
            return
        with self._parts.store.begin() as tx:
            workers.record_worker(tx, self._owner, self._parts.capabilities())
        if now - self._tidied_at > TIDY_S:
            self._tidied_at = now
            with self._parts.store.begin() as tx:
                housekeeping.prune(tx, self._samples_days)
                ledger.anchor(tx)
        self.seen_at = now

    def _leave(self) -> None:
        with self._parts.store.begin() as tx:
            workers.leave(tx, self._owner)

    def _changed(self, key: EndpointKey) -> None:
        """The cluster's watch, on its own thread: note it and return."""
        with self._touched_lock:
            self._touched.add(key)
        WAKES.labels("watch").inc()
        self._wake.set()

    def _pass_on(self) -> None:
        with self._touched_lock:
            touched = self._touched
            self._touched = set()
            turned = self._turned
            self._turned = set()
        try:
            if turned:
                with self._parts.store.single() as tx:
                    leases.wake_tenants(tx, *turned)
            if touched:
                with self._parts.store.single() as tx:
                    leases.wake(tx, *touched)
        except StoreUnavailable:
            with self._touched_lock:
                self._touched |= touched
                self._turned |= turned
            raise

    def _listen(self) -> None:
        def woken(_: str) -> None:
            WAKES.labels("notify").inc()
            self._answer_inquiries()

        while not self._stop.is_set():
            self._guarded(
                lambda: notify.listen(self._listen_url, woken, self._stop, poll=POLL_S), None
            )

    def _answer_inquiries(self) -> None:
        self._asked.set()
        self._wake.set()

    def _guarded(self, work: Callable[[], float | None], otherwise: float | None) -> float | None:
        """Run `work`; when the database is away, say so and come back."""
        try:
            return work()
        except StoreUnavailable as error:
            STORE_ERRORS.inc()
            log.warning("the database does not answer", error=str(error))
            return otherwise

"""A worker that dies at chosen points of its work, as `kill -9` would end it.

Production code has no hooks: the worker's own parts are wrapped here. A point is each step between
two calls to the outside: before and after every write to the cluster, after every observation and
scrape, before a transaction begins, when all of it is written but not committed, and after its
commit. Who counts the points decides at which one to die.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from tidegate.core.evidence import Scrape
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import NoData, Snapshot, Unavailable, Write, WriteResult
from tidegate.store import ReadTx, Store, Tx

# Points after which a death leaves something else in the cluster or in the database.
WRITES = (
    "before the write",
    "after the write",
    "before a commit",
    "after a commit",
    "before a statement",
    "after a statement",
)


class Points(Protocol):
    """Counts points; ends the process at a chosen one."""

    def enter(self, key: EndpointKey) -> None:
        """This thread works on this endpoint from now on."""

    def __call__(self, name: str) -> None:
        """One point is passed."""


class CrashingStore(Store):
    """Points around every transaction."""

    def __init__(self, url: str, points: Points) -> None:
        super().__init__(url, application_name="tidegate-deploy-worker")
        self._points = points

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        """As Store.begin."""
        self._points("before a transaction")
        with super().begin() as tx:
            yield tx
            self._points("before a commit")
        self._points("after a commit")

    @contextmanager
    def single(self) -> Iterator[Tx]:
        """As Store.single."""
        self._points("before a statement")
        with super().single() as tx:
            yield tx
        self._points("after a statement")

    @contextmanager
    def read(self) -> Iterator[ReadTx]:
        """As Store.read."""
        with super().read() as tx:
            yield tx
        self._points("after a read")


class CrashingCluster:
    """Points around every call to a cluster, and to its meter where it is one."""

    def __init__(self, cluster: Any, points: Points) -> None:
        self._cluster = cluster
        self._points = points

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def observe(self, key: EndpointKey) -> Snapshot | Unavailable:
        """As the cluster's."""
        self._points.enter(key)
        seen: Snapshot | Unavailable = self._cluster.observe(key)
        self._points("after an observation")
        return seen

    def write(self, write: Write, *, dry_run: bool = False) -> WriteResult:
        """As the cluster's."""
        self._points(f"before the write: {write.message}")
        result: WriteResult = self._cluster.write(write, dry_run=dry_run)
        self._points(f"after the write: {write.message}")
        return result

    def scrape(self, key: EndpointKey) -> Scrape | NoData:
        """As the meter's."""
        seen: Scrape | NoData = self._cluster.scrape(key)
        self._points("after a scrape")
        return seen

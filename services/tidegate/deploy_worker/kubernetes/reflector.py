"""One LIST + WATCH of one collection, kept up for ever on a thread of its own.

It resumes at the last resourceVersion (bookmarks keep that young), lists again after 410 and when
watches said nothing for a while, waits with back-off and jitter after trouble, and knows at any
time how long ago the server was last heard: that age decides whether its cache may be believed.
"""

import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import structlog
from prometheus_client import Counter

from tidegate.core.ports import Unavailable
from tidegate.deploy_worker.kubernetes.api import Answer, Api, Stream
from tidegate.deploy_worker.kubernetes.listing import Unread, bodies

log = structlog.get_logger()
LISTS = Counter(
    "tidegate_kubernetes_lists_total",
    "Collections read whole: at the start, and when a watch was too old.",
)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. silence: without a byte, after which the collection is read again (servers send a
    bookmark each minute; to a watch from a version that they have not come to, as after etcd was
    restored, they send nothing). watch: how long the server shall keep a watch. first, most:
    back-off after trouble. denied, absent: until a collection that is forbidden, or whose CRD is
    missing, is tried again. stale: age at which the cache of a quiet watch is no longer believed;
    lost: of a broken one. Every wait is multiplied by 0.5..1 at random."""

    silence: float = 75.0
    watch: float = 300.0
    first: float = 0.2
    most: float = 15.0
    denied: float = 30.0
    absent: float = 60.0
    stale: float = 120.0
    lost: float = 15.0
    call: float = 10.0
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random

    def jitter(self, seconds: float) -> float:
        """Somewhere in the upper half of a wait, so that many watches do not come back together."""
        return seconds * (0.5 + self.chance() / 2)


class Sink(Protocol):
    """Where a reflector puts what it reads. Both return the endpoints concerned."""

    def replace(self, items: Iterable[Mapping[str, Any]], version: str) -> frozenset[str]:
        """A whole list."""

    def event(self, kind: str, item: Mapping[str, Any]) -> frozenset[str]:
        """One event."""


@dataclass(frozen=True, slots=True)
class Contact:
    """How a reflector stands with the server. heard: monotonic seconds of the last word. broken:
    why there is no watch right now, since broken_at. denied: the server's refusal. absent: the kind
    is not served; both since broken_at, too."""

    synced: bool = False
    heard: float = 0.0
    broken: str | None = None
    broken_at: float = 0.0
    denied: str | None = None
    absent: bool = False


@dataclass(slots=True)
class Reflector:
    """See the module. selection: the query's selectors. `changed` is called on the reflector's
    thread with the endpoints concerned, also with none when the collection was read, or is
    denied."""

    api: Api
    path: str
    selection: Mapping[str, str]
    sink: Sink
    changed: Callable[[frozenset[str]], None]
    timing: Timing = field(default_factory=Timing)
    contact: Contact = field(default_factory=Contact)
    _stop: threading.Event = field(default_factory=threading.Event)
    _stream: Stream | None = None
    _version: str = ""
    _told: float = 0.0  # when a list or an event last came
    _failures: int = 0

    def start(self) -> None:
        """Begin, on a daemon thread."""
        threading.Thread(target=self.run, name=f"watch {self.path}", daemon=True).start()

    def stop(self) -> None:
        """End soon; does not wait."""
        self._stop.set()
        stream = self._stream
        if stream is not None:
            stream.abort()

    def run(self) -> None:
        """List and watch until stopped."""
        while not self._stop.is_set():
            try:
                wait = self.turn()
            except Exception:
                # A bug must not end the watch silently: the cache would stay believed until it is
                # stale.
                log.exception("watch failed", path=self.path)
                self._version, wait = "", self._back_off()
            if wait:
                self._stop.wait(wait)

    def turn(self) -> float:
        """One list if needed, then one watch to its end; the seconds to wait before the next
        turn."""
        if self.timing.clock() - self._told >= self.timing.silence:
            self._version = ""
        if not self._version and (refused := self._list()) is not None:
            return self._refused(refused)
        began = self.timing.clock()
        query = {"allowWatchBookmarks": "true", "resourceVersion": self._version, **self.selection}
        query["timeoutSeconds"] = str(int(self.timing.jitter(self.timing.watch)) or 1)
        opened = self.api.watch(self.path, query, self.timing.silence)
        if not isinstance(opened, Stream):
            return self._refused(opened)
        self._stream = opened
        if self._stop.is_set():  # `stop` came before it could see the stream
            opened.abort()
        self._heard()
        refused = self._follow(opened)
        self._stream = None
        if refused is not None:
            return self._refused(refused)
        if self.timing.clock() - began < 1.0:  # ended at once: not to be asked in a tight loop
            return self._back_off()
        self._failures = 0
        return 0.0

    def trouble(self, now: float) -> str | None:
        """Why the sink must not be believed now; None while it may be."""
        contact = self.contact
        timing = self.timing
        if contact.denied is not None:
            return f"not permitted: {contact.denied}"
        if not contact.synced:
            return f"{self.path} is not read yet" + (
                f": {contact.broken}" if contact.broken else ""
            )
        limit = timing.stale + (timing.absent if contact.absent else 0.0)
        # No ages: these words become statuses, and a status that grows is a change each time.
        if contact.broken is not None and now - contact.broken_at > timing.lost:
            return f"{self.path} is not watched now: {contact.broken}"
        if now - contact.heard > limit:
            return f"{self.path} has said nothing for over {limit:.0f} s"
        return None

    def absent(self, now: float) -> bool:
        """Whether the kind has been unknown to the server for a while."""
        return self.contact.absent and now - self.contact.broken_at > self.timing.lost

    def _list(self) -> Answer | Unavailable | None:
        """Read the whole collection into the sink; the refusal where that failed."""
        LISTS.inc()
        items: list[Mapping[str, Any]] = []
        version = ""
        try:
            for page in bodies(self.api, self.path, self.timing.call, self.selection):
                items.extend(page.get("items") or ())
                version = str((page.get("metadata") or {}).get("resourceVersion", ""))
        except Unread as error:
            return error.answer
        self._version = version
        concerned = self.sink.replace(items, self._version)
        self._heard()
        self._told = self.contact.heard
        self.changed(concerned)
        return None

    def _follow(self, stream: Stream) -> Answer | Unavailable | None:
        """Take in events until the stream ends; what went wrong, None where it ended in order."""
        for event in stream:
            if self._stop.is_set():
                return None
            item = event.get("object") or {}
            if event.get("type") == "ERROR":
                stream.abort()
                return Answer(int(item.get("code") or 500), item)
            self._version = str(item["metadata"]["resourceVersion"])
            if event["type"] != "BOOKMARK" and (concerned := self.sink.event(event["type"], item)):
                self.changed(concerned)
            self._failures = 0
            self._heard()
            self._told = self.contact.heard
        if stream.trouble and not self._stop.is_set():
            return Unavailable(stream.trouble)
        return None

    def _heard(self) -> None:
        self.contact = Contact(synced=True, heard=self.timing.clock())

    def _refused(self, answer: Answer | Unavailable) -> float:
        """Note what the server said instead; the seconds to wait."""
        before = self.contact
        now = self.timing.clock()
        if isinstance(answer, Unavailable):
            self.contact = _broken(before, answer.detail, now)
            return self._back_off()
        if answer.status == 403:
            return self._denied(before, answer.words, now)
        if answer.status == 404:
            return self._absent(before, answer.words, now)
        if answer.status == 410:
            self._version = ""
        self.contact = _broken(before, answer.words, now)
        return max(self._back_off(), answer.retry_after or 0.0)

    def _absent(self, before: Contact, words: str, now: float) -> float:
        """No such kind: an empty collection, looked for again now and then. An API server that has
        just started does not know its own definitions for a moment: what was there is forgotten
        only when that lasts."""
        self._version = ""
        contact = _broken(before, words, now)
        if before.synced and not before.absent and now - contact.broken_at <= self.timing.lost:
            self.contact = contact
            return self._back_off()
        since = now
        if before.absent:
            since = before.broken_at
        self.contact = Contact(synced=True, heard=now, absent=True, broken_at=since)
        self.changed(self.sink.replace((), ""))
        return self.timing.jitter(self.timing.absent)

    def _denied(self, before: Contact, words: str, now: float) -> float:
        """Nothing is believed from now on; forgotten it is only when that lasts. An API server that
        has just started denies everything for a moment."""
        since = now
        if before.denied is not None:
            since = before.broken_at
        self._version = ""
        self.contact = Contact(denied=words, heard=now, broken_at=since)
        self.changed(self.sink.replace((), "") if now - since > self.timing.lost else frozenset())
        return self._back_off(self.timing.denied)

    def _back_off(self, most: float | None = None) -> float:
        wait = min(
            self.timing.first * 2.0 ** min(self._failures, 10),
            self.timing.most if most is None else most,
        )
        self._failures += 1
        return self.timing.jitter(wait)


def _broken(before: Contact, message: str, now: float) -> Contact:
    broken_at = now
    if before.broken is not None:
        broken_at = before.broken_at
    return replace(before, broken=message, broken_at=broken_at)

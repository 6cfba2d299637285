"""`core.ports.Cluster` on a real API server: looks from the watched caches, writes by the writer.

An idle endpoint costs no request: `observe` reads memory. What may be stale is told as Unavailable,
never served.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tidegate.core.drivers.rendering import DEPLOYMENT_MODE, ENDPOINT, NEW_NAMES
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import (
    Apply,
    Capabilities,
    Done,
    Refused,
    Remove,
    Snapshot,
    Unavailable,
    Write,
    WriteResult,
)
from tidegate.deploy_worker.kubernetes.api import Api
from tidegate.deploy_worker.kubernetes.capabilities import Expected, Inquiry
from tidegate.deploy_worker.kubernetes.kinds import ISVC, Object, written
from tidegate.deploy_worker.kubernetes.patience import Patience
from tidegate.deploy_worker.kubernetes.reflector import Timing
from tidegate.deploy_worker.kubernetes.strangers import Strangers
from tidegate.deploy_worker.kubernetes.watched_tenants import Space, Tenants, Wake
from tidegate.deploy_worker.kubernetes.writer import Writer, Written


@dataclass(frozen=True, slots=True)
class Options:
    """How the adapter waits, and what it expects of the cluster. now: epoch seconds."""

    timing: Timing = field(default_factory=Timing)
    patience: Patience = field(default_factory=Patience)
    expected: Expected = field(default_factory=Expected)
    now: Callable[[], float] = time.time


class KubernetesCluster:
    """See the module. Watches begin with `start`, which the first `watch` calls, and end with
    `close`."""

    def __init__(self, api: Api, options: Options | None = None) -> None:
        self.api = api
        self._options = options or Options()
        self._watchers: list[Wake] = []
        self._lock = threading.Lock()
        self._started = False
        timing = self._options.timing
        self.tenants = Tenants(api, self._woken, timing)
        self._writer = Writer(api, self._options.patience)
        self._strangers = Strangers(self._writer.get, timing.clock)
        self.inquiry = Inquiry(api, self._options.expected, timing, self.tenants)

    def start(self) -> None:
        """Begin to watch."""
        with self._lock:
            if self._started:
                return
            self._started = True
        self.tenants.start()
        self.inquiry.start()

    def close(self) -> None:
        """End every watch."""
        self.tenants.stop()
        self.inquiry.stop()

    def observe(self, key: EndpointKey) -> Snapshot | Unavailable:
        """What the watches know of an endpoint. Makes a request only where nothing of it exists, or
        where somebody else's object stands in its way."""
        space = self.tenants.space(key.namespace)
        if isinstance(space, Unavailable):
            return space
        objects = space.objects(key.name)
        fresh = not any(_marked(item, key) for item in objects)
        strangers = self._strangers.of(key.namespace, key.name, fresh=fresh)
        if isinstance(strangers, Unavailable):
            return strangers
        known = {(item["kind"], item["metadata"]["name"]) for item in objects}
        others = (
            item for item in strangers if (item["kind"], item["metadata"]["name"]) not in known
        )
        return Snapshot(key, (*objects, *others), self._options.now())

    def write(self, write: Write, *, dry_run: bool = False) -> WriteResult:
        """One write, tried again within bounds; its result is seen by the next `observe`."""
        match write:
            case Apply(manifest, _, _):
                meta = manifest["metadata"]
                space = self.tenants.space(meta["namespace"])
                if isinstance(space, Unavailable):
                    return space
                return self._apply(write, space, meta["name"], dry_run)
            case Remove(_, _, namespace, _, _, _):
                space = self.tenants.space(namespace)
                if isinstance(space, Unavailable):
                    return space
                return self._remove(write, space, dry_run)

    def watch(self, wake: Wake) -> Callable[[], None]:
        """Call `wake` from the watches' threads for each endpoint that an event concerns."""
        with self._lock:
            self._watchers.append(wake)
        self.start()

        def stop() -> None:
            with self._lock:
                self._watchers.remove(wake)

        return stop

    def capabilities(self) -> Capabilities | Unavailable:
        """What was last found, with the tenants that are not permitted."""
        return self.inquiry.capabilities()

    def trouble(self) -> Unavailable | None:
        """Why not even the list of tenants can be believed; None while it can."""
        message = self.tenants.watch.trouble(self._options.timing.clock())
        if not message:
            return None
        return Unavailable(message)

    def _woken(self, key: EndpointKey) -> None:
        with self._lock:
            watchers = tuple(self._watchers)
        for wake in watchers:
            wake(key)

    def _apply(self, write: Apply, space: Space, name: str, dry_run: bool) -> WriteResult:
        kind = written(write.manifest["apiVersion"], write.manifest["kind"])
        cache = None
        if kind:
            cache = space.caches.get(kind)
        known = None
        if cache:
            known = cache.get(name)
        adopts = write.adopts and known is not None and known["metadata"]["uid"] == write.uid
        if known is not None and not adopts and not _ours(known, write.manifest):
            return Refused(
                f"{known['kind']} {space.namespace}/{name} is not Tidegate's (no label {ENDPOINT} "
                "of this endpoint): "
                "rename the endpoint, or remove the object"
            )
        if not dry_run and (unsure := self._unsure(write, known, space)) is not None:
            return unsure
        done = self._writer.apply(write, known, dry_run=dry_run)
        if kind is not None and done.in_the_way and not dry_run:
            self._meet(space, write, name)
        if cache is not None and done.item is not None and not dry_run:
            cache.wrote(done.item)
        missing = kind is not None and space.absent(kind, self._options.timing.clock())
        if missing and isinstance(done.result, Unavailable):
            # Not for a moment only: its definition is not installed
            return Refused(done.result.detail)
        return done.result

    def _unsure(self, write: Apply, known: Object | None, space: Space) -> Unavailable | None:
        """A name of a deployment mode is written only when it is known that KServe knows it, or
        when it stands there already: a plan may have been made before the cluster was first asked,
        and KServe takes any name."""
        mode = _mode(write.manifest)
        if mode is None or (known is not None and _mode(known) == mode):
            return None
        if space.absent(ISVC, self._options.timing.clock()):
            return None  # the server will say so
        capabilities = self.inquiry.capabilities()
        if (
            isinstance(capabilities, Capabilities)
            and capabilities.standard
            and capabilities.new_names == (mode in NEW_NAMES.values())
        ):
            return None
        message = "this was planned before"
        if isinstance(capabilities, Unavailable):
            message = capabilities.detail
        return Unavailable(
            f"how this KServe names deployment mode {mode} must be known first: {message}"
        )

    def _remove(self, write: Remove, space: Space, dry_run: bool) -> WriteResult:
        kind = written(write.api_version, write.kind)
        cache = None
        if kind:
            cache = space.caches.get(kind)
        known = None
        if cache:
            known = cache.get(write.name)
        going = known is not None and known["metadata"].get("deletionTimestamp")
        if known is not None and going and known["metadata"]["uid"] == write.uid:
            return Done()  # its finalizers are at work: asking again changes nothing
        done: Written = self._writer.remove(write, dry_run=dry_run)
        if cache is not None and isinstance(done.result, Done) and not dry_run:
            if done.item is not None:
                cache.wrote(done.item)
            else:
                cache.removed(write.name, write.uid)
        return done.result

    def _meet(self, space: Space, write: Apply, name: str) -> None:
        """A create met an object: see whose it is, so that the next reconcile shows it."""
        kind = written(write.manifest["apiVersion"], write.manifest["kind"])
        assert kind is not None
        item = self._writer.get(kind, space.namespace, name)
        if item is None or isinstance(item, Unavailable):
            return
        if _ours(item, write.manifest) or not kind.selector:
            # Our own, by an attempt whose answer was lost, or one the watch will tell
            space.caches[kind].wrote(item)
        else:
            self._strangers.note((kind, space.namespace, name), item)


def _mode(item: Object) -> str | None:
    return (item["metadata"].get("annotations") or {}).get(DEPLOYMENT_MODE)


def _marked(item: Object, key: EndpointKey) -> bool:
    return (item["metadata"].get("labels") or {}).get(ENDPOINT) == key.name


def _ours(item: Object, manifest: Object) -> bool:
    """Whether an object carries the endpoint label that we are about to write."""
    result, desired = (
        (entry["metadata"].get("labels") or {}).get(ENDPOINT) for entry in (item, manifest)
    )
    return bool(result == desired)

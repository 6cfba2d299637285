"""The tenants and their watches: namespaces that carry the tenant label, each with a cache of every
kind.

The label opts in, a RoleBinding permits: a labelled namespace without one is kept, and says "not
permitted". One thread and one connection per (tenant, kind): simple, and cheap up to a hundred
tenants or so.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Unavailable
from tidegate.deploy_worker.kubernetes.api import Api
from tidegate.deploy_worker.kubernetes.cache import Cache
from tidegate.deploy_worker.kubernetes.kinds import HEARSAY, WATCHED, Kind, Object
from tidegate.deploy_worker.kubernetes.reflector import Reflector, Timing

TENANT_LABEL = "tidegate.dev/tenant"
NAMESPACES = "/api/v1/namespaces"
Wake = Callable[[EndpointKey], None]


@dataclass(frozen=True, slots=True)
class Space:
    """One tenant: its caches, the reflectors that must fill them, and those that add words where
    they may."""

    namespace: str
    caches: Mapping[Kind, Cache]
    reflectors: tuple[Reflector, ...]
    hearsay: tuple[Reflector, ...]

    def objects(self, endpoint: str) -> tuple[Object, ...]:
        """Everything that concerns an endpoint."""
        return tuple(item for cache in self.caches.values() for item in cache.of(endpoint))

    def trouble(self, now: float) -> str | None:
        """Why these caches must not be believed now; None while all may be."""
        return next(
            (message for reflector in self.reflectors if (message := reflector.trouble(now))), None
        )

    def absent(self, kind: Kind, now: float) -> bool:
        """Whether the server has not known this kind for longer than it takes one to start."""
        path = kind.path(self.namespace)
        return any(
            reflector.path == path and reflector.absent(now) for reflector in self.reflectors
        )

    @property
    def denied(self) -> str | None:
        """The server's refusal, where there is one."""
        return next((r.contact.denied for r in self.reflectors if r.contact.denied), None)

    def start(self) -> None:
        """Begin every watch."""
        for reflector in (*self.reflectors, *self.hearsay):
            reflector.start()

    def stop(self) -> None:
        """End every watch."""
        for reflector in (*self.reflectors, *self.hearsay):
            reflector.stop()


class _Reading(Enum):
    NEW, WHOLE, DENIED = range(3)


def _reading(reflectors: Iterable[Reflector]) -> _Reading:
    contacts = [reflector.contact for reflector in reflectors]
    if any(contact.denied is not None for contact in contacts):
        return _Reading.DENIED
    if all(contact.synced for contact in contacts):
        return _Reading.WHOLE
    return _Reading.NEW


class Tenants:
    """See the module. `wake` is called on the watches' threads. `turned`, set before `start`, too:
    with a namespace, once its caches are whole (again), or denied from the start, and when it is
    left. What its endpoints had may have gone while nobody watched, and objects that are not there
    wake nobody. Also the Sink of the watch on namespaces.
    """

    def __init__(self, api: Api, wake: Wake, timing: Timing) -> None:
        self._api = api
        self._wake = wake
        self.turned: Callable[[str], None] = lambda _: None
        self._timing = timing
        self._lock = threading.Lock()
        self._spaces: dict[str, Space] = {}
        self._stopped = False
        self.watch = Reflector(
            api, NAMESPACES, {"labelSelector": f"{TENANT_LABEL}=true"}, self, lambda _: None, timing
        )

    def start(self) -> None:
        """Begin to watch namespaces; tenants come and go with their label."""
        self.watch.start()

    def stop(self) -> None:
        """End every watch."""
        self.watch.stop()
        with self._lock:
            self._stopped = True
            spaces = self._spaces
            self._spaces = {}
        for space in spaces.values():
            space.stop()

    def space(self, namespace: str) -> Space | Unavailable:
        """A tenant whose caches may be believed now, or why not."""
        space = self._spaces.get(namespace)
        now = self._timing.clock()
        if space is None:
            way_out = (
                f"not a tenant: label it {TENANT_LABEL}=true and bind Tidegate's tenant role in it"
            )
            unknown = self.watch.trouble(now)
            return Unavailable(
                f"namespace {namespace}: {unknown or way_out}", lasting=unknown is None
            )
        message = space.trouble(now)
        if message:
            return Unavailable(f"namespace {namespace}: {message}", space.denied is not None)
        return space

    def denied(self, namespace: str) -> str | None:
        """Why nothing may be done in a namespace, with the way out; None: it may, or nobody knows
        yet."""
        space = self._spaces.get(namespace)
        if space is not None:
            way_out = "bind ClusterRole tidegate-tenant there (deploy/k8s/rbac/rolebinding-tenant.example.yaml)"
            if not space.denied:
                return None
            return f"namespace {namespace} is not permitted: {space.denied}; {way_out}"
        if self.watch.trouble(self._timing.clock()):
            return None
        return f"namespace {namespace} is not a tenant: label it {TENANT_LABEL}=true and bind Tidegate's role in it"

    def all(self) -> tuple[Space, ...]:
        """Every tenant, permitted or not."""
        with self._lock:
            return tuple(self._spaces[name] for name in sorted(self._spaces))

    def replace(self, items: Iterable[Mapping[str, Any]], version: str) -> frozenset[str]:
        """Sink: the list of tenant namespaces."""
        desired = {
            item["metadata"]["name"]
            for item in items
            if not item["metadata"].get("deletionTimestamp")
        }
        for name in self._spaces.keys() - desired:
            self._leave(name)
        for name in desired:
            self._join(name)
        return frozenset()

    def event(self, kind: str, item: Mapping[str, Any]) -> frozenset[str]:
        """Sink: a namespace got or lost the label, or goes."""
        name = item["metadata"]["name"]
        if kind == "DELETED":
            self._leave(name)
        else:
            self._join(name)
        return frozenset()

    def _join(self, namespace: str) -> None:
        with self._lock:
            if self._stopped or namespace in self._spaces:
                return
            space = self._spaces[namespace] = self._make(namespace)
        space.start()

    def _leave(self, namespace: str) -> None:
        with self._lock:
            space = self._spaces.pop(namespace, None)
        if space is not None:
            space.stop()
            self.turned(namespace)

    def _make(self, namespace: str) -> Space:
        lock = threading.Lock()
        before = _Reading.NEW

        def changed(endpoints: frozenset[str]) -> None:
            nonlocal before
            for endpoint in endpoints:
                self._wake(EndpointKey(namespace, endpoint))
            with lock:
                now = _reading(watched)
                # A denial of what was whole is told by the endpoints' objects, once it lasts.
                turned = now is not before and (now is _Reading.WHOLE or before is _Reading.NEW)
                if now is not _Reading.NEW:
                    before = now
            if turned:
                self.turned(namespace)

        caches = {kind: Cache(kind, self._timing.clock) for kind in (*WATCHED, *HEARSAY)}

        def watches(kinds: Iterable[Kind]) -> tuple[Reflector, ...]:
            space = ((kind, kind.path(namespace), caches[kind]) for kind in kinds)
            return tuple(
                Reflector(self._api, path, k.selection, c, changed, self._timing)
                for k, path, c in space
            )

        watched = watches(WATCHED)
        return Space(namespace, caches, watched, watches(HEARSAY))

"""An in-memory API server: objects with uid, generation and resourceVersion, apply, delete, watch.

Stored objects are never changed in place: a write stores a new one. So reading is free of copies,
and whatever was read stays as it was. All identifiers come from one counter, so a run repeats
exactly.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tidegate.core.ports import Conflict, Done, Refused
from tidegate_local.played.api import POD, Kind, check, kind_of
from tidegate_local.played.field_owners import FIELDS, after_apply, after_edit
from tidegate_local.played.merge import merge, patch, prune

Object = Mapping[str, Any]
Watcher = Callable[[Object], None]
Admit = Callable[[dict[str, Any], Object | None], dict[str, Any] | str]
WHATEVER: Final = "*"  # no precondition on the uid

_BESIDE_SPEC = frozenset({"apiVersion", "kind", "metadata", "status"})


def timestamp(seconds: float) -> str:
    """Epoch seconds as Kubernetes writes a time (RFC 3339, UTC, whole seconds)."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class _Record:
    """One stored object and what its user applied last."""

    object: Object
    applied: Object


class Objects:
    """The store. `clock`: epoch seconds. `admit`: the webhooks, (new, old) -> the object as they
    left it, or the sentence they refuse it with. Watchers are called after each change, outside the
    lock, by the writer's thread."""

    def __init__(self, clock: Callable[[], float], admit: Admit | None = None) -> None:
        self.clock = clock
        self.version = 0
        self._admit = admit or (lambda new, old: new)
        self._lock = threading.RLock()
        self._records: dict[Kind, dict[tuple[str, str], _Record]] = {}
        self._watchers: list[Watcher] = []

    # reading

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The object, None when there is none."""
        record = self._records.get(kind, {}).get((namespace, name))
        if not record:
            return None
        return record.object

    def list(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> list[Object]:
        """Objects of a kind that carry all of `labels`, by namespace and name."""
        desired = (labels or {}).items()
        with self._lock:
            records = self._records.get(kind)
            if not records:
                return []
            manifests = [
                record.object
                for (space, _), record in records.items()
                if namespace in (None, space)
            ]
        matching = [o for o in manifests if desired <= o["metadata"].get("labels", {}).items()]
        return sorted(matching, key=named)

    def all(self, namespace: str | None = None) -> tuple[Object, ...]:
        """Every object, of one namespace or of all, as they were at one moment."""
        with self._lock:
            return tuple(o for kind in sorted(self._records) for o in self.list(kind, namespace))

    # writing: people and Tidegate

    def apply(
        self, manifest: Object, uid: str | None = WHATEVER, *, dry_run: bool = False
    ) -> Done | Conflict | Refused:
        """Server-side apply by the one field manager, forced. uid None: must not exist; a uid: must
        be that one."""
        manifest = {key: value for key, value in prune(manifest).items() if key != "status"}
        problem = check(manifest)
        if problem:
            return Refused(problem)
        with self._lock:
            record = self._record(manifest)
            conflict = _precondition(manifest, record, uid)
            if conflict:
                return conflict
            if record:
                live = record.object
                before = record.applied
            else:
                live = {}
                before = {}
            merged = merge(_owned(live), before, _owned(manifest))
            owners = after_apply(live.get("metadata", {}).get(FIELDS, []), _owned(manifest))
            merged = _with_owners(merged, owners)
            result = self._store(merged, record, _owned(manifest), dry_run=dry_run)
        return self._notify(result)

    def edit(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        change: Object,
        manager: str = "kubectl-edit",
    ) -> Done | Conflict | Refused:
        """A JSON merge patch by somebody else (`kubectl annotate`, `kubectl patch`). manager: the
        name under which the fields that it changes are theirs."""
        with self._lock:
            record = self._records.get(kind, {}).get((namespace, name))
            if record is None:
                return Conflict(f'{kind.kind} "{name}" not found')
            changed = patch(
                _owned(record.object), {k: v for k, v in change.items() if k != "status"}
            )
            metadata = record.object["metadata"]
            owners = after_edit(
                metadata.get(FIELDS, []), record.object, change, manager, timestamp(self.clock())
            )
            result = self._store(_with_owners(changed, owners), record, record.applied)
        return self._notify(result)

    # writing: controllers

    def write(self, manifest: Object) -> Done | Refused:
        """Create, or replace labels, annotations, owners and spec; the status stays. Nothing
        happens when equal."""
        owned = _owned(manifest)
        with self._lock:
            record = self._record(manifest)
            if record and owned == _owned(record.object):  # as most passes of a controller find it
                return Done()
            problem = check(manifest)
            if problem:
                return Refused(problem)
            result = self._store(prune(owned), record, record.applied if record else {})
        return self._notify(result)

    def set_status(self, target: Object, status: Object) -> None:
        """Replace the status of an object that still exists under the same uid."""
        changed: Object | None = None
        with self._lock:
            record = self._record(target)
            if (
                record
                and _uid(record.object) == _uid(target)
                and record.object.get("status") != status
            ):
                changed = self._keep({**record.object, "status": dict(status)}, record.applied)
        self._tell(changed)

    def delete(self, kind: Kind, namespace: str, name: str, uid: str = WHATEVER) -> Done | Conflict:
        """Delete one object. Gone already is Done; another uid is a Conflict. A Pod only begins to
        terminate: its kubelet removes it."""
        with self._lock:
            record = self._records.get(kind, {}).get((namespace, name))
            if record is None:
                return Done()
            if uid not in (WHATEVER, _uid(record.object)):
                return Conflict(
                    f'{kind.kind} "{name}": uid is {_uid(record.object)}, not {uid}: look again'
                )
            changed = record.object
            if kind != POD:
                self._drop(record.object)
            elif "deletionTimestamp" not in record.object["metadata"]:
                metadata = {
                    **record.object["metadata"],
                    "deletionTimestamp": timestamp(self.clock()),
                }
                changed = self._keep({**record.object, "metadata": metadata}, record.applied)
        self._tell(changed)
        return Done()

    def purge(self, target: Object) -> None:
        """Remove a terminated Pod."""
        with self._lock:
            if self._record(target):
                self._drop(target)
        self._tell(target)

    # watching and keeping

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher` with each changed or deleted object. Returns the stopper."""
        with self._lock:
            self._watchers = [*self._watchers, watcher]

        def stop() -> None:
            with self._lock:
                self._watchers = [w for w in self._watchers if w is not watcher]

        return stop

    def save(self, path: Path) -> None:
        """Write everything as JSON, whole or not at all."""
        with self._lock:
            records = [
                [r.object, r.applied] for kind in self._records.values() for r in kind.values()
            ]
            text = json.dumps({"version": self.version, "records": records})
        beside = path.with_suffix(".new")
        beside.write_text(text)
        beside.replace(path)

    def load(self, path: Path) -> None:
        """Read what `save` wrote, in place of everything here."""
        saved = json.loads(path.read_text())
        with self._lock:
            self.version = saved["version"]
            self._records = {}
            for obj, applied in saved["records"]:
                place = named(obj)
                self._records.setdefault(kind_of(obj), {})[place] = _Record(obj, applied)

    # inside, under the lock

    def _record(self, target: Object) -> _Record | None:
        metadata = target["metadata"]
        return self._records.get(kind_of(target), {}).get((metadata["namespace"], metadata["name"]))

    def _store(
        self, new: dict[str, Any], record: _Record | None, applied: Object, *, dry_run: bool = False
    ) -> Object | Done | Refused:
        old = None
        if record:
            old = record.object
        admitted = self._admit(new, old)
        if isinstance(admitted, str):
            return Refused(admitted)
        complete = self._complete(admitted, old)
        if dry_run:
            return Done()
        if complete == old:
            if record and record.applied != applied:
                self._records[kind_of(new)][
                    new["metadata"]["namespace"], new["metadata"]["name"]
                ] = _Record(old, applied)
            return Done()
        return self._keep(complete, applied)

    def _complete(self, new: dict[str, Any], old: Object | None) -> dict[str, Any]:
        """`new` with the metadata and the status that the API server itself keeps."""
        kept = {}
        if old:
            kept = dict(old["metadata"])
        if old is None:
            number = f"{self.version + 1:012d}"
            kept = {
                "uid": f"00000000-0000-4000-8000-{number}",
                "creationTimestamp": timestamp(self.clock()),
            }
            kept["generation"] = 1
        elif _content(new) != _content(old):
            kept["generation"] = old["metadata"]["generation"] + 1
        for key in ("labels", "annotations", "ownerReferences"):
            kept.pop(key, None)
        if FIELDS in new["metadata"]:
            kept.pop(FIELDS, None)
        status = {}
        if old and "status" in old:
            status = {"status": old["status"]}
        return {**new, "metadata": {**kept, **new["metadata"]}, **status}

    def _keep(self, complete: Object, applied: Object) -> Object:
        self.version += 1
        metadata = {**complete["metadata"], "resourceVersion": str(self.version)}
        stored = {**complete, "metadata": metadata}
        self._records.setdefault(kind_of(stored), {})[metadata["namespace"], metadata["name"]] = (
            _Record(stored, applied)
        )
        return stored

    def _drop(self, target: Object) -> None:
        self.version += 1
        del self._records[kind_of(target)][
            target["metadata"]["namespace"], target["metadata"]["name"]
        ]

    def _notify(self, result: Object | Done | Refused) -> Done | Refused:
        if isinstance(result, Done | Refused):
            return result
        self._tell(result)
        return Done()

    def _tell(self, changed: Object | None) -> None:
        if changed is not None:
            for watcher in self._watchers:
                watcher(changed)


def named(obj: Object) -> tuple[str, str]:
    """(namespace, name)."""
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def owner(parent: Object) -> list[dict[str, Any]]:
    """The ownerReferences of a child of `parent`."""
    kind = kind_of(parent)
    metadata = parent["metadata"]
    reference = {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
    return [{**reference, "controller": True, "blockOwnerDeletion": True}]


def _uid(obj: Object) -> str | None:
    uid = obj["metadata"].get("uid")
    if uid is None:
        return None
    return str(uid)


def _with_owners(obj: dict[str, Any], owners: list[dict[str, Any]]) -> dict[str, Any]:
    return {**obj, "metadata": {**obj["metadata"], FIELDS: owners}}


def _content(obj: Object) -> dict[str, Any]:
    return {key: value for key, value in obj.items() if key not in _BESIDE_SPEC}


def _owned(obj: Object) -> dict[str, Any]:
    """The part of an object that its writers own: no status, of the metadata only names, labels and
    the like."""
    metadata = obj.get("metadata", {})
    keys = ("name", "namespace", "labels", "annotations", "ownerReferences")
    owned = {key: value for key, value in obj.items() if key != "status"}
    return {**owned, "metadata": {key: metadata[key] for key in keys if key in metadata}}


def _precondition(manifest: Object, record: _Record | None, uid: str | None) -> Conflict | None:
    if uid == WHATEVER:
        return None
    here = None
    if record:
        here = _uid(record.object)
    if here == uid:
        return None
    name = f'{kind_of(manifest).kind} "{manifest["metadata"]["name"]}"'
    return Conflict(f"{name}: seen uid {uid or 'none'}, found {here or 'none'}: look again")

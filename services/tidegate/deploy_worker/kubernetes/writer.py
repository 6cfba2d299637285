"""Writes: server-side apply of full objects by one field manager, each only onto the object that
was seen.

The uid in the body is the precondition. A resourceVersion is never one: somebody's status updates
must not be able to starve an abort. What must not exist yet is created by POST, the only call that
the server refuses for an object that exists (ownership.py says what that costs). A 404 for a whole
kind says nothing about an object.
"""

from dataclasses import dataclass
from typing import Any

from tidegate.core.ports import (
    Apply,
    Conflict,
    Done,
    Manifest,
    Refused,
    Remove,
    Unavailable,
    WriteResult,
)
from tidegate.deploy_worker.kubernetes import ownership
from tidegate.deploy_worker.kubernetes.api import APPLY, JSON_PATCH, Answer, Api, Query
from tidegate.deploy_worker.kubernetes.kinds import Kind, Object, written
from tidegate.deploy_worker.kubernetes.patience import Patience

TAKEOVERS = 3


@dataclass(frozen=True, slots=True)
class Written:
    """The result, and the object that the server now has: as answered, None where there is none or
    it is unknown. in_the_way: the object that a create met."""

    result: WriteResult
    item: Object | None = None
    in_the_way: bool = False


class Writer:
    """See the module."""

    def __init__(self, api: Api, patience: Patience) -> None:
        self._api = api
        self._patience = patience

    def apply(self, write: Apply, known: Object | None, *, dry_run: bool = False) -> Written:
        """Create (uid None) or apply. `known`: the cached object, whose managedFields tell whether
        we made it."""
        manifest = write.manifest
        kind = written(manifest["apiVersion"], manifest["kind"])
        if kind is None:
            return Written(_unknown(manifest["apiVersion"], manifest["kind"]))
        path = kind.path(manifest["metadata"]["namespace"], manifest["metadata"]["name"])
        if write.uid is None:
            return self._create(kind, manifest, dry_run)
        if (
            not dry_run
            and ownership.made_by_post(known)
            and (failed := self._take_over(path, write.uid))
        ):
            return Written(failed)
        body = {**manifest, "metadata": {**manifest["metadata"], "uid": write.uid}}
        query = {"fieldManager": ownership.MANAGER, "force": "true", **_dry(dry_run)}
        answer = self._persist("PATCH", path, body, query, APPLY)
        result = _result(answer, dry_run)
        item = None
        if isinstance(answer, Answer) and answer.ok:
            item = answer.body
        return Written(result, item)

    def remove(self, write: Remove, *, dry_run: bool = False) -> Written:
        """Delete while the uid still is this one. `item` is what is left where finalizers hold
        it."""
        kind = written(write.api_version, write.kind)
        if kind is None:
            return Written(_unknown(write.api_version, write.kind))
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": write.uid},
            "propagationPolicy": "Background",
        }
        answer = self._persist(
            "DELETE", kind.path(write.namespace, write.name), body, _dry(dry_run)
        )
        if isinstance(answer, Answer) and answer.status == 404:
            return Written(Done())
        left = isinstance(answer, Answer) and answer.ok and answer.body.get("kind") == write.kind
        return Written(
            _result(answer, dry_run), answer.body if left and isinstance(answer, Answer) else None
        )

    def get(self, kind: Kind, namespace: str, name: str) -> Object | Unavailable | None:
        """One object as it is now, None where there is none."""
        answer = self._persist("GET", kind.path(namespace, name))
        if isinstance(answer, Unavailable):
            return answer
        if answer.status == 404:
            return None
        if answer.ok:
            return answer.body
        return Unavailable(answer.words)

    def _create(self, kind: Kind, manifest: Manifest, dry_run: bool) -> Written:
        query = {"fieldManager": ownership.MANAGER, **_dry(dry_run)}
        answer = self._persist(
            "POST", kind.path(manifest["metadata"]["namespace"]), manifest, query
        )
        taken = (
            isinstance(answer, Answer)
            and answer.status == 409
            and answer.body.get("reason") == "AlreadyExists"
        )
        made = None
        if isinstance(answer, Answer) and answer.ok:
            made = answer.body
        return Written(_result(answer, dry_run), made, taken)

    def _take_over(self, path: str, uid: str) -> WriteResult | None:
        """Make our create an apply; None when that is done."""
        for _ in range(TAKEOVERS):
            result = self._persist("GET", path)
            if isinstance(result, Unavailable) or not result.ok:
                if isinstance(result, Unavailable):
                    return _result(result)
                return Conflict(result.words)
            if result.body["metadata"]["uid"] != uid:
                return Conflict(f"uid is {result.body['metadata']['uid']}, not {uid}")
            patch = ownership.takeover(result.body)
            if not patch:
                return None
            answer = self._persist(
                "PATCH", path, patch, {"fieldManager": ownership.MANAGER}, JSON_PATCH
            )
            if isinstance(answer, Unavailable):
                return answer
            if answer.ok:
                return None
            if answer.status != 422:
                return _result(answer)
        return Conflict("other writers moved the list of field owners meanwhile: look again")

    def _persist(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Query | None = None,
        content: str = "application/json",
    ) -> Answer | Unavailable:
        answer = self._patience.persist(
            lambda timeout: self._api.call(
                method, path, body, query=query, content_type=content, timeout=timeout
            )
        )
        if isinstance(answer, Answer) and answer.unserved:
            return Unavailable(
                f"{method} {path}: the API server does not know this kind now: {answer.words}"
            )
        return answer


def _result(answer: Answer | Unavailable, dry_run: bool = False) -> WriteResult:
    """A missing permission is no refusal of this write: it is tried again soon, for roles come and
    go without us."""
    if isinstance(answer, Unavailable):
        return answer
    if answer.ok:
        return Done()
    if answer.unauthorised and not dry_run:
        return Unavailable(f"not permitted: {answer.words}")
    if answer.status == 409:
        return Conflict(answer.words)
    return Refused(answer.words, _field(answer))


def _field(answer: Answer) -> str:
    """The JSON path that an Invalid names; webhooks and policies name none."""
    causes = (answer.body.get("details") or {}).get("causes") or ()
    return next((str(cause["field"]) for cause in causes if cause.get("field")), "")


def _unknown(api_version: str, kind: str) -> Refused:
    return Refused(
        f"{kind} in {api_version} is not a kind that Tidegate writes: this is a bug in a driver"
    )


def _dry(dry_run: bool) -> Query:
    if not dry_run:
        return {}
    return {"dryRun": "All"}

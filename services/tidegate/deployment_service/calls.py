"""What every call carries, and the one way to change something: `mutate`.

A change, its idempotency key and its ledger lines are one transaction; a dry run is the same
transaction rolled back, so that it cannot say anything else than the real call would. What moves
traffic first is drafted so too, and its metric is put to the worker between draft and change.
"""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, NoReturn

from fastapi import Depends, Header, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from tidegate.core.access import Role, namespaces
from tidegate.core.errors import Problem, Remediation
from tidegate.core.ports import Registry
from tidegate.core.preflight import Report
from tidegate.core.preflight import Request as Preflight
from tidegate.deployment_service import preflight
from tidegate.deployment_service.events import Hub
from tidegate.deployment_service.identity import Identities
from tidegate.settings import Settings
from tidegate.store import idempotency
from tidegate.store.engine import Store, Tx
from tidegate.store.idempotency import KeyScope
from tidegate.web.access import demand
from tidegate.web.auth import Principal
from tidegate.web.problems import refuse, refused


@dataclass(frozen=True, slots=True)
class Services:
    """What the app was made with."""

    store: Store
    registry: Registry
    settings: Settings
    hub: Hub
    asker: preflight.Asker
    identities: Identities


@dataclass(frozen=True, slots=True)
class Caller:
    """A call that reads."""

    services: Services
    principal: Principal
    path: str
    if_none_match: str | None = None

    def demand(self, role: Role, namespace: str) -> None:
        """403 for a caller without this role there: for what only the request's body tells."""
        demand(self.principal, role, namespace, self.services.settings.tenants)

    def choice(self) -> tuple[str, ...]:
        """The namespaces that the caller can mean where it names none: those of its roles, else the
        tenants."""
        tenants = self.services.settings.tenants
        mine = namespaces(self.principal.grants, Role.VIEWER)
        if mine is None:
            return tenants
        return tuple(sorted(item for item in mine if not tenants or item in tenants))


@dataclass(frozen=True, slots=True)
class Call(Caller):
    """A call that changes something."""

    method: str = "POST"
    idempotency_key: str | None = None
    if_match: str | None = None
    dry_run: bool = False
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a change answers. location: of what was made. A dry run answers 200 whatever `status`
    says. preflight: what must be looked at in the cluster before this is accepted."""

    status: int
    body: BaseModel
    etag: str | None = None
    location: str | None = None
    preflight: Preflight | None = None


class _Nothing(BaseModel):
    """No answer."""


class _RolledBack(Exception):  # noqa: N818  (control flow: the only way to leave a transaction without a commit)
    def __init__(self, reply: Reply) -> None:
        self.reply = reply


def _roll_back(reply: Reply) -> NoReturn:
    raise _RolledBack(reply)


def services_of(request: Request) -> Services:
    """The app's services."""
    services: Services = request.app.state.services
    return services


async def caller(
    request: Request,
    if_none_match: Annotated[
        str | None, Header(description="Answers 304 when the ETag is this one.")
    ] = None,
) -> Caller:
    """The dependency of calls that read. It and its neighbours never wait: `async` saves each a
    change of thread."""
    return Caller(services_of(request), request.state.principal, request.url.path, if_none_match)


async def call(
    request: Request,
    dry_run: Annotated[bool, Query(description="Answer what would happen, write nothing.")] = False,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="Repeating the call with this key answers the same; 1 to 200 visible "
            "characters."
        ),
    ] = None,
) -> Call:
    """The dependency of calls that change something."""
    if idempotency_key is not None and not (
        0 < len(idempotency_key) <= 200 and all("!" <= char <= "~" for char in idempotency_key)
    ):
        raise refuse(
            "Idempotency-Key",
            "must have 1 to 200 visible ASCII characters without spaces",
            Remediation("send a UUID"),
        )
    return Call(
        services_of(request),
        request.state.principal,
        request.url.path,
        None,
        request.method,
        idempotency_key,
        request.headers.get("if-match"),
        dry_run,
        _fingerprint(request),
    )


def _fingerprint(request: Request) -> str:
    query = sorted(request.query_params.multi_items())
    text = json.dumps([query, request.state.body], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


IfMatch = Annotated[
    str | None, Header(description="The ETag that the caller decided on; stale: 412.")
]
ReadCall = Annotated[Caller, Depends(caller)]
WriteCall = Annotated[Call, Depends(call)]


def mutate(request: Call, action: Callable[[Tx], Reply], *, moves: bool = False) -> Response:
    """Run a change in one transaction, once per idempotency key. `action` must not leave the
    database. moves: it may begin something that goes through preflight first; a replay does not."""
    if not moves:
        return _mutate(request, action, None, None)
    draft = _draft(request, action)
    if isinstance(draft, Response):
        return draft
    report = None
    if draft.preflight:
        report = preflight.accepted(request.services.asker, draft.preflight)
    return _mutate(request, action, draft, report)


def _draft(request: Call, action: Callable[[Tx], Reply]) -> Reply | Response:
    """What the change would answer, rolled back; or the stored answer of this idempotency key."""
    try:
        with request.services.store.begin() as tx:
            replayed = None
            if not request.dry_run:
                replayed = _claimed(tx, request)
            if replayed is not None:
                return replayed
            _roll_back(action(tx))
    except _RolledBack as rolled_back:
        return rolled_back.reply


def replayed(request: Call) -> Response | None:
    """The stored answer of this idempotency key, for calls that look at the cluster before they
    change something."""
    draft = _draft(request, lambda _: Reply(204, _Nothing()))
    if isinstance(draft, Response):
        return draft
    return None


def _mutate(
    request: Call, action: Callable[[Tx], Reply], draft: Reply | None, report: Report | None
) -> Response:
    try:
        with request.services.store.begin() as tx:
            if request.dry_run:
                _roll_back(_reported(action(tx), report))
            replayed = _claimed(tx, request)
            if replayed is not None:
                return replayed
            reply = _reported(action(tx), report)
            _check_same(draft, reply)
            response = _response(reply.status, reply, {})
            if request.idempotency_key is not None:
                _finish(tx, request, request.idempotency_key, response)
            return response
    except _RolledBack as rolled_back:
        return _response(200, rolled_back.reply, {"dry_run": True})


def _check_same(draft: Reply | None, reply: Reply) -> None:
    """What is stored must be what was looked at."""
    if draft is None:
        return
    # Not the mark: that of a first intent is drawn as it is stored.
    before, now = (
        replace(item.preflight.intent, mark="") if item.preflight else None
        for item in (draft, reply)
    )
    if before != now:
        detail = "the endpoint changed while the cluster was looked at"
        problem = Problem("/", detail, Remediation("look at it again, then repeat"))
        raise refused(409, "changed-meanwhile", problem, {"Retry-After": "1"})


def _reported(reply: Reply, report: Report | None) -> Reply:
    if report is None:
        return reply
    warnings = [*getattr(reply.body, "warnings", ()), *preflight.said(report)]
    body = reply.body.model_copy(
        update={"preflight": preflight.shown(report), "warnings": warnings}
    )
    return replace(reply, body=body)


def _response(status: int, reply: Reply, extra: dict[str, Any]) -> Response:
    headers = {}
    if reply.etag is not None:
        headers["ETag"] = reply.etag
    if reply.location is not None and not extra:
        headers["Location"] = reply.location
    body = reply.body.model_copy(update=extra).model_dump_json()
    return Response(body, status, headers, "application/json")


def respond(body: BaseModel, etag: str | None = None) -> Response:
    """The answer of a call that reads."""
    return _response(200, Reply(200, body, etag), {})


def _scope(request: Call, key: str) -> KeyScope:
    return KeyScope(request.principal.name, request.method, request.path, key)


def _claimed(tx: Tx, request: Call) -> Response | None:
    """The stored answer of this idempotency key, None when the work is to be done."""
    key = request.idempotency_key
    if key is None:
        return None
    field = "Idempotency-Key"
    match idempotency.claim_key(tx, _scope(request, key), request.fingerprint):
        case idempotency.New():
            return None
        case idempotency.Replay(stored):
            headers = {**stored.headers, "Idempotency-Replayed": "true"}
            return Response(stored.body, stored.status_code, headers, "application/json")
        case idempotency.OtherBody():
            raise refuse(
                field,
                f"{key!r} was used here with another body or query",
                Remediation("send a new key for a new request"),
            )
        case idempotency.InProgress():
            detail = f"a request with the key {key!r} is at work right now"
            problem = Problem(field, detail, Remediation("repeat in a moment to get its answer"))
            raise refused(409, "in-progress", problem, {"Retry-After": "1"})


def _finish(tx: Tx, request: Call, key: str, response: Response) -> None:
    headers = {
        name: response.headers[name] for name in ("ETag", "Location") if name in response.headers
    }
    stored = idempotency.Response(response.status_code, headers, bytes(response.body))
    idempotency.finish_key(tx, _scope(request, key), request.fingerprint, stored)


async def page_token(
    token: Annotated[
        str | None,
        Query(
            alias="page_token", max_length=1000, description="`next_page_token` of the page before."
        ),
    ] = None,
) -> str | None:
    """A page token as the store can read it: what no list of ours handed out is refused before it
    gets there."""
    if token is None:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        parts = key
        if not isinstance(key, list):
            parts = [None]
        fine = all(_storable(part) for part in parts)
    except (ValueError, RecursionError):
        fine = False
    if not fine:
        raise refuse(
            "page_token",
            f"{token[:80]!r} is not one of this list",
            Remediation("begin again without it"),
        )
    return token


def _storable(part: object) -> bool:
    if isinstance(part, str):
        return "\0" not in part and not any("\ud800" <= char <= "\udfff" for char in part)
    return isinstance(part, int) and abs(part) < 2**62


PageToken = Annotated[str | None, Depends(page_token)]
PageSize = Annotated[int, Query(ge=1, le=100, description="Items on a page.")]

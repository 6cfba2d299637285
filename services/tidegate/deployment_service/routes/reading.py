"""An endpoint's past and its present stream: revisions, history, events."""

import base64
import json
import re
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from tidegate.core.errors import Remediation
from tidegate.core.intent import EndpointKey
from tidegate.deployment_service import lookup, records, revisions
from tidegate.deployment_service.access import Still
from tidegate.deployment_service.calls import Caller, PageSize, PageToken, ReadCall, respond
from tidegate.deployment_service.events import Batch, Event, stream
from tidegate.deployment_service.routes import READ
from tidegate.schemas import responses as out
from tidegate.store import endpoints, events, intents, ledger
from tidegate.store import revisions as stored_revisions
from tidegate.store.events import Cursor
from tidegate.web.problems import refuse

router = APIRouter(prefix="/endpoints/{namespace}/{name}", tags=["endpoints"])

_CURSOR = re.compile(r"[0-9]{1,18}\.[0-9]{1,18}")
_END = "-"  # of one of the two lists behind a history token
_EVENT = {
    "type": "object",
    "description": "One event; `data` is JSON text: a line of the ledger, or the endpoint",
    "properties": {
        "id": {"type": "string"},
        "event": {"enum": ["ledger", "endpoint"]},
        "data": {"type": "string"},
    },
}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"description": "Server-sent events", "content": {"text/event-stream": {"schema": _EVENT}}}
}


@router.get(
    "/revisions", operation_id="listRevisions", response_model=out.RevisionsPage, responses=READ
)
def list_revisions(
    caller: ReadCall, namespace: str, name: str, page_token: PageToken, page_size: PageSize = 50
) -> Response:
    """Revisions of an endpoint, newest first."""
    key = EndpointKey(namespace, name)
    with caller.services.store.read() as tx:
        lookup.recorded(tx, key)
        page = stored_revisions.list_revisions(tx, key, page_token=page_token, limit=page_size)
    items = [revisions.stored(revision) for revision in page.items]
    return respond(out.RevisionsPage(items=items, next_page_token=page.next_token))


@router.get("/history", operation_id="getHistory", response_model=out.HistoryPage, responses=READ)
def history(
    caller: ReadCall, namespace: str, name: str, page_token: PageToken, page_size: PageSize = 50
) -> Response:
    """Who changed and decided what, since when, why: intents and ledger entries, newest first."""
    key = EndpointKey(namespace, name)
    of_intents, of_ledger = _tokens(page_token)
    with caller.services.store.read() as tx:
        endpoint = lookup.recorded(tx, key)
        page: out.HistoryPage = out.HistoryPage(intents=[], ledger=[])
        following = [_END, _END]
        if of_intents != _END:
            acted = intents.history(tx, key, page_token=of_intents or None, limit=page_size)
            page.intents = [records.intent(stored) for stored in acted.items]
            following[0] = acted.next_token or _END
        if of_ledger != _END:
            lines = ledger.read(tx, endpoint.id, page_token=of_ledger or None, limit=page_size)
            page.ledger = [records.entry(entry) for entry in lines.items]
            following[1] = lines.next_token or _END
    if following != [_END, _END]:
        page.next_page_token = (
            base64.urlsafe_b64encode(json.dumps(following).encode()).decode().rstrip("=")
        )
    return respond(page)


def _tokens(token: str | None) -> tuple[str, str]:
    if token is None:
        return "", ""
    both = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    if (
        not isinstance(both, list)
        or len(both) != 2
        or not all(isinstance(item, str) for item in both)
    ):
        raise refuse("page_token", "belongs to another list", Remediation("begin again without it"))
    return both[0], both[1]


@router.get(
    "/events",
    operation_id="streamEvents",
    response_class=StreamingResponse,
    responses={**READ, **_STREAM},
)
def follow(
    request: Request,
    caller: ReadCall,
    namespace: str,
    name: str,
    limit_seconds: Annotated[
        float | None, Query(ge=0, le=86_400, description="End the stream after this long.")
    ] = None,
    last_event_id: Annotated[str | None, Header(description="Resume after this event.")] = None,
) -> Response:
    """Server-sent events: `ledger` for each new line of the endpoint's ledger, `endpoint` with the
    endpoint as GET answers it whenever it changed. Begins with the present endpoint, or after
    Last-Event-ID without a gap."""
    key, settings = EndpointKey(namespace, name), caller.services.settings
    if last_event_id is not None and not _CURSOR.fullmatch(last_event_id):
        raise refuse(
            "Last-Event-ID",
            f"{last_event_id[:80]!r} is not an id of this stream",
            Remediation("begin again without it"),
        )
    with caller.services.store.read() as tx:
        endpoint = lookup.known(tx, key)
        cursor = events.parse(last_event_id) if last_event_id else events.newest(tx, endpoint.id)
    limit = (
        settings.stream_limit
        if limit_seconds is None
        else min(limit_seconds, settings.stream_limit)
    )
    first = last_event_id is None

    still = Still(caller, request.headers["authorization"].partition(" ")[2].strip())

    def find(cursor: Cursor) -> Batch:
        nonlocal first
        if not still.may_view(key.namespace):
            return Batch((), cursor, gone=True)
        seen, first = _observe(caller, key.namespace, key.name, cursor, present=first), False
        return seen

    text = stream(caller.services.hub, endpoint.id, find, cursor, limit, settings.keepalive)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(text, media_type="text/event-stream", headers=headers)


def _event(kind: str, body: BaseModel, cursor: Cursor) -> Event:
    """An event in ASCII: readers split lines at separators that JSON leaves as they are."""
    return Event(kind, body.model_dump_json(ensure_ascii=True), str(cursor))


def _observe(caller: Caller, namespace: str, name: str, cursor: Cursor, *, present: bool) -> Batch:
    with caller.services.store.read() as tx:
        endpoint = endpoints.get(tx, EndpointKey(namespace, name))
        assert endpoint is not None
        sent = []
        changed = present
        for event in events.since(tx, endpoint.id, cursor):
            cursor = event.cursor
            changed = True
            if isinstance(event.what, ledger.Entry):
                sent.append(_event("ledger", records.entry(event.what), cursor))
        if changed:
            sent.append(_event("endpoint", lookup.endpoint_out(tx, endpoint), cursor))
        return Batch(tuple(sent), cursor, lookup.phase(endpoint) == lookup.GONE)

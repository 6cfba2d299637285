"""What an event stream sends: the lines of an endpoint's ledger, each once, and its status when it
changed.

A cursor, the `Last-Event-ID`, is `<ledger seq>.<status version>`. Ledger lines are replayed from
the cursor; of the status only the present one is sent, since the ones between say nothing any more.
"""

from dataclasses import dataclass

from tidegate.store.codec import Json
from tidegate.store.engine import ReadTx, row
from tidegate.store.errors import BadPageToken
from tidegate.store.ledger import Entry, after


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a stream has been read."""

    seq: int = 0
    status: int = 0

    def __str__(self) -> str:
        return f"{self.seq}.{self.status}"


@dataclass(frozen=True, slots=True)
class StatusChange:
    """The endpoint's present status."""

    status: Json


@dataclass(frozen=True, slots=True)
class Event:
    """One event, with the cursor after it."""

    cursor: Cursor
    what: Entry | StatusChange


def parse(last_event_id: str) -> Cursor:
    """The cursor in a Last-Event-ID. Raises BadPageToken."""
    seq, dot, status = last_event_id.partition(".")
    if not (dot and seq.isdecimal() and status.isdecimal()):
        raise BadPageToken(
            f"Last-Event-ID {last_event_id!r} is not of the form <number>.<number>: begin again "
            "without it"
        )
    return Cursor(int(seq), int(status))


def newest(tx: ReadTx, endpoint_id: str) -> Cursor:
    """A cursor behind everything there is, except that the present status is sent first."""
    result = row(
        tx, "SELECT coalesce(max(seq), 0) AS seq FROM ledger WHERE chain = :id", id=endpoint_id
    )
    return Cursor(result.seq if result else 0, 0)


def since(tx: ReadTx, endpoint_id: str, cursor: Cursor, limit: int = 100) -> tuple[Event, ...]:
    """Up to `limit` ledger lines after the cursor, oldest first, then the status if it changed.
    Call again with the last event's cursor until nothing comes, then wait for EVENTS with the
    endpoint's id."""
    events: list[Event] = []
    for entry in after(tx, endpoint_id, cursor.seq, limit):
        cursor = Cursor(entry.seq, cursor.status)
        events.append(Event(cursor, entry))
    result = row(tx, "SELECT status, status_version FROM endpoints WHERE id = :id", id=endpoint_id)
    if result is not None and result.status_version != cursor.status:
        events.append(Event(Cursor(cursor.seq, result.status_version), StatusChange(result.status)))
    return tuple(events)

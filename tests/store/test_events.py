"""Event streams: nothing twice, nothing lost, whatever the client saw last."""

import pytest
from store.builders import claim_one, make_endpoint

from tidegate.core.rollout import Note
from tidegate.store import events, reconciles
from tidegate.store.engine import Store
from tidegate.store.errors import BadPageToken
from tidegate.store.events import Cursor, Event, StatusChange
from tidegate.store.ledger import Entry

pytestmark = pytest.mark.real


def _since(store: Store, endpoint_id: str, cursor: Cursor, limit: int = 100) -> tuple[Event, ...]:
    with store.read() as tx:
        return events.since(tx, endpoint_id, cursor, limit)


def test_a_client_that_comes_back_gets_what_it_missed(store: Store) -> None:
    made = make_endpoint(store)
    (first,) = _since(store, made.endpoint.id, Cursor())
    assert isinstance(first.what, Entry)
    assert first.what.action == "intent"
    assert _since(store, made.endpoint.id, first.cursor) == ()

    lease = claim_one(store)
    with store.begin() as tx:
        notes = [Note("worker", "a", ""), Note("worker", "b", "")]
        reconciles.record(tx, lease, notes=notes, status={"ready": 1}, release=False)
    missed = _since(store, made.endpoint.id, events.parse(str(first.cursor)))

    assert [getattr(event.what, "action", "status") for event in missed] == ["a", "b", "status"]
    assert missed[-1].what == StatusChange({"ready": 1})
    assert str(missed[-1].cursor) == "3.1"
    assert _since(store, made.endpoint.id, missed[-1].cursor) == ()


def test_an_unchanged_status_is_no_event(store: Store) -> None:
    made = make_endpoint(store)
    lease = claim_one(store)
    for _ in range(2):
        with store.begin() as tx:
            reconciles.record(tx, lease, status={"ready": 1}, release=False)

    last = _since(store, made.endpoint.id, Cursor())[-1]
    assert last.cursor == Cursor(1, 1)


def test_a_new_client_begins_with_the_present_status(store: Store) -> None:
    made = make_endpoint(store)
    lease = claim_one(store)
    with store.begin() as tx:
        reconciles.record(tx, lease, status={"ready": 1})

    with store.read() as tx:
        cursor = events.newest(tx, made.endpoint.id)
    (only,) = _since(store, made.endpoint.id, cursor)
    assert only.what == StatusChange({"ready": 1})


def test_a_long_absence_is_caught_up_in_portions(store: Store) -> None:
    made = make_endpoint(store)
    lease = claim_one(store)
    with store.begin() as tx:
        reconciles.record(tx, lease, notes=[Note("worker", str(number), "") for number in range(4)])

    cursor = Cursor()
    actions = []
    while portion := _since(store, made.endpoint.id, cursor, limit=2):
        cursor = portion[-1].cursor
        actions += [event.what.action for event in portion if isinstance(event.what, Entry)]
    assert actions == ["intent", "0", "1", "2", "3"]


@pytest.mark.parametrize("wrong", ["", "5", "a.b", "1.-2", "1.2.3"])
def test_a_last_event_id_from_elsewhere_is_refused(wrong: str) -> None:
    with pytest.raises(BadPageToken, match="begin again without it"):
        events.parse(wrong)

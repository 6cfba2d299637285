"""The ledger: a chain that shows when somebody changed the past."""

import hashlib
import json
import threading
import uuid

import pytest
from store.builders import make_endpoint

from tidegate.store import ledger
from tidegate.store.engine import Store
from tidegate.store.installation import store_id
from tidegate.store.ledger import Broken, Line, Verified

pytestmark = pytest.mark.real

CHAIN = str(uuid.UUID(int=7))
# Values whose jsonb or re-parsed form differs from what was written.
HARD = {"e": [1e22, 1e-7, 1.0, 2**70], "text": 'ä"\\\n"body":0', "nested": {"z": None, "a": True}}


def _fill(store: Store, count: int = 3) -> None:
    with store.begin() as tx:
        ledger.append(
            tx, CHAIN, *(Line("ann", "step", f"line {number}", HARD) for number in range(count))
        )


def _tamper(store: Store, sql: str) -> None:
    """What an attacker with the owner's rights does: switch the trigger off."""
    with store.begin() as tx:
        for statement in (
            "ALTER TABLE ledger DISABLE TRIGGER ALL",
            sql,
            "ALTER TABLE ledger ENABLE TRIGGER ALL",
        ):
            tx._connection.exec_driver_sql(statement)


def _verify(store: Store, chain: str | None = CHAIN) -> Verified | Broken:
    with store.read() as tx:
        return ledger.verify(tx, chain)


def test_a_chain_verifies_over_several_transactions(store: Store) -> None:
    _fill(store)
    _fill(store, 2)

    with store.read() as tx:
        newest = ledger.read(tx, CHAIN, limit=2)
        older = ledger.read(tx, CHAIN, page_token=newest.next_token)
    assert [entry.seq for entry in (*newest.items, *older.items)] == [5, 4, 3, 2, 1]
    assert newest.items[0].body == HARD
    assert _verify(store) == Verified(5, newest.items[0].hash)


def test_the_documented_bytes_give_the_hash(store: Store) -> None:
    """An auditor's own program, written from the module's docstring alone."""
    with store.begin() as tx:
        ledger.append(tx, CHAIN, Line("ann", "step", "message", {"b": 1, "a": "ä"}))
    with store.read() as tx:
        item = tx._connection.exec_driver_sql("SELECT * FROM ledger").one()._asdict()

    item["why"] = item.pop("message")  # the name under which it is hashed
    stored = item.pop("hash")
    fields = {
        **item,
        "chain": str(item["chain"]),
        "at": item["at"].isoformat(timespec="microseconds"),
    }
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest() == stored
    assert item["prev_hash"] == "0" * 64


@pytest.mark.parametrize(
    ("change", "seq"),
    [
        ("UPDATE ledger SET actor = 'bob' WHERE seq = 2", 2),
        ("UPDATE ledger SET body = '{}' WHERE seq = 1", 1),
        ("UPDATE ledger SET at = at + interval '1 microsecond' WHERE seq = 3", 3),
        ("DELETE FROM ledger WHERE seq = 2", 2),
        ("DELETE FROM ledger WHERE seq = 1", 1),
    ],
)
def test_a_changed_past_shows_where(store: Store, change: str, seq: int) -> None:
    _fill(store)
    _tamper(store, change)

    broken = _verify(store)

    assert isinstance(broken, Broken)
    assert (broken.chain, broken.seq) == (CHAIN, seq)


def test_a_cut_off_end_shows_only_against_an_anchor(store: Store) -> None:
    _fill(store)
    with store.begin() as tx:
        anchor = ledger.anchor(tx)
    assert anchor.body["heads"].keys() == {CHAIN}
    assert _verify(store, None) == Verified(4, "")
    _tamper(store, f"DELETE FROM ledger WHERE chain = '{CHAIN}' AND seq = 3")

    assert isinstance(_verify(store, CHAIN), Verified)
    broken = _verify(store, None)
    assert isinstance(broken, Broken)
    assert (broken.chain, broken.seq) == (CHAIN, 3)


def test_a_rewritten_chain_shows_against_an_anchor(store: Store) -> None:
    _fill(store)
    with store.begin() as tx:
        ledger.anchor(tx)
    _tamper(store, f"DELETE FROM ledger WHERE chain = '{CHAIN}'")
    _fill(store)

    assert isinstance(_verify(store, CHAIN), Verified)
    assert isinstance(_verify(store, None), Broken)


def test_writers_of_one_chain_take_turns(store: Store) -> None:
    threads = [threading.Thread(target=_fill, args=(store, 2)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    verified = _verify(store)
    assert isinstance(verified, Verified)
    assert verified.count == 10


def test_what_people_do_is_in_the_ledger_by_itself(store: Store) -> None:
    made = make_endpoint(store)
    with store.read() as tx:
        (entry,) = ledger.read(tx, made.endpoint.id).items
        assert ledger.read(tx, store_id(tx)).items == ()
    assert (entry.actor, entry.action, entry.message) == ("ann", "intent", "first")
    assert entry.body["intent"]["stable"] == 1


def test_no_chain_is_whole(store: Store) -> None:
    assert _verify(store) == Verified(0, "0" * 64)
    assert _verify(store, None) == Verified(0, "")

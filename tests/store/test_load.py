"""How many requests an endpoint gets is kept beside its status, and changes no status."""

import pytest
from store.builders import KEY, claim_one, make_endpoint

from tidegate.core.evidence import Counters, Reading, Scrape
from tidegate.core.load import Load, measured
from tidegate.store import leases, reconciles
from tidegate.store.codec import plain
from tidegate.store.engine import Store, row, run
from tidegate.store.values import Context

pytestmark = pytest.mark.real


def loaded(store: Store) -> Load:
    with store.begin() as tx:
        leases.wake(tx, KEY)
    lease = claim_one(store)
    with store.read() as tx:
        context = reconciles.load(tx, lease)
    assert isinstance(context, Context)
    with store.begin() as tx:
        reconciles.release(tx, lease)
    return context.load


def some() -> Load:
    reading = Reading("proxy", 1, Counters(100, 2))
    return measured(Load(), Scrape(1_700_000_000.0, (reading,)), 1)


def test_it_comes_back_as_it_was_and_moves_no_status(store: Store) -> None:
    make_endpoint(store)
    assert loaded(store) == Load()
    with store.begin() as tx:
        leases.wake(tx, KEY)
    lease = claim_one(store)
    with store.read() as tx:
        before = row(tx, "SELECT status_version FROM endpoints")
    with store.single() as tx:
        reconciles.release(tx, lease, load=plain(some()))
    assert loaded(store) == some()
    with store.read() as tx:
        assert row(tx, "SELECT status_version FROM endpoints") == before


def test_what_another_version_stored_is_measured_anew(store: Store) -> None:
    make_endpoint(store)
    with store.begin() as tx:
        run(tx, """UPDATE endpoints SET load = '{"windows": "none"}'""")
    assert loaded(store) == Load()

"""Who acts on what: claims, their end, wake-ups that must not be lost."""

import threading
from dataclasses import replace

import pytest
from store.builders import KEY, claim_one, make_endpoint

from tidegate.core.intent import EndpointKey
from tidegate.store import intents, leases, reconciles
from tidegate.store.engine import Store, Tx
from tidegate.store.values import Lease, LostLease, Recorded

pytestmark = pytest.mark.real


def _expire(tx: Tx) -> None:
    """Time passes: every lease ended a second ago."""
    tx._connection.exec_driver_sql(
        "UPDATE endpoints SET lease_until = now() - interval '1s', due_at = now() - interval '1s'"
    )


def _settle(store: Store, wake_in: float | None = None) -> None:
    """A first reconcile that found nothing to do."""
    with store.begin() as tx:
        (lease,) = leases.claim(tx, "w0", limit=1, seconds=30)
        assert reconciles.record(tx, lease, wake_in=wake_in) == Recorded()


def _claims(store: Store, owner: str = "w2") -> tuple[Lease, ...]:
    with store.begin() as tx:
        return leases.claim(tx, owner, limit=10, seconds=30)


def test_two_claimers_never_share(store: Store) -> None:
    for number in range(40):
        make_endpoint(store, EndpointKey("team-a", f"e{number:02}"))
    taken: dict[str, list[Lease]] = {"w1": [], "w2": []}

    def work(owner: str) -> None:
        empty = 0
        while empty < 3:
            with store.begin() as tx:
                results = leases.claim(tx, owner, limit=3, seconds=60)
            taken[owner] += results
            empty = 0 if results else empty + 1

    threads = [threading.Thread(target=work, args=(owner,)) for owner in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    ids = [lease.endpoint_id for results in taken.values() for lease in results]
    assert len(ids) == len(set(ids)) == 40


def test_a_claim_in_an_open_transaction_is_skipped_not_waited_for(store: Store) -> None:
    make_endpoint(store)
    with store.begin() as tx:
        (mine,) = leases.claim(tx, "w1", limit=1, seconds=30)
        assert _claims(store) == ()
    with store.read() as tx:
        assert leases.holds(tx, mine)


def test_the_longest_waiting_is_claimed_first_up_to_the_limit(store: Store) -> None:
    for name in ("a", "b", "c"):
        make_endpoint(store, EndpointKey("team-a", name))

    with store.begin() as tx:
        results = leases.claim(tx, "w1", limit=2, seconds=30)

    assert sorted(lease.key.name for lease in results) == ["a", "b"]


def test_a_crashed_workers_endpoint_comes_back_when_its_lease_ends(store: Store) -> None:
    make_endpoint(store)
    dead = claim_one(store, "dead")
    assert _claims(store) == ()

    with store.begin() as tx:
        _expire(tx)

    (alive,) = _claims(store)
    assert alive.endpoint_id == dead.endpoint_id
    assert alive.token != dead.token
    with store.read() as tx:
        assert not leases.holds(tx, dead)
        assert leases.holds(tx, alive)


def test_a_late_record_changes_nothing(store: Store) -> None:
    made = make_endpoint(store)
    dead = claim_one(store, "dead")
    with store.begin() as tx:
        _expire(tx)
    (alive,) = _claims(store)

    with store.begin() as tx:
        late = reconciles.record(
            tx,
            dead,
            intent=made.intent,
            expected_generation=1,
            memory={"late": True},
            status={"x": 1},
        )
        assert leases.extend(tx, dead, 60) is None

    assert late == LostLease()
    with store.read() as tx:
        context = reconciles.load(tx, alive)
        assert not isinstance(context, LostLease)
        assert (context.endpoint.generation, context.memory, context.endpoint.status) == (1, {}, {})
        assert reconciles.load(tx, dead) == LostLease()


def test_an_ended_lease_is_lost_even_when_nobody_took_it(store: Store) -> None:
    make_endpoint(store)
    lease = claim_one(store)
    with store.begin() as tx:
        _expire(tx)

    with store.begin() as tx:
        assert reconciles.record(tx, lease, status={"x": 1}) == LostLease()


def test_extending_moves_the_end(store: Store) -> None:
    make_endpoint(store)
    lease = claim_one(store, seconds=10)

    with store.begin() as tx:
        longer = leases.extend(tx, lease, 60)

    assert longer is not None
    assert 40 < longer.until - lease.until < 60
    with store.read() as tx:
        assert leases.holds(tx, longer)


def test_an_idle_endpoint_is_never_claimed_until_something_wakes_it(store: Store) -> None:
    make_endpoint(store)
    _settle(store)
    assert _claims(store) == ()
    with store.read() as tx:
        assert leases.next_due(tx) is None

    with store.begin() as tx:
        leases.wake(tx, KEY, EndpointKey("team-a", "never-made"))

    assert [lease.key for lease in _claims(store)] == [KEY]


def test_an_endpoint_is_due_again_when_its_reconcile_said_so(store: Store) -> None:
    make_endpoint(store)
    _settle(store, wake_in=20)
    assert _claims(store) == ()
    with store.read() as tx:
        due = leases.next_due(tx)
    assert due is not None
    assert 15 < due <= 20


def test_a_wake_up_during_a_reconcile_causes_another_reconcile(store: Store) -> None:
    make_endpoint(store)
    lease = claim_one(store)
    with store.begin() as tx:
        leases.wake(tx, KEY)
        leases.wake(tx, KEY)
    assert _claims(store) == ()  # the lease holds: nobody works beside its owner

    with store.begin() as tx:
        reconciles.record(tx, lease, wake_in=3600)

    assert len(_claims(store)) == 1


def test_a_tenant_s_endpoints_are_woken_together_and_no_others(store: Store) -> None:
    keys = [EndpointKey("team-a", "e1"), EndpointKey("team-a", "e2"), EndpointKey("team-b", "e1")]
    for key in keys:
        make_endpoint(store, key)
        _settle(store)
    with store.begin() as tx:
        leases.wake_tenants(tx, "team-a", "nobody")
    woken = _claims(store)
    assert {lease.key for lease in woken} == set(keys[:2])
    with store.begin() as tx:
        leases.wake_tenants(tx, "team-a")  # during a reconcile: another one
        for lease in woken:
            reconciles.record(tx, lease)
    assert {lease.key for lease in _claims(store)} == set(keys[:2])


def test_a_wake_up_is_used_up_by_one_reconcile(store: Store) -> None:
    make_endpoint(store)
    lease = claim_one(store)
    with store.begin() as tx:
        leases.wake(tx, KEY)
        reconciles.record(tx, lease)
    (again,) = _claims(store)

    with store.begin() as tx:
        reconciles.record(tx, again)

    assert _claims(store) == ()


def test_an_intent_during_a_reconcile_causes_another_reconcile(store: Store) -> None:
    made = make_endpoint(store)
    lease = claim_one(store)
    with store.begin() as tx:
        intents.append_intent(tx, replace(made.intent, message="changed my mind"), 1)

    with store.begin() as tx:
        reconciles.record(tx, lease, wake_in=3600)

    assert len(_claims(store)) == 1


def test_a_record_that_keeps_the_lease_leaves_the_wake_up_for_the_one_that_ends_it(
    store: Store,
) -> None:
    make_endpoint(store)
    lease = claim_one(store)
    with store.begin() as tx:
        leases.wake(tx, KEY)
        assert reconciles.record(tx, lease, memory={"step": 1}, release=False) == Recorded()
    with store.read() as tx:
        assert leases.holds(tx, lease)
    assert _claims(store) == ()

    with store.begin() as tx:
        reconciles.record(tx, lease)

    assert len(_claims(store)) == 1


def test_the_next_due_time_counts_leases_that_end(store: Store) -> None:
    make_endpoint(store)
    claim_one(store, seconds=10)
    with store.read() as tx:
        due = leases.next_due(tx)
    assert due is not None
    assert 5 < due <= 10

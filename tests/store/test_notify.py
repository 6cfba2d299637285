"""Wake-ups arrive at once where NOTIFY works, and by polling where it does not."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from store.builders import KEY, claim_one, make_endpoint, make_rollout

from tidegate.store import inquiries, leases, reconciles, rollouts
from tidegate.store.engine import Store, row
from tidegate.store.notify import EVENTS, WAKE, listen

pytestmark = pytest.mark.real

Heard = queue.Queue[str]
PATIENCE = 20.0  # seconds until a test gives up on what must come
NEVER = 3600.0


@contextmanager
def _listening(url: str, channel: str = WAKE, poll: float = NEVER) -> Iterator[Heard]:
    """A listener; the first thing heard, on connecting, is taken off."""
    received: Heard = queue.Queue()
    stop = threading.Event()
    thread = threading.Thread(
        target=listen, args=(url, received.put, stop), kwargs={"channel": channel, "poll": poll}
    )
    thread.start()
    try:
        assert received.get(timeout=PATIENCE) == ""
        yield received
    finally:
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive(), "stop must end the listener"


def _start(store: Store) -> None:
    with store.begin() as tx:
        rollouts.start(tx, KEY, make_rollout())


def _ask(store: Store) -> None:
    with store.begin() as tx:
        inquiries.ask(tx, "preflight", {})


def _wake(store: Store) -> None:
    with store.begin() as tx:
        leases.wake(tx, KEY)


def _be_woken_during_a_reconcile(store: Store) -> None:
    with store.begin() as tx:
        (lease,) = leases.claim(tx, "w1", limit=1, seconds=60)
    with store.begin() as tx:
        tx._connection.exec_driver_sql("UPDATE endpoints SET poked = true")
    with store.begin() as tx:
        reconciles.record(tx, lease)


@pytest.mark.parametrize(
    "act", [_start, _ask, _wake, _be_woken_during_a_reconcile], ids=lambda act: act.__name__
)
def test_workers_hear_at_once_that_something_is_due(
    url: str, store: Store, act: Callable[[Store], None]
) -> None:
    make_endpoint(store)
    if act is _wake:  # an endpoint that is due already needs no second wake-up
        lease = claim_one(store)
        with store.begin() as tx:
            reconciles.record(tx, lease)

    with _listening(url) as received:
        act(store)
        assert received.get(timeout=PATIENCE) == ""


def test_event_streams_hear_which_endpoint_changed(url: str, store: Store) -> None:
    with _listening(url, EVENTS) as received:
        made = make_endpoint(store)
        assert received.get(timeout=PATIENCE) == made.endpoint.id

        lease = claim_one(store)
        with store.begin() as tx:
            reconciles.record(tx, lease, status={"ready": 1})
        assert received.get(timeout=PATIENCE) == made.endpoint.id


def test_event_streams_hear_answers(url: str, store: Store) -> None:
    with store.begin() as tx:
        request = inquiries.ask(tx, "preflight", {})
    with _listening(url, EVENTS) as received:
        with store.begin() as tx:
            inquiries.answer(tx, request, {})
        assert received.get(timeout=PATIENCE) == request


def test_nothing_is_heard_of_what_was_rolled_back(url: str, store: Store) -> None:
    make_endpoint(store)

    def crash() -> None:
        with store.begin() as tx:
            rollouts.start(tx, KEY, make_rollout())
            raise RuntimeError("killed")

    with _listening(url, EVENTS) as received:
        with pytest.raises(RuntimeError):
            crash()
        with store.begin() as tx:
            request = inquiries.ask(tx, "x", {})
            inquiries.answer(tx, request, {})
        assert received.get(timeout=PATIENCE) == request  # the first thing heard


def test_polling_covers_for_notices_that_never_come(url: str) -> None:
    with _listening(url, poll=0.01) as received:
        assert [received.get(timeout=PATIENCE) for _ in range(3)] == ["", "", ""]


def test_a_lost_connection_is_made_again_and_looks_at_everything(url: str, store: Store) -> None:
    with _listening(url) as received:
        with store.begin() as tx:
            killed = row(
                tx,
                """SELECT count(pg_terminate_backend(pid)) AS n FROM pg_stat_activity
                   WHERE application_name = 'tidegate-listen' AND datname = current_database()""",
            )
        assert killed is not None
        assert killed.n == 1
        assert received.get(timeout=PATIENCE) == ""  # missed notices are made up for
        assert received.get(timeout=PATIENCE) == ""  # connected again
        make_endpoint(store)
        assert received.get(timeout=PATIENCE) == ""


def test_without_a_database_polling_goes_on() -> None:
    received: Heard = queue.Queue()
    stop = threading.Event()
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    thread = threading.Thread(target=listen, args=(nowhere, received.put, stop))
    thread.start()
    assert received.get(timeout=PATIENCE) == ""
    stop.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()

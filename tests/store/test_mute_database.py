"""A database that takes every byte and never answers: a pooler that hangs, or a fail-over that left
the old connections open."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from store.builders import KEY, make_endpoint
from store.silent_proxy import SilentProxy

from tests.waiting import until
from tidegate.store import endpoints, engine
from tidegate.store.connection import ANSWER_TIMEOUT_S, PING_TIMEOUT_S
from tidegate.store.engine import Store, rows, run
from tidegate.store.errors import StoreUnavailable
from tidegate.store.migrate import at_head
from tidegate.store.notify import EVENTS, listen

pytestmark = pytest.mark.real


@pytest.fixture
def proxy(url: str) -> Iterator[SilentProxy]:
    """In front of the test's database."""
    made = SilentProxy(sa.make_url(url).port or 5432)
    yield made
    made.close()


@pytest.fixture
def behind(url: str, proxy: SilentProxy) -> str:
    """The database's address through the proxy."""
    through = sa.make_url(url).set(host="127.0.0.1", port=proxy.port)
    return through.render_as_string(hide_password=False)


def seconds(act: Callable[[], object]) -> float:
    """How long it took."""
    began = time.monotonic()
    act()
    return time.monotonic() - began


def test_reads_answer_again_when_new_connections_do(
    store: Store, proxy: SilentProxy, behind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most one deadline is waited for, and by one caller: the rest of the pool goes with it."""
    made = make_endpoint(store)
    through = Store(behind)
    with ThreadPoolExecutor(5) as threads:  # as many connections as the pool takes
        list(threads.map(lambda _: through.ping(), range(20)))
    monkeypatch.setattr(engine, "FRESH_S", 0.0)  # as if each was used long ago
    proxy.mute()

    assert seconds(through.ping) < PING_TIMEOUT_S + 5
    for _ in range(10):
        assert seconds(through.ping) < PING_TIMEOUT_S
    with through.read() as tx:
        assert endpoints.get(tx, KEY) == made.endpoint
    through.close()


def test_a_call_that_is_under_way_ends_with_a_reason(
    proxy: SilentProxy, behind: str, store: Store
) -> None:
    through = Store(behind)

    def cut_off() -> None:
        with through.begin() as tx:
            run(tx, "CREATE TABLE half_done (n int)")
            proxy.mute()
            run(tx, "INSERT INTO half_done VALUES (1)")

    with pytest.raises(StoreUnavailable, match="no answer within"):
        cut_off()
    through.ping()
    with store.read() as tx:
        (left,) = rows(tx, "SELECT to_regclass('half_done') AS left_behind")
    assert left.left_behind is None
    through.close()


def test_while_new_connections_are_silent_too_every_call_ends(
    proxy: SilentProxy, behind: str
) -> None:
    through = Store(behind)
    through.ping()
    proxy.mute_new = True
    proxy.mute()
    with pytest.raises(StoreUnavailable):
        through.ping()
    with pytest.raises(StoreUnavailable):
        at_head(behind)
    proxy.mute_new = False
    through.ping()
    through.close()


def test_a_listener_misses_an_end_that_is_silent(
    store: Store, proxy: SilentProxy, behind: str
) -> None:
    notices: list[str] = []
    stop = threading.Event()
    thread = threading.Thread(
        target=listen, args=(behind, notices.append, stop), kwargs={"channel": EVENTS, "poll": 1.0}
    )
    thread.start()
    try:
        until(lambda: notices, "it listens")
        proxy.mute()

        def arrived() -> bool:
            with store.begin() as tx:
                run(tx, "SELECT pg_notify(:channel, 'news')", channel=EVENTS)
            return "news" in notices

        until(arrived, "a notice comes through again", ANSWER_TIMEOUT_S + 10)
    finally:
        stop.set()
        thread.join()

"""Wake-ups: NOTIFY tells that something changed, never what. A lost one costs one polling interval.

`WAKE` is for workers (no payload). `EVENTS` is for event streams (payload: an endpoint's id, or an
inquiry's). Postgres delivers both at the commit of the transaction that asked for them.
"""

import threading
from collections.abc import Callable
from contextlib import suppress

import psycopg
import sqlalchemy as sa

from tidegate.store.connection import CONNECT_TIMEOUT_S, KEEPALIVES, PING_TIMEOUT_S, Connection
from tidegate.store.engine import Tx, run

WAKE = "tidegate"
EVENTS = "tidegate_events"
POLL_S = 5.0
_GLANCE_S = 0.5  # how fast `stop` is seen
_BACK_OFF_S = 1.0


def wake_workers(tx: Tx) -> None:
    """Tell workers at commit that something may be due."""
    run(tx, "SELECT pg_notify(:channel, '')", channel=WAKE)


def tell(tx: Tx, subject: str) -> None:
    """Tell event streams at commit that this endpoint, or inquiry, changed."""
    run(tx, "SELECT pg_notify(:channel, :subject)", channel=EVENTS, subject=subject)


def listen(
    url: str,
    on_wake: Callable[[str], None],
    stop: threading.Event,
    *,
    channel: str = WAKE,
    poll: float = POLL_S,
) -> None:
    """Call `on_wake(payload)` for each notice on `channel` until `stop` is set; blocks, so give it
    a thread.

    Calls `on_wake("")`, "look at everything", when the connection is made or made again, when none
    can be made, and when `poll` seconds passed without a notice: nobody depends on a notice that
    arrives. Uses a connection of its own, which must not go through a pooler in transaction mode.
    """
    while not stop.is_set():
        with suppress(psycopg.OperationalError), _connect(url, channel) as connection:
            on_wake("")
            while not stop.is_set():
                _wait(connection, on_wake, stop, poll)
        if not stop.wait(_BACK_OFF_S):
            on_wake("")


def _wait(
    connection: Connection,
    on_wake: Callable[[str], None],
    stop: threading.Event,
    poll: float,
) -> None:
    """One polling interval, cut short by a notice or by `stop`."""
    waited = 0.0
    while waited < poll and not stop.is_set():
        glance = min(_GLANCE_S, poll - waited)
        notices = tuple(connection.notifies(timeout=glance, stop_after=1))
        for notice in notices:
            on_wake(notice.payload)
        if notices:
            return
        waited += glance
    connection.execute("SELECT 1")  # a listener only reads: else it would never miss the other end
    if not stop.is_set():
        on_wake("")


def _connect(url: str, channel: str) -> Connection:
    plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = Connection.connect(
        plain,
        autocommit=True,
        application_name="tidegate-listen",
        connect_timeout=CONNECT_TIMEOUT_S,
        **KEEPALIVES,
    )
    connection.patience = PING_TIMEOUT_S
    connection.execute(f'LISTEN "{channel}"')
    return connection

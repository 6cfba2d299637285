"""What a tick costs follows what is due, not how many endpoints exist."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from store.builders import KEY, make_endpoint, make_rollout

from tidegate.core.rollout import ActionKind, Progress, StepProgress
from tidegate.store import leases, reconciles, rollouts
from tidegate.store.engine import Store, row, run
from tidegate.store.values import Context

pytestmark = pytest.mark.real


@contextmanager
def _counting(store: Store) -> Iterator[list[str]]:
    statements: list[str] = []

    def seen(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        statements.append(statement)

    sa.event.listen(store._engine, "before_cursor_execute", seen)
    try:
        yield statements
    finally:
        sa.event.remove(store._engine, "before_cursor_execute", seen)


def _idle(store: Store, count: int) -> None:
    """Endpoints that wait for nothing, and half as many that are due in an hour."""
    columns = "namespace, name, mode, created_by, due_at"
    for prefix, due, number in (
        ("idle", "NULL", count),
        ("later", "now() + interval '1h'", count // 2),
    ):
        with store.begin() as tx:
            run(
                tx,
                f"""INSERT INTO endpoints ({columns})
                    SELECT 'team-b', '{prefix}-' || n, 'standard', 'ann', {due} FROM generate_series(1, {number}) n""",
            )
    with store.begin() as tx:
        run(tx, "ANALYZE endpoints")


def _tick(store: Store) -> int:
    """One whole reconcile: how many statements."""
    with store.begin() as tx:
        leases.wake(tx, KEY)
    with _counting(store) as statements:
        with store.read() as tx:
            leases.next_due(tx)
        with store.begin() as tx:
            (lease,) = leases.claim(tx, "w1", limit=10, seconds=60)
        with store.read() as tx:
            context = reconciles.load(tx, lease)
            assert isinstance(context, Context)
            assert len(context.rollouts) == 1
        with store.begin() as tx:
            reconciles.record(
                tx,
                lease,
                progress=[("one", Progress(step=StepProgress(index=0)))],
                status={"a": 1},
                wake_in=3600,
            )
    return len(statements)


def test_a_reconcile_takes_as_many_statements_with_2000_endpoints_as_with_10(store: Store) -> None:
    make_endpoint(store)
    with store.begin() as tx:
        rollouts.start(tx, KEY, make_rollout())
        rollouts.add_action(tx, "one", ActionKind.PAUSE, author="ann")
    _tick(store)  # the status changes once

    _idle(store, 10)
    few = _tick(store)
    with store.begin() as tx:
        run(tx, "DELETE FROM endpoints WHERE namespace = 'team-b'")
    _idle(store, 2000)
    many = _tick(store)

    assert few == many
    # next_due; claim; load; record: guard, progress, endpoint with its notices
    assert many == 6


def test_the_claim_reads_only_what_is_due(store: Store) -> None:
    make_endpoint(store)
    _idle(store, 2000)

    with store.begin() as tx:
        explained = row(
            tx,
            """EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)
               SELECT id FROM endpoints WHERE due_at <= now() ORDER BY due_at LIMIT 10 FOR UPDATE SKIP LOCKED""",
        )
    assert explained is not None
    plan = explained[0][0]["Plan"]
    assert "endpoints_due" in str(plan)
    assert "Seq Scan" not in str(plan)
    assert plan["Actual Rows"] == 1
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 10

"""Nobody changes the past, not even the owner of the tables."""

import pytest
from sqlalchemy.exc import DBAPIError
from store.builders import KEY, make_endpoint, make_rollout

from tidegate.core.experiments import Counts
from tidegate.core.rollout import ActionKind
from tidegate.store import experiments, rollouts
from tidegate.store.engine import Store

pytestmark = pytest.mark.real


@pytest.mark.parametrize("table", ["revisions", "intents", "actions", "experiments", "ledger"])
@pytest.mark.parametrize(
    "change", ["DELETE FROM {}", "TRUNCATE {} CASCADE", "UPDATE {} SET {} = {}"]
)
def test_the_past_stays(store: Store, table: str, change: str) -> None:
    make_endpoint(store)
    with store.begin() as tx:
        rollouts.start(tx, KEY, make_rollout())
        rollouts.add_action(tx, "one", ActionKind.PAUSE, author="ann")
        experiments.add(tx, "one", Counts(2, 1, 2, 100.0, 200.0), author="ann")
    column = {
        "revisions": "digest",
        "intents": "message",
        "actions": "reason",
        "experiments": "author",
        "ledger": "message",
    }[table]
    statement = change.format(table, column, column)

    with pytest.raises(DBAPIError, match=f"{table} is append-only"), store.begin() as tx:
        tx._connection.exec_driver_sql(statement)


def test_an_intents_author_is_the_one_in_its_body(store: Store) -> None:
    """Row-level security judges the column; a body that says otherwise must not get in."""
    make_endpoint(store)
    forged = """INSERT INTO intents (endpoint_id, generation, body, author, message)
        SELECT endpoint_id, 2, body || '{"generation": 2}', 'bob', '' FROM intents"""

    with pytest.raises(DBAPIError, match="intents_body"), store.begin() as tx:
        tx._connection.exec_driver_sql(forged)

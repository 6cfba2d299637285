"""What stands still is found: trouble, waiting, late work."""

import json

import pytest

from tests.store.builders import KEY, claim_one, make_endpoint, make_rollout
from tidegate.core.rollout import Progress, RolloutWait, WaitsFor
from tidegate.store import codec, rollouts
from tidegate.store.engine import Store, run
from tidegate.store.gauges import Endpoint, Waiting, Watched, gauges

pytestmark = pytest.mark.real


def test_trouble_and_waiting_are_told_with_names(store: Store) -> None:
    made = make_endpoint(store)
    with store.begin() as tx:
        result = gauges(tx)
        assert result.phases == {"pending": 1}
        assert result.late > 0  # nobody has claimed it
        assert (result.troubled, result.waiting) == ((), ())

        rollouts.start(tx, KEY, make_rollout())
        progress = codec.dumps(Progress(wait=RolloutWait(kind=WaitsFor.APPROVAL, seconds=1900.0)))
        run(
            tx,
            "INSERT INTO progress (rollout_id, body) VALUES ('one', CAST(:body AS jsonb))",
            body=progress,
        )
        run(
            tx,
            "UPDATE endpoints SET status = CAST(:status AS jsonb)",
            status=json.dumps({"phase": "blocked", "watch": {"state": "failing"}}),
        )
    assert made.endpoint.key == KEY
    claim_one(store)
    with store.read() as tx:
        result = gauges(tx)
    assert result.troubled == (Endpoint(KEY, "blocked"),)
    assert result.waiting == (Waiting(KEY, "approval", 1900.0),)
    assert result.watched == (Watched(KEY, "failing"),)
    assert result.late == 0

"""A database that the previous version filled is read by this one, word for word, and goes back as
it was."""

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tidegate.core.contract import Compatibility
from tidegate.core.evidence import Verdict
from tidegate.core.findings import IncidentKind
from tidegate.core.guard import Guard, Heartbeats, OnHeartbeatTimeout
from tidegate.core.intent import EndpointKey, Intent
from tidegate.core.rollout import ActionKind, Outcome, PauseKind, Rollout, WaitsFor
from tidegate.core.strategy import Ending, Until
from tidegate.store import ledger, rollouts
from tidegate.store.codec import loads
from tidegate.store.engine import Store, make_engine
from tidegate.store.migrate import downgrade, migrate
from tidegate.store.progress import read_progress

pytestmark = pytest.mark.real

BEFORE = "0007"
AFTER = "0008"
KEY = EndpointKey("team-a", "fraud")
OLD: dict[str, Any] = json.loads(Path(__file__).with_name("previous_version.json").read_text())


@pytest.fixture
def filled(database_url: str) -> str:
    """The address of a database of the previous version, with one endpoint in the middle of a
    rollout."""
    migrate(database_url, BEFORE)
    engine = make_engine(database_url, application_name="test", pool_size=1)
    with engine.begin() as tx:
        _fill(tx)
    engine.dispose()
    return database_url


def _fill(tx: sa.Connection) -> None:
    endpoint = tx.execute(
        sa.text(
            "INSERT INTO endpoints (namespace, name, mode, generation, created_by) "
            "VALUES ('team-a', 'fraud', 'standard', 2, 'ann') RETURNING id"
        )
    ).scalar_one()
    for body in OLD["intents"]:
        tx.execute(
            sa.text(
                "INSERT INTO intents (endpoint_id, generation, body, author, why) "
                "VALUES (:id, :generation, CAST(:body AS jsonb), :author, :why)"
            ),
            {
                "id": endpoint,
                "body": json.dumps(body),
                **{key: body[key] for key in ("generation", "author", "why")},
            },
        )
    rollout = {
        "id": endpoint,
        "body": json.dumps(OLD["rollout"]),
        "progress": json.dumps(OLD["progress"]),
    }
    tx.execute(
        sa.text(
            "INSERT INTO rollouts (id, endpoint_id, body) VALUES ('one', :id, CAST(:body AS jsonb))"
        ),
        rollout,
    )
    tx.execute(
        sa.text("INSERT INTO progress (rollout_id, body) VALUES ('one', CAST(:progress AS jsonb))"),
        rollout,
    )
    tx.execute(
        sa.text(
            "INSERT INTO wishes (rollout_id, kind, author, why) "
            "VALUES ('one', 'takeover', 'bob', 'mine'), ('one', 'pause', 'bob', 'lunch')"
        )
    )


def _rows(url: str, *statements: str) -> list[list[Any]]:
    engine = make_engine(url, application_name="test", pool_size=1)
    with engine.begin() as tx:
        results = [[tuple(row) for row in tx.execute(sa.text(each)).all()] for each in statements]
    engine.dispose()
    return results


def _run(url: str, statement: str) -> None:
    engine = make_engine(url, application_name="test", pool_size=1)
    with engine.begin() as tx:
        tx.execute(sa.text(statement))
    engine.dispose()


def test_stored_bodies_load_in_the_new_words(filled: str) -> None:
    migrate(filled, AFTER)

    intents, rollout, progress = (
        [row[0] for row in rows]
        for rows in _rows(
            filled,
            "SELECT body FROM intents ORDER BY generation",
            "SELECT body FROM rollouts",
            "SELECT body FROM progress",
        )
    )
    step = loads(Intent, intents[1])
    assert (step.author, step.message) == ("system:rollout:one", "step 1 of 5: 5 %")
    assert (
        step.standby,
        step.candidate_traffic.percent,
        step.candidate_traffic.replicas_percent,
    ) == ((3,), 5, 50)
    assert loads(Intent, intents[0]).author == "ann"

    green = loads(Rollout, rollout[0])
    assert (green.reason, green.strategy.steps[0].candidate_traffic.replicas_percent) == (
        "new weights",
        100,
    )
    (metric,) = green.strategy.metrics
    assert (metric.fail_margin, metric.pass_margin, metric.min_requests) == (0.02, 0.03, 50)
    assert (green.strategy.ending, green.strategy.steps[0].until) == (
        Ending.KEEP_STABLE,
        Until.APPROVAL,
    )
    assert (green.strategy.deadlines.decision, green.strategy.limits.no_ready_pods) == (
        86400.0,
        7.0,
    )
    assert green.guard == Guard(OnHeartbeatTimeout.ABORT, 60.0)

    content = read_progress(progress[0])
    assert (content.action, content.override, content.end.standby_until) == (7, "bob", 123.5)
    assert (content.message, content.end.message) == ("back to r1", "abort by bob: enough")
    assert content.pause is not None
    assert (content.pause.message, content.pause.kind) == ("lunch", PauseKind.NO_HEARTBEAT)
    assert (content.wait.kind, content.outcome) == (WaitsFor.APPROVAL, Outcome.KEPT_STABLE)
    assert content.analysis.evidence.tracks[0].metric == metric
    (verdict,) = content.analysis.verdicts
    assert (verdict.verdict, verdict.min_requests_more) == (Verdict.UNDECIDED, 20)
    restarts, not_ready = content.pods.findings
    assert (restarts.verdict, not_ready.verdict, not_ready.kind) == (
        Verdict.FAIL,
        Verdict.PASS,
        IncidentKind.NO_READY_PODS,
    )
    assert (
        content.pods.incidents.not_ready.seconds,
        content.pods.incidents.stable_not_ready.seconds,
    ) == (
        3.0,
        4.0,
    )
    assert content.heartbeats == Heartbeats(5.0, 6.0, missed=True)
    assert content.contract is not None
    assert content.contract.compatibility is Compatibility.COMPATIBLE


def test_a_stored_undo_gets_the_fields_of_its_plan(filled: str) -> None:
    _run(filled, "UPDATE rollouts SET body = jsonb_set(body, '{strategy,kind}', '\"undo\"')")
    migrate(filled, AFTER)
    ((body,),) = _rows(filled, "SELECT body FROM rollouts")[0]
    plan = loads(Rollout, body).strategy
    assert (plan.proven, plan.urgent, plan.staging_size) == (True, True, 100)


def test_actions_keep_their_order_and_their_reasons(filled: str) -> None:
    migrate(filled)
    store = Store(filled)
    with store.read() as tx:
        actions = rollouts.actions(tx, "one")
        assert isinstance(ledger.verify(tx), ledger.Verified)
    store.close()
    assert [(action.kind, action.author, action.reason) for action in actions] == [
        (ActionKind.OVERRIDE, "bob", "mine"),
        (ActionKind.PAUSE, "bob", "lunch"),
    ]


def test_it_goes_back_as_it_was(filled: str) -> None:
    tables = (
        "SELECT generation, author, why, body FROM intents ORDER BY generation",
        "SELECT body FROM rollouts",
        "SELECT body FROM progress",
        "SELECT kind, author, why FROM wishes ORDER BY id",
    )
    before = _rows(filled, *tables)
    migrate(filled, AFTER)
    downgrade(filled, BEFORE)
    assert _rows(filled, *tables) == before

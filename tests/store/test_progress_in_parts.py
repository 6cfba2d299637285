"""Progress that the previous version stored flat: in parts after the migration, and flat again."""

import json
from typing import Any

import pytest
import sqlalchemy as sa

from tests.core.values import split
from tidegate.core.evidence import Evidence
from tidegate.core.rollout import (
    CandidatePods,
    End,
    Judgement,
    Outcome,
    Progress,
    RolloutWait,
    Routed,
    StepProgress,
    WaitsFor,
)
from tidegate.store.codec import loads, plain
from tidegate.store.engine import make_engine
from tidegate.store.migrate import downgrade, migrate
from tidegate.store.progress import read_progress
from tidegate.store.progress_parts import PARTS

pytestmark = pytest.mark.real

PROGRESS = Progress(
    at=5.0,
    message="back to r1",
    step=StepProgress(2, 30.0, 7.0, "ann"),
    wait=RolloutWait(WaitsFor.DATA, 12.5),
    routed=Routed(split(10), 3.0),
    analysis=Judgement(Evidence(), (), 4),
    pods=CandidatePods(alive=True, losses=1),
    action=9,
    end=End(Outcome.ABORTED, "5 of 9 failed", 8.0, 99.0, tidy=True),
    outcome=Outcome.ABORTED,
)


def flat(progress: Progress) -> dict[str, Any]:
    """As the previous version stored it."""
    body = plain(progress)
    parts = {part: body.pop(part) for part in PARTS}
    for part, fields in PARTS.items():
        body.update({before: parts[part][now] for now, before in fields})
    return body


@pytest.fixture
def filled(database_url: str) -> str:
    migrate(database_url, "0009")
    engine = make_engine(database_url, application_name="test", pool_size=1)
    with engine.begin() as tx:
        tx.execute(
            sa.text(
                "INSERT INTO endpoints (namespace, name, mode, generation, created_by) "
                "VALUES ('team-a', 'fraud', 'standard', 2, 'ann')"
            )
        )
        tx.execute(
            sa.text(
                "INSERT INTO rollouts (id, endpoint_id, body, outcome) "
                "SELECT 'one', id, '{}', 'aborted' FROM endpoints"
            )
        )
        tx.execute(
            sa.text("INSERT INTO progress (rollout_id, body) VALUES ('one', CAST(:body AS jsonb))"),
            {"body": json.dumps(flat(PROGRESS))},
        )
    engine.dispose()
    return database_url


def body(url: str) -> Any:
    engine = make_engine(url, application_name="test", pool_size=1)
    with engine.begin() as tx:
        stored = tx.execute(sa.text("SELECT body FROM progress")).scalar_one()
    engine.dispose()
    return stored


def test_there_and_back(filled: str) -> None:
    migrate(filled)
    assert loads(Progress, body(filled)) == PROGRESS
    downgrade(filled, "0009")
    assert body(filled) == flat(PROGRESS)


def test_what_an_old_worker_stores_after_the_migration_is_read() -> None:
    assert read_progress(flat(PROGRESS)) == PROGRESS
    assert read_progress(plain(PROGRESS)) == PROGRESS

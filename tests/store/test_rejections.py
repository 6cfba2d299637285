"""A rollout that ran under the previous version is judged by its rejections from now on."""

import json
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from tidegate.core.evidence import MetricKind, tracking
from tidegate.core.rollout import PauseKind, Progress, Rollout
from tidegate.core.strategy import canary
from tidegate.store.codec import loads, plain
from tidegate.store.engine import make_engine
from tidegate.store.migrate import downgrade, migrate
from tidegate.store.progress import read_progress

pytestmark = pytest.mark.real

BEFORE = "0008"
AFTER = "head"
THREE = [MetricKind.ERRORS, MetricKind.REJECTIONS, MetricKind.SATURATION]
COUNTERS = {"answers": 900, "bad": 90, "buckets": [], "causes": []}
LAST = {"at": 5.0, "readings": [{"source": "a", "revision": 1, "counters": COUNTERS}], "copies": []}


def run(url: str, statement: str, **values: object) -> list[Any]:
    engine = make_engine(url, application_name="test", pool_size=1)
    with engine.begin() as tx:
        answer = tx.execute(sa.text(statement), values)
        rows: list[Any] = []
        if answer.returns_rows:
            rows = [row[0] for row in answer.all()]
    engine.dispose()
    return rows


@pytest.fixture
def filled(database_url: str) -> str:
    """A database of the previous version with a rollout that runs and one that has ended."""
    migrate(database_url, BEFORE)
    (endpoint,) = run(
        database_url,
        "INSERT INTO endpoints (namespace, name, mode, generation, created_by) "
        "VALUES ('team-a', 'fraud', 'standard', 2, 'ann') RETURNING id",
    )
    body = plain(Rollout("one", canary(), 1, 2, "ann"))
    body["strategy"]["metrics"] = [{"kind": "errors", "fail_margin": 0.02}]
    tracks = [{"metric": {"kind": "errors", "fail_margin": 0.02}}]
    progress = {"waits_for": "", "evidence": {"tracks": tracks, "last": LAST}}
    for name, outcome in (("running", None), ("ended", "promoted")):
        run(
            database_url,
            "INSERT INTO rollouts (id, endpoint_id, body, outcome) "
            "VALUES (:name, :endpoint, CAST(:body AS jsonb), :outcome)",
            name=name,
            endpoint=endpoint,
            body=json.dumps(body),
            outcome=outcome,
        )
        run(
            database_url,
            "INSERT INTO progress (rollout_id, body) VALUES (:name, CAST(:body AS jsonb))",
            name=name,
            body=json.dumps(progress),
        )
    return database_url


def stored(url: str, name: str) -> tuple[Rollout, Progress]:
    (rollout,) = run(url, "SELECT body FROM rollouts WHERE id = :name", name=name)
    (progress,) = run(url, "SELECT body FROM progress WHERE rollout_id = :name", name=name)
    return loads(Rollout, rollout), read_progress(progress)


def kinds(url: str, name: str) -> tuple[list[MetricKind], list[MetricKind]]:
    rollout, progress = stored(url, name)
    tracks = [track.metric.kind for track in progress.analysis.evidence.tracks]
    return [metric.kind for metric in rollout.strategy.metrics], tracks


def test_a_running_rollout_gets_the_metrics_and_a_new_base_line(filled: str) -> None:
    migrate(filled, AFTER)
    assert kinds(filled, "running") == (THREE, THREE)
    assert kinds(filled, "ended") == ([MetricKind.ERRORS], [MetricKind.ERRORS])
    rollout, progress = stored(filled, "running")
    assert progress.analysis.evidence.last is None, (
        "its counters held rejections among the bad answers"
    )
    assert rollout.strategy.metrics[0].fail_margin == 0.02


def test_what_an_old_worker_stores_after_the_migration_is_read(filled: str) -> None:
    (old,) = run(filled, "SELECT body FROM progress WHERE rollout_id = 'running'")
    migrate(filled, AFTER)
    run(
        filled,
        "UPDATE progress SET body = CAST(:body AS jsonb) WHERE rollout_id = 'running'",
        body=json.dumps(old),
    )
    rollout, progress = stored(filled, "running")
    assert progress.analysis.evidence.last is None, "what its counters meant is not known"
    evidence = tracking(progress.analysis.evidence, rollout.strategy.metrics)
    assert [track.metric.kind for track in evidence.tracks] == THREE
    assert evidence.tracks[:1] == progress.analysis.evidence.tracks


def test_a_progress_that_does_not_fit_elsewhere_is_refused() -> None:
    body = plain(Progress())
    body["analysis"]["evidence"]["last"] = LAST
    body["step"]["baked"] = "long"
    with pytest.raises(ValidationError, match="baked"):
        read_progress(body)


def test_the_way_back_drops_them(filled: str) -> None:
    migrate(filled, AFTER)
    run(
        filled,
        "UPDATE progress SET body = body || "
        '\'{"pause": {"kind": "too-small", "author": "a", "message": "m"}}\'',
    )
    downgrade(filled, BEFORE)
    assert kinds(filled, "running") == ([MetricKind.ERRORS], [MetricKind.ERRORS])
    _, progress = stored(filled, "running")
    assert progress.pause is not None
    assert progress.pause.kind is PauseKind.NO_DATA

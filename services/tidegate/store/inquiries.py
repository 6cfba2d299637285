# ruff: noqa: S608  (the spliced parts are constants of this module, values are always bound)
"""Questions to the worker, which alone sees the cluster: preflights, tenants, quotas, model
contracts.

The API asks, then waits for EVENTS with the inquiry's id (or polls `get`); a worker takes, looks,
answers. A worker that dies leaves the question to be taken again.
"""

from dataclasses import dataclass

from tidegate.store.codec import Json, dumps
from tidegate.store.engine import ReadTx, Row, Tx, row, rows, run
from tidegate.store.notify import tell, wake_workers

_COLUMNS = "id, kind, body, answer, answered_at IS NOT NULL AS done"


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question and, once a worker looked, its answer. progress: how far the worker is, while
    there is none."""

    id: str
    kind: str
    body: Json
    answer: Json | None
    progress: str = ""


def ask(tx: Tx, kind: str, body: Json) -> str:
    """Store a question; its id."""
    request = row(
        tx,
        "INSERT INTO inquiries (kind, body) VALUES (:kind, CAST(:body AS jsonb)) RETURNING id",
        kind=kind,
        body=dumps(body),
    )
    assert request is not None
    wake_workers(tx)
    return str(request.id)


def take(tx: Tx, *, limit: int, seconds: float) -> tuple[Inquiry, ...]:
    """Up to `limit` open questions, oldest first, hidden from other workers for `seconds`. Commit
    before looking."""
    results = rows(
        tx,
        f"""WITH open AS MATERIALIZED (
                SELECT id AS open_id FROM inquiries
                WHERE answered_at IS NULL AND (taken_until IS NULL OR taken_until < now())
                ORDER BY asked_at LIMIT :limit FOR UPDATE SKIP LOCKED)
            UPDATE inquiries SET taken_until = now() + make_interval(secs => :seconds) FROM open
            WHERE id = open_id RETURNING {_COLUMNS}""",
        limit=limit,
        seconds=seconds,
    )
    return tuple(_inquiry(item) for item in results)


def answer(tx: Tx, inquiry_id: str, body: Json) -> bool:
    """Store the answer; False when there is one already, or the question is gone."""
    changed = run(
        tx,
        """UPDATE inquiries SET answer = CAST(:body AS jsonb), answered_at = now()
           WHERE id = :id AND answered_at IS NULL""",
        id=inquiry_id,
        body=dumps(body),
    )
    if changed:
        tell(tx, inquiry_id)
    return bool(changed)


def report(tx: Tx, inquiry_id: str, progress: str, *, seconds: float) -> None:
    """Say how far the work on an open question is, and keep it from other workers for `seconds`
    more."""
    run(
        tx,
        """UPDATE inquiries SET answer = CAST(:body AS jsonb), taken_until = now() + make_interval(secs => :seconds)
           WHERE id = :id AND answered_at IS NULL""",
        id=inquiry_id,
        body=dumps({"progress": progress}),
        seconds=seconds,
    )


def get(tx: ReadTx, inquiry_id: str) -> Inquiry | None:
    """A question by its id; None when it was never asked or is long gone."""
    result = row(tx, f"SELECT {_COLUMNS} FROM inquiries WHERE id = :id", id=inquiry_id)
    if not result:
        return None
    return _inquiry(result)


def _inquiry(item: Row) -> Inquiry:
    if item.done:
        return Inquiry(str(item.id), item.kind, item.body, item.answer)
    return Inquiry(
        str(item.id), item.kind, item.body, None, str((item.answer or {}).get("progress") or "")
    )

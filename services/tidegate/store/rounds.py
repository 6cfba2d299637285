"""One round of a worker: `load` everything in one short read, act without a transaction, `record` what came of it
in one short transaction that the lease guards."""

# ruff: noqa: S608  (the spliced parts are constants of this package, values are always bound)

from collections.abc import Sequence

from tidegate.core.guard import Beat
from tidegate.core.intent import Intent, Revision
from tidegate.core.rollout import Note, Progress, Rollout, Wish, WishKind
from tidegate.store.codec import Json, dumps, loads
from tidegate.store.endpoints import COLUMNS, from_row
from tidegate.store.engine import ReadTx, Row, Tx, row, rows, run
from tidegate.store.intents import append_intent
from tidegate.store.leases import HELD
from tidegate.store.ledger import Line, append
from tidegate.store.notify import tell, wake_workers
from tidegate.store.values import (
    Appended,
    Context,
    Lease,
    LostLease,
    Recorded,
    RolloutState,
    Stale,
)


def load(tx: ReadTx, lease: Lease) -> Context | LostLease:
    """Everything that a round needs, in four queries; use `Store.read()`, so that they see the same moment."""
    found = row(
        tx,
        f"""SELECT {COLUMNS}, e.memory, i.body AS intent, s.store_id,
                extract(epoch FROM clock_timestamp())::float8 AS now
            FROM endpoints AS e CROSS JOIN installation AS s
            LEFT JOIN intents AS i ON i.endpoint_id = e.id AND i.generation = e.generation
            WHERE e.id = :endpoint_id AND e.lease_token = :token AND e.lease_until > clock_timestamp()""",
        endpoint_id=lease.endpoint_id,
        token=lease.token,
    )
    if found is None:
        return LostLease()
    revisions = rows(tx, "SELECT body FROM revisions WHERE endpoint_id = :id ORDER BY number", id=lease.endpoint_id)
    endpoint = from_row(found)
    return Context(
        endpoint,
        str(found.store_id),
        loads(Intent, found.intent) if found.intent else None,
        tuple(loads(Revision, one.body) for one in revisions),
        _rollouts(tx, lease.endpoint_id),
        found.memory,
        endpoint.status,
        found.now,
    )


def record(
    tx: Tx,
    lease: Lease,
    *,
    intent: Intent | None = None,
    expected_generation: int | None = None,
    rollout_id: str | None = None,
    progress: Sequence[tuple[str, Progress]] = (),
    notes: Sequence[Note] = (),
    memory: Json | None = None,
    status: Json | None = None,
    wake_in: float | None = None,
    release: bool = True,
) -> Recorded | LostLease | Stale:
    """Store what a round decided and saw, all of it or nothing.

    intent: appended against `expected_generation` for `rollout_id`. progress: by rollout id; its `outcome` and `tidy`
    end the rollout. notes: lines of the endpoint's ledger. memory, status: None keeps what is stored. With `release`
    the lease ends and the endpoint is due in `wake_in` seconds (None: when something wakes it), or at once if it was
    woken since the claim; without, the lease goes on and `wake_in` means nothing.
    """
    now = row(
        tx,
        f"SELECT generation, status_version FROM endpoints WHERE {HELD} FOR UPDATE",
        endpoint_id=lease.endpoint_id,
        token=lease.token,
    )
    if now is None:
        return LostLease()
    appended = _append(tx, intent, expected_generation, rollout_id)
    if isinstance(appended, Stale):
        return appended
    for one, value in progress:
        _save_progress(tx, one, value)
    append(tx, lease.endpoint_id, *(Line(note.author, note.action, note.why) for note in notes))
    saved = _save_endpoint(tx, lease, memory, status, wake_in, release)
    if saved.due:
        wake_workers(tx)
    if progress or notes or saved.status_version != now.status_version:
        tell(tx, lease.endpoint_id)
    return Recorded(appended)


def _append(
    tx: Tx, intent: Intent | None, expected_generation: int | None, rollout_id: str | None
) -> Intent | Stale | None:
    if intent is None:
        return None
    assert expected_generation is not None, "an intent is appended against the generation that it was decided on"
    result = append_intent(tx, intent, expected_generation, rollout_id=rollout_id)
    return result.intent if isinstance(result, Appended) else result


def _rollouts(tx: ReadTx, endpoint_id: str) -> tuple[RolloutState, ...]:
    found = rows(
        tx,
        """SELECT r.id, r.body, p.body AS progress, extract(epoch FROM b.at)::float8 AS beat_at, b.released
           FROM rollouts AS r LEFT JOIN progress AS p ON p.rollout_id = r.id
           LEFT JOIN beats AS b ON b.rollout_id = r.id
           WHERE r.endpoint_id = :id AND NOT r.tidy ORDER BY r.seq""",
        id=endpoint_id,
    )
    asked: list[Row] = []
    if found:
        asked = rows(
            tx,
            """SELECT w.id, w.rollout_id, w.kind, w.author, w.why
               FROM wishes AS w JOIN rollouts AS r ON r.id = w.rollout_id LEFT JOIN progress AS p ON p.rollout_id = r.id
               WHERE r.endpoint_id = :id AND NOT r.tidy AND w.id > coalesce((p.body->>'wish')::bigint, 0)
               ORDER BY w.id""",
            id=endpoint_id,
        )
    return tuple(
        RolloutState(
            loads(Rollout, one.body),
            loads(Progress, one.progress or {}),
            tuple(Wish(w.id, WishKind(w.kind), w.author, w.why) for w in asked if w.rollout_id == one.id),
            None if one.beat_at is None else Beat(one.beat_at, one.released),
        )
        for one in found
    )


def _save_progress(tx: Tx, rollout_id: str, value: Progress) -> None:
    run(
        tx,
        """INSERT INTO progress (rollout_id, body) VALUES (:id, CAST(:body AS jsonb))
           ON CONFLICT (rollout_id) DO UPDATE SET body = excluded.body, updated_at = now()""",
        id=rollout_id,
        body=dumps(value),
    )
    if value.outcome is not None or value.tidy:
        run(
            tx,
            "UPDATE rollouts SET outcome = :outcome, tidy = :tidy WHERE id = :id",
            id=rollout_id,
            outcome=value.outcome.value if value.outcome else None,
            tidy=value.tidy,
        )


def _save_endpoint(
    tx: Tx, lease: Lease, memory: Json | None, status: Json | None, wake_in: float | None, release: bool
) -> Row:
    """One write of the row that `record` has locked."""
    saved = row(
        tx,
        """UPDATE endpoints SET
               memory = coalesce(CAST(:memory AS jsonb), memory),
               status = coalesce(CAST(:status AS jsonb), status),
               status_version = status_version + CASE WHEN status <> CAST(:status AS jsonb) THEN 1 ELSE 0 END,
               due_at = CASE WHEN NOT :release THEN due_at WHEN poked THEN now()
                   ELSE now() + make_interval(secs => CAST(:wake_in AS float8)) END,
               poked = poked AND NOT :release,
               lease_owner = CASE WHEN NOT :release THEN lease_owner END,
               lease_token = CASE WHEN NOT :release THEN lease_token END,
               lease_until = CASE WHEN NOT :release THEN lease_until END
           WHERE id = :endpoint_id
           RETURNING status_version, coalesce(due_at <= now(), false) AS due""",
        endpoint_id=lease.endpoint_id,
        memory=None if memory is None else dumps(memory),
        status=None if status is None else dumps(status),
        wake_in=wake_in,
        release=release,
    )
    assert saved is not None
    return saved

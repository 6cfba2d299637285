"""One reconcile of a worker: `load` everything in one short read, act without a transaction,
`record` what came of it in one short transaction that the lease guards."""

# ruff: noqa: S608  (the spliced parts are constants of this package, values are always bound)

from collections.abc import Sequence

from tidegate.core.allowed import Allowed
from tidegate.core.guard import Heartbeat
from tidegate.core.intent import Intent, Revision
from tidegate.core.known import RolloutState
from tidegate.core.rollout import Action, ActionKind, Note, Progress, Rollout
from tidegate.core.sampling import RolloutSample
from tidegate.store import experiments, rollouts, samples, status
from tidegate.store.codec import Json, dumps, loads
from tidegate.store.endpoints import COLUMNS, from_row
from tidegate.store.engine import ReadTx, Tx, row, run
from tidegate.store.intents import append_intent
from tidegate.store.leases import ACTED_SINCE, HELD
from tidegate.store.ledger import Line, append
from tidegate.store.notify import EVENTS, WAKE
from tidegate.store.progress import read_progress
from tidegate.store.values import (
    Appended,
    Context,
    Lease,
    LostLease,
    Recorded,
    Stale,
)

_LOAD = f"""
    SELECT {COLUMNS}, e.memory, e.load, i.body AS intent, s.store_id, t.allowed,
        extract(epoch FROM clock_timestamp())::float8 AS now,
        (SELECT coalesce(jsonb_agg(r.body ORDER BY r.number), '[]') FROM revisions AS r WHERE r.endpoint_id = e.id)
            AS revisions,
        (SELECT coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'body', r.body, 'progress', p.body,
                'heartbeat_at', extract(epoch FROM b.at)::float8, 'released', b.released) ORDER BY r.seq), '[]')
            FROM rollouts AS r LEFT JOIN progress AS p ON p.rollout_id = r.id
            LEFT JOIN heartbeats AS b ON b.rollout_id = r.id
            WHERE r.endpoint_id = e.id AND NOT r.tidy) AS rollouts,
        (SELECT coalesce(jsonb_agg(to_jsonb(w) || jsonb_build_object('at', extract(epoch FROM w.at)::float8)
                ORDER BY w.id), '[]')
            FROM actions AS w JOIN rollouts AS r ON r.id = w.rollout_id LEFT JOIN progress AS p ON p.rollout_id = r.id
            WHERE r.endpoint_id = e.id AND NOT r.tidy AND w.id > coalesce((p.body->>'action')::bigint, 0)) AS actions,
        (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.id), '[]') FROM ({experiments.SAMPLES}) AS x) AS samples
    FROM endpoints AS e CROSS JOIN installation AS s
    LEFT JOIN tenants AS t ON t.namespace = e.namespace
    LEFT JOIN intents AS i ON i.endpoint_id = e.id AND i.generation = e.generation
    WHERE e.id = :endpoint_id AND e.lease_token = :token AND e.lease_until > clock_timestamp()"""

_SAVE = f"""
    WITH held AS MATERIALIZED (SELECT id, status_version FROM endpoints WHERE {HELD} FOR UPDATE),
    saved AS (
        UPDATE endpoints AS e SET
            memory = coalesce(CAST(:memory AS jsonb), e.memory),
            load = coalesce(CAST(:load AS jsonb), e.load),
            status = coalesce(CAST(:status AS jsonb), e.status),
            status_version = e.status_version + CASE WHEN e.status <> CAST(:status AS jsonb) THEN 1 ELSE 0 END,
            due_at = CASE WHEN NOT :release THEN e.due_at WHEN e.poked THEN now()
                ELSE now() + make_interval(secs => CAST(:wake_in AS float8)) END,
            poked = e.poked AND NOT :release,
            lease_owner = CASE WHEN NOT :release THEN e.lease_owner END,
            lease_token = CASE WHEN NOT :release THEN e.lease_token END,
            lease_until = CASE WHEN NOT :release THEN e.lease_until END
        FROM held WHERE e.id = held.id
        RETURNING e.id, e.status_version <> held.status_version AS changed, coalesce(e.due_at <= now(), false) AS due)
    SELECT (SELECT pg_notify(:wake, '') WHERE due) AS woken,
        (SELECT pg_notify(:events, id::text) WHERE changed OR :told) AS told
    FROM saved"""


def load(tx: ReadTx, lease: Lease) -> Context | LostLease:
    """Everything that a reconcile needs, in one statement, so that all of it is of one moment;
    `Store.single()` will do."""
    result = row(tx, _LOAD, endpoint_id=lease.endpoint_id, token=lease.token)
    if result is None:
        return LostLease()
    endpoint = from_row(result)
    intent = None
    if result.intent:
        intent = loads(Intent, result.intent)
    return Context(
        endpoint,
        str(result.store_id),
        intent,
        tuple(loads(Revision, revision) for revision in result.revisions),
        _rollouts(result.rollouts, result.actions, result.samples),
        result.memory,
        status.read(endpoint.status),
        result.now,
        loads(Allowed, result.allowed) if result.allowed else None,
        status.read_load(result.load),
    )


def record(
    tx: Tx,
    lease: Lease,
    *,
    intent: Intent | None = None,
    expected_generation: int | None = None,
    rollout_id: str | None = None,
    action: int | None = None,
    progress: Sequence[tuple[str, Progress]] = (),
    sampled: Sequence[tuple[str, RolloutSample]] = (),
    started: Sequence[Rollout] = (),
    notes: Sequence[Note] = (),
    memory: Json | None = None,
    load: Json | None = None,
    status: Json | None = None,
    wake_in: float | None = None,
    release: bool = True,
) -> Recorded | LostLease | Stale:
    """Store what a reconcile decided and saw, all of it or nothing.

    intent: appended against `expected_generation` for `rollout_id`, with its own mark; action: with
    it, only if nobody wished anything since that one. progress: by rollout id; its `outcome` and
    `tidy` end the rollout. sampled: by rollout id, for charts. started: rollouts of the
    controller's own, each stored once, and none beside one that runs. notes: lines of the
    endpoint's ledger. memory, load, status: None keeps what is
    stored. With `release` the lease ends and the
    endpoint is due in `wake_in` seconds (None: when something wakes it), or at once if it was woken
    since the claim; without, the lease goes on and `wake_in` means nothing.
    """
    if row(tx, f"SELECT 1 FROM endpoints WHERE {HELD} FOR UPDATE", **_held(lease)) is None:
        return LostLease()
    if intent is not None and action is not None and _acted_since(tx, lease, action):
        return Stale(expected_generation or 0)
    appended = _append(tx, intent, expected_generation, rollout_id)
    if isinstance(appended, Stale):
        return appended
    for item, value in progress:
        _save_progress(tx, item, value)
    samples.add(tx, sampled)
    for rollout in started:
        _start(tx, lease, rollout)
    append(tx, lease.endpoint_id, *(Line(note.author, note.action, note.message) for note in notes))
    known = bool(progress or notes)
    saved = _save(
        tx,
        lease,
        memory=memory,
        load=load,
        status=status,
        wake_in=wake_in,
        released=release,
        known=known,
    )
    return Recorded(appended) if saved else LostLease()


def release(
    tx: Tx,
    lease: Lease,
    *,
    memory: Json | None = None,
    load: Json | None = None,
    status: Json | None = None,
    wake_in: float | None = None,
) -> Recorded | LostLease:
    """`record` of a reconcile that decided nothing, in one statement; `Store.single()` will do."""
    saved = _save(
        tx,
        lease,
        memory=memory,
        load=load,
        status=status,
        wake_in=wake_in,
        released=True,
        known=False,
    )
    if saved:
        return Recorded()
    return LostLease()


def _acted_since(tx: Tx, lease: Lease, action: int) -> bool:
    """Asked under the endpoint's lock, which whoever acts takes first: so no accepted action is
    missed."""
    result = row(tx, f"SELECT {ACTED_SINCE} AS so", endpoint_id=lease.endpoint_id, action=action)
    return bool(result and result.so)


def _append(
    tx: Tx, intent: Intent | None, expected_generation: int | None, rollout_id: str | None
) -> Intent | Stale | None:
    if intent is None:
        return None
    assert expected_generation is not None, (
        "an intent is appended against the generation that it was decided on"
    )
    result = append_intent(tx, intent, expected_generation, rollout_id=rollout_id, mark=intent.mark)
    if isinstance(result, Appended):
        return result.intent
    return result


def _start(tx: Tx, lease: Lease, rollout: Rollout) -> None:
    """Its id is known before, so that a pass which is repeated starts it once."""
    if rollouts.get(tx, rollout.id) is None:
        rollouts.start(tx, lease.key, rollout, action="undo")


def _rollouts(
    results: Sequence[Json], actions: Sequence[Json], counts: Sequence[Json]
) -> tuple[RolloutState, ...]:
    requests = [
        (
            w["rollout_id"],
            Action(w["id"], ActionKind(w["kind"]), w["author"], w["reason"], w["at"]),
        )
        for w in actions
    ]
    return tuple(
        RolloutState(
            loads(Rollout, item["body"]),
            read_progress(item["progress"]),
            tuple(action for rollout_id, action in requests if rollout_id == item["id"]),
            None
            if item["heartbeat_at"] is None
            else Heartbeat(item["heartbeat_at"], item["released"]),
            tuple(experiments.sample(each) for each in counts if each["rollout_id"] == item["id"]),
        )
        for item in results
    )


def _save_progress(tx: Tx, rollout_id: str, value: Progress) -> None:
    run(
        tx,
        """INSERT INTO progress (rollout_id, body) VALUES (:id, CAST(:body AS jsonb))
           ON CONFLICT (rollout_id) DO UPDATE SET body = excluded.body, updated_at = now()""",
        id=rollout_id,
        body=dumps(value),
    )
    if value.outcome is not None or value.end.tidy:
        outcome = None
        if value.outcome:
            outcome = value.outcome.value
        run(
            tx,
            "UPDATE rollouts SET outcome = :outcome, tidy = :tidy WHERE id = :id",
            id=rollout_id,
            outcome=outcome,
            tidy=value.end.tidy,
        )


def _save(
    tx: Tx,
    lease: Lease,
    *,
    memory: Json | None,
    load: Json | None,
    status: Json | None,
    wake_in: float | None,
    released: bool,
    known: bool,
) -> bool:
    """Write the endpoint's row and wake who must know, in one statement; False when the lease is
    lost."""
    saved = row(
        tx,
        _SAVE,
        **_held(lease),
        memory=_dumped(memory),
        load=_dumped(load),
        status=_dumped(status),
        wake_in=wake_in,
        release=released,
        told=known,
        wake=WAKE,
        events=EVENTS,
    )
    return saved is not None


def _dumped(value: Json | None) -> str | None:
    if value is None:
        return None
    return dumps(value)


def _held(lease: Lease) -> dict[str, str]:
    return {"endpoint_id": lease.endpoint_id, "token": lease.token}

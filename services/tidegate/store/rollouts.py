"""Rollouts and the actions of people. At most one unfinished rollout acts: the oldest; others wait
behind it, because it has been superseded."""

from collections.abc import Collection, Mapping
from typing import Any

from tidegate.core.intent import EndpointKey
from tidegate.core.rollout import Action, ActionKind, Outcome, Rollout, with_base
from tidegate.store.codec import clean, dumps, loads, plain
from tidegate.store.engine import ReadTx, Row, Tx, row, rows, run
from tidegate.store.errors import NotFound
from tidegate.store.leases import poke
from tidegate.store.ledger import Line, append
from tidegate.store.paging import Page, decode, page, size
from tidegate.store.progress import read_progress
from tidegate.store.values import Busy, Finished, Started, StoredRollout

SELECT = """
    SELECT r.id, r.seq, r.body, r.outcome, e.id AS endpoint_id, e.namespace, e.name, p.body AS progress,
        extract(epoch FROM r.created_at)::float8 AS created_at,
        extract(epoch FROM coalesce(p.updated_at, r.created_at))::float8 AS updated_at
    FROM rollouts AS r JOIN endpoints AS e ON e.id = r.endpoint_id LEFT JOIN progress AS p ON p.rollout_id = r.id
"""


SIMILAR_IDS = 5  # that are named to somebody who gave too little of one
_OF_RUN = """AND (r.run_id = :run_id
    OR EXISTS (SELECT 1 FROM actions AS w WHERE w.rollout_id = r.id AND w.run_id = :run_id))"""

# A run's id ends in that of its submission, after a dot
_OF_SUBMISSION = """AND (right(r.run_id, length(:suffix)) = :suffix
    OR EXISTS (SELECT 1 FROM actions AS w
               WHERE w.rollout_id = r.id AND right(w.run_id, length(:suffix)) = :suffix))"""


def start(
    tx: Tx,
    key: EndpointKey,
    rollout: Rollout,
    *,
    supersede: bool = False,
    action: str = "start",
) -> Started | Busy:
    """Store a rollout. With one unfinished: Busy, or with `supersede` it gets that action and the
    new one waits for its end. The endpoint is due now. action: start, undo or retry, as the person
    calls it. Raises NotFound."""
    endpoint_id = poke(tx, key)
    if endpoint_id is None:
        raise NotFound(f"endpoint {key} does not exist")
    waiting = unfinished(tx, key)
    if waiting and not supersede:
        return Busy(waiting[0])
    for older in waiting:
        _append_action(
            tx,
            endpoint_id,
            older.rollout.id,
            ActionKind.SUPERSEDE,
            rollout.author,
            f"superseded by {rollout.id}",
        )
    run(
        tx,
        """INSERT INTO rollouts (id, endpoint_id, body, run_id)
           VALUES (:id, :endpoint_id, CAST(:body AS jsonb), :run_id)""",
        id=rollout.id,
        endpoint_id=endpoint_id,
        body=dumps(rollout),
        run_id=rollout.run_id or None,
    )
    append(
        tx,
        endpoint_id,
        Line(rollout.author, f"rollout.{action}", rollout.reason, {"rollout": plain(rollout)}),
    )
    return Started(queued=bool(waiting))


def get(tx: ReadTx, rollout_id: str) -> StoredRollout | None:
    """A rollout by its id."""
    result = row(tx, f"{SELECT} WHERE r.id = :id", id=rollout_id)
    if not result:
        return None
    return stored(result)


def beginning(
    tx: ReadTx,
    prefix: str,
    namespaces: Collection[str],
) -> tuple[StoredRollout, ...]:
    """The rollouts in these namespaces whose id begins so, the newest SIMILAR_IDS of them."""
    results = rows(
        tx,
        f"""{SELECT} WHERE starts_with(r.id, :prefix) AND e.namespace = ANY(:namespaces)
            ORDER BY r.seq DESC LIMIT {SIMILAR_IDS}""",
        prefix=prefix,
        namespaces=sorted(namespaces),
    )
    return tuple(stored(rollout) for rollout in results)


def namespaces_of_beginning(tx: ReadTx, prefix: str) -> tuple[str, ...]:
    """Every namespace with a rollout whose id begins so."""
    results = rows(
        tx,
        """SELECT DISTINCT e.namespace FROM rollouts AS r JOIN endpoints AS e
           ON e.id = r.endpoint_id WHERE starts_with(r.id, :prefix) ORDER BY e.namespace""",
        prefix=prefix,
    )
    return tuple(place.namespace for place in results)


def current(tx: ReadTx, key: EndpointKey) -> StoredRollout | None:
    """The rollout that acts on an endpoint: the oldest unfinished one."""
    rollouts = unfinished(tx, key)
    if not rollouts:
        return None
    return rollouts[0]


def list_rollouts(
    tx: ReadTx,
    key: EndpointKey,
    *,
    run_id: str | None = None,
    submission_id: str | None = None,
    page_token: str | None = None,
    limit: int = 100,
) -> Page[StoredRollout]:
    """An endpoint's rollouts, newest first; with a run_id those that this pipeline run started or
    acted on, with a submission_id those of any run that this submission began. Raises
    BadPageToken."""
    where = "e.namespace = :namespace AND e.name = :name"
    values = {"namespace": key.namespace, "name": key.name}
    if run_id is not None:
        where = f"{where} {_OF_RUN}"
        values["run_id"] = run_id
    if submission_id is not None:
        where = f"{where} {_OF_SUBMISSION}"
        values["suffix"] = f".{submission_id}"
    return _newest(tx, where, values, page_token, limit)


def list_all(
    tx: ReadTx,
    *,
    namespaces: Collection[str] | None = None,
    running: bool = False,
    page_token: str | None = None,
    limit: int = 100,
) -> Page[StoredRollout]:
    """Rollouts of every endpoint in these namespaces, newest first; None: of all namespaces.
    running: only those that have not ended. Raises BadPageToken."""
    where = "true"
    values = {}
    if namespaces is not None:
        where = "e.namespace = ANY (:namespaces)"
        values["namespaces"] = sorted(namespaces)
    if running:
        where = f"{where} AND r.outcome IS NULL"
    return _newest(tx, where, values, page_token, limit)


def _newest(
    tx: ReadTx, where: str, values: Mapping[str, Any], page_token: str | None, limit: int
) -> Page[StoredRollout]:
    before = decode(page_token, int)
    results = rows(
        tx,
        f"{SELECT} WHERE {where} AND r.seq < :before ORDER BY r.seq DESC LIMIT :limit",
        **values,
        before=before[0] if before else 2**62,
        limit=size(limit) + 1,
    )
    positions = {item.id: item.seq for item in results}
    return page(
        [stored(item) for item in results],
        size(limit),
        lambda stored: (positions[stored.rollout.id],),
    )


def add_action(
    tx: Tx,
    rollout_id: str,
    kind: ActionKind,
    *,
    author: str,
    reason: str = "",
    run_id: str = "",
    step: int | None = None,
    called: str = "",
) -> Action | Finished:
    """Append an action to an unfinished rollout; the endpoint is due now. run_id: of the pipeline
    run that asks. For the ledger: step, the number of the step that it answers, and called, what
    the person calls the action where that is not its kind. Raises NotFound."""
    rollout = get(tx, rollout_id)
    if rollout is None:
        raise NotFound(f"rollout {rollout_id} does not exist")
    # Takes the endpoint's row lock before the id is drawn: ids of one rollout become visible in
    # their order, so the rollout controller's cursor never passes one that commits later.
    poke(tx, rollout.key)
    ended = row(tx, "SELECT outcome FROM rollouts WHERE id = :id", id=rollout_id)
    assert ended is not None
    if ended.outcome is not None:
        return Finished(Outcome(ended.outcome))
    return _append_action(
        tx, rollout.endpoint_id, rollout_id, kind, author, reason, run_id, step, called
    )


def actions(tx: ReadTx, rollout_id: str, after: int = 0) -> tuple[Action, ...]:
    """A rollout's actions with an id above `after`, in order."""
    results = rows(
        tx,
        """SELECT id, kind, author, reason, extract(epoch FROM at)::float8 AS at FROM actions
           WHERE rollout_id = :id AND id > :after ORDER BY id""",
        id=rollout_id,
        after=after,
    )
    return tuple(
        Action(item.id, ActionKind(item.kind), item.author, item.reason, item.at)
        for item in results
    )


def heartbeat(tx: Tx, rollout_id: str, *, author: str, release: bool = False) -> Finished | None:
    """A heartbeat of a rollout's pipeline, by the database's clock; it wakes nobody, the next
    reconcile hears it. release: the pipeline has done its part, which the ledger keeps. Raises
    NotFound."""
    rollout = get(tx, rollout_id)
    if rollout is None:
        raise NotFound(f"rollout {rollout_id} does not exist")
    if rollout.outcome is not None:
        return Finished(rollout.outcome)
    run(
        tx,
        """INSERT INTO heartbeats (rollout_id, at, released) VALUES (:id, clock_timestamp(), :released)
           ON CONFLICT (rollout_id) DO UPDATE SET at = excluded.at, released = excluded.released""",
        id=rollout_id,
        released=release,
    )
    if release:
        append(
            tx,
            rollout.endpoint_id,
            Line(author, "pipeline.release", "its part is done", {"rollout": rollout_id}),
        )
    return None


def _append_action(
    tx: Tx,
    endpoint_id: str,
    rollout_id: str,
    kind: ActionKind,
    author: str,
    reason: str,
    run_id: str = "",
    step: int | None = None,
    called: str = "",
) -> Action:
    inserted = row(
        tx,
        """INSERT INTO actions (rollout_id, kind, author, reason, run_id)
           VALUES (:rollout_id, :kind, :author, :reason, :run_id)
           RETURNING id, extract(epoch FROM at)::float8 AS at""",
        rollout_id=rollout_id,
        kind=kind.value,
        author=clean(author),
        reason=clean(reason),
        run_id=run_id or None,
    )
    assert inserted is not None
    action = Action(inserted.id, kind, clean(author), clean(reason), inserted.at)
    body: dict[str, str | int] = {"rollout": rollout_id, "action": action.id}
    if step is not None:
        body["step"] = step
    if called:
        body["kind"] = kind.value
    append(tx, endpoint_id, Line(author, f"rollout.{called or kind.value}", reason, body))
    return action


def unfinished(tx: ReadTx, key: EndpointKey) -> list[StoredRollout]:
    """The rollouts that have not ended, oldest first."""
    results = rows(
        tx,
        f"""{SELECT} WHERE e.namespace = :namespace AND e.name = :name AND NOT r.tidy AND r.outcome IS NULL
            ORDER BY r.seq""",
        namespace=key.namespace,
        name=key.name,
    )
    return [stored(item) for item in results]


def stored(item: Row) -> StoredRollout:
    """A row of SELECT."""
    progress = read_progress(item.progress)
    return StoredRollout(
        with_base(loads(Rollout, item.body), progress),
        str(item.endpoint_id),
        EndpointKey(item.namespace, item.name),
        progress,
        Outcome(item.outcome) if item.outcome else None,
        item.created_at,
        item.updated_at,
    )

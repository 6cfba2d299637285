"""Samples of rollouts, and what the data plane was told when: what charts and reports are drawn
from. Nothing decides by them, so they may be forgotten."""

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.core.intent import EndpointKey, Intent
from tidegate.core.sampling import RolloutSample
from tidegate.core.traffic import Traffic
from tidegate.store.codec import dumps, loads
from tidegate.store.engine import ReadTx, Row, Tx, rows, run


@dataclass(frozen=True, slots=True)
class RoutedSince:
    """What the data plane was told from `at` (epoch seconds) on; None: there was no route.
    generation: of the intent that the cluster was at."""

    at: float
    generation: int | None
    traffic: Traffic | None


@dataclass(frozen=True, slots=True)
class IntentSince:
    """The intent from `at` (epoch seconds) on."""

    at: float
    intent: Intent


def add(tx: Tx, samples: Sequence[tuple[str, RolloutSample]]) -> None:
    """Keep samples, by rollout id. One that is there already stays as it is. Where the series got
    denser than it may be, the regular ones between go (`core.thinning`)."""
    for rollout_id, sample in samples:
        if sample.place.drops is not None:
            run(
                tx,
                "DELETE FROM samples WHERE rollout_id = :id AND number % :kept <> 0",
                id=rollout_id,
                kept=2**sample.place.drops,
            )
        run(
            tx,
            """INSERT INTO samples (rollout_id, at, number, body)
               VALUES (:id, :at, :number, CAST(:body AS jsonb)) ON CONFLICT DO NOTHING""",
            id=rollout_id,
            at=sample.at,
            number=sample.place.number,
            body=dumps(sample),
        )


def of_rollout(tx: ReadTx, rollout_id: str) -> tuple[RolloutSample, ...]:
    """All that is kept of a rollout, the oldest first."""
    results = rows(tx, "SELECT body FROM samples WHERE rollout_id = :id ORDER BY at", id=rollout_id)
    return tuple(loads(RolloutSample, item.body) for item in results)


def add_routed(
    tx: Tx, endpoint_id: str, at: float, generation: int | None, traffic: Traffic | None
) -> None:
    """Note that the data plane was told something else at `at`."""
    body = None
    if traffic is not None:
        body = dumps(traffic)
    run(
        tx,
        """INSERT INTO routed (endpoint_id, at, generation, body)
           VALUES (:id, :at, :generation, CAST(:body AS jsonb)) ON CONFLICT DO NOTHING""",
        id=endpoint_id,
        at=at,
        generation=generation,
        body=body,
    )


def routed(
    tx: ReadTx, endpoint_id: str, start: float, end: float, limit: int
) -> tuple[RoutedSince, ...]:
    """What was routed at `start` and at each change until `end`; the newest `limit` of it, oldest
    first."""
    results = rows(
        tx,
        """SELECT at, generation, body FROM routed WHERE endpoint_id = :id AND at <= :end
               AND at >= coalesce(
                   (SELECT max(at) FROM routed WHERE endpoint_id = :id AND at <= :start), :start)
           ORDER BY at DESC LIMIT :limit""",
        id=endpoint_id,
        start=start,
        end=end,
        limit=limit,
    )
    return tuple(_routed(item) for item in reversed(results))


def _routed(item: Row) -> RoutedSince:
    traffic = None
    if item.body is not None:
        traffic = loads(Traffic, item.body)
    return RoutedSince(item.at, item.generation, traffic)


def intents(
    tx: ReadTx, key: EndpointKey, start: float, end: float, limit: int
) -> tuple[IntentSince, ...]:
    """The intent at `start` and each one appended until `end`; the newest `limit` of them, oldest
    first."""
    results = rows(
        tx,
        """WITH mine AS (
               SELECT i.generation, i.body, extract(epoch FROM i.at)::float8 AS at
               FROM intents AS i JOIN endpoints AS e ON e.id = i.endpoint_id
               WHERE e.namespace = :namespace AND e.name = :name
           )
           SELECT at, body FROM mine WHERE at <= :end
               AND at >= coalesce((SELECT max(at) FROM mine WHERE at <= :start), :start)
           ORDER BY generation DESC LIMIT :limit""",
        namespace=key.namespace,
        name=key.name,
        start=start,
        end=end,
        limit=limit,
    )
    return tuple(IntentSince(item.at, loads(Intent, item.body)) for item in reversed(results))


def prune(tx: Tx, days: float) -> int:
    """Delete the samples of rollouts that ended `days` ago, and what was routed before, but for
    what is routed now. Return how many rows."""
    age = "make_interval(secs => 86400 * CAST(:days AS float8))"
    ended = run(
        tx,
        f"""DELETE FROM samples AS s USING rollouts AS r, progress AS p
            WHERE r.id = s.rollout_id AND p.rollout_id = r.id AND r.outcome IS NOT NULL
                AND p.updated_at < now() - {age}""",  # noqa: S608  (a constant)
        days=days,
    )
    old = run(
        tx,
        f"""DELETE FROM routed AS r WHERE r.at < extract(epoch FROM now() - {age})
            AND EXISTS (SELECT 1 FROM routed AS later
                WHERE later.endpoint_id = r.endpoint_id AND later.at > r.at
                    AND later.at < extract(epoch FROM now() - {age}))""",  # noqa: S608
        days=days,
    )
    return ended + old

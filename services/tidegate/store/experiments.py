"""Counts of users' own experiments with an A/B, as they were sent; the rollout controller reads
them as samples of both revisions."""

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.core.experiments import Counts, Sample
from tidegate.store.codec import Json, clean
from tidegate.store.engine import ReadTx, Row, Tx, row, rows, run

AT_ONCE = 200  # samples that one reconcile judges; the others wait for the next reconcile
_MOST_SHOWN = 1000
# Of the endpoint `e`, the oldest first: both revisions over one interval, not yet judged by their
# rollout's progress.
SAMPLES = f"""
    SELECT r.id AS rollout_id, greatest(c.id, s.id) AS id, c.revision AS candidate, s.revision AS stable,
        c.successes AS c_good, c.units AS c_units, s.successes AS s_good, s.units AS s_units,
        c.interval_start, c.interval_end
    FROM rollouts AS r LEFT JOIN progress AS p ON p.rollout_id = r.id
    JOIN experiments AS c ON c.rollout_id = r.id AND c.revision = (r.body->>'candidate')::int
    JOIN experiments AS s ON s.rollout_id = r.id AND s.revision = (r.body->>'base')::int
        AND s.interval_start = c.interval_start AND s.interval_end = c.interval_end
    WHERE r.endpoint_id = e.id AND NOT r.tidy
        AND greatest(c.id, s.id) > coalesce((p.body->'analysis'->>'sample')::bigint, 0)
    ORDER BY 2 LIMIT {AT_ONCE}"""  # noqa: S608  (a constant)


@dataclass(frozen=True, slots=True)
class Sent:
    """Counts with who sent them and when (epoch seconds)."""

    counts: Counts
    author: str
    at: float


def add(tx: Tx, rollout_id: str, counts: Counts, *, author: str) -> None:
    """Keep counts. Hold the endpoint's lock: ids of one rollout then become visible in their order,
    so the rollout controller's cursor never passes one that commits later."""
    run(
        tx,
        """INSERT INTO experiments (rollout_id, revision, successes, units, interval_start, interval_end, author)
           VALUES (:rollout_id, :revision, :successes, :units, :start, :end, :author)""",
        rollout_id=rollout_id,
        revision=counts.revision,
        successes=counts.successes,
        units=counts.units,
        start=counts.start,
        end=counts.end,
        author=clean(author),
    )


def touching(tx: ReadTx, rollout_id: str, start: float, end: float) -> tuple[Counts, ...]:
    """What is kept of a rollout over intervals that share time with this one, the earliest
    first."""
    results = rows(
        tx,
        """SELECT * FROM experiments WHERE rollout_id = :id AND interval_start < :end AND interval_end > :start
           ORDER BY interval_start, revision LIMIT 10""",
        id=rollout_id,
        start=start,
        end=end,
    )
    return tuple(_counts(item) for item in results)


def sent(tx: ReadTx, rollout_id: str) -> tuple[Sent, ...]:
    """A rollout's newest counts, in the order in which they were sent."""
    return sent_to(tx, [rollout_id]).get(rollout_id, ())


def sent_to(tx: ReadTx, rollout_ids: Sequence[str]) -> dict[str, tuple[Sent, ...]]:
    """The newest counts of several rollouts at once, in the order in which they were sent."""
    results = rows(
        tx,
        """SELECT c.*, extract(epoch FROM c.at)::float8 AS sent_at
           FROM unnest(CAST(:ids AS text[])) AS r (id) CROSS JOIN LATERAL (
               SELECT * FROM experiments WHERE rollout_id = r.id ORDER BY id DESC LIMIT :most) AS c
           ORDER BY c.id""",
        ids=list(rollout_ids),
        most=_MOST_SHOWN,
    )
    counts: dict[str, tuple[Sent, ...]] = {}
    for item in results:
        entry = Sent(_counts(item), item.author, item.sent_at)
        counts[item.rollout_id] = (*counts.get(item.rollout_id, ()), entry)
    return counts


def now(tx: ReadTx) -> float:
    """Epoch seconds by the database's clock."""
    result = row(tx, "SELECT extract(epoch FROM clock_timestamp())::float8 AS now")
    assert result is not None
    return float(result.now)


def _counts(item: Row) -> Counts:
    return Counts(item.revision, item.successes, item.units, item.interval_start, item.interval_end)


def sample(item: Json) -> Sample:
    """A row of SAMPLES, as JSON."""
    start = item["interval_start"]
    end = item["interval_end"]
    return Sample(
        item["id"],
        Counts(item["candidate"], item["c_good"], item["c_units"], start, end),
        Counts(item["stable"], item["s_good"], item["s_units"], start, end),
    )

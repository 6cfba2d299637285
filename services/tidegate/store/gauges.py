"""What stands still: endpoints in trouble, rollouts that wait, work that is late. For metrics and
alerts."""

from collections.abc import Mapping
from dataclasses import dataclass

from tidegate.core.conditions import Code
from tidegate.core.intent import EndpointKey
from tidegate.store.engine import ReadTx, row, rows


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint and the phase that its last reconcile told."""

    key: EndpointKey
    phase: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """One unfinished rollout. waits_for: what the rollout controller waits for, '' where it works;
    seconds: observed ones."""

    key: EndpointKey
    waits_for: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A metric that failed without an abort. on_fail: pause or notify."""

    key: EndpointKey
    metric: str
    on_fail: str


@dataclass(frozen=True, slots=True)
class Watched:
    """An endpoint whose promoted revision is watched. state: of the watch."""

    key: EndpointKey
    state: str


@dataclass(frozen=True, slots=True)
class Gauges:
    """phases: number of endpoints by phase. troubled: those that are neither ready nor on their
    way. late: seconds for which the oldest piece of work has waited for a worker, 0 where none
    does. failed: metrics of running rollouts that failed without an abort. watched: endpoints under
    the watch that follows a promotion."""

    phases: Mapping[str, int]
    troubled: tuple[Endpoint, ...]
    waiting: tuple[Waiting, ...]
    late: float
    failed: tuple[Failed, ...] = ()
    watched: tuple[Watched, ...] = ()


TROUBLE = ("degraded", "blocked", "unreachable", "unknown")


def gauges(tx: ReadTx) -> Gauges:
    """Everything at one moment. Reads each endpoint's phase, so it is for a scrape and not for a
    reconcile."""
    counted = rows(
        tx,
        """SELECT coalesce(status->>'phase', 'pending') AS phase, count(*) AS number
           FROM endpoints WHERE deleted_at IS NULL GROUP BY 1""",
    )
    troubled = rows(
        tx,
        """SELECT namespace, name, status->>'phase' AS phase FROM endpoints
           WHERE deleted_at IS NULL AND status->>'phase' = ANY (:trouble) ORDER BY namespace, name""",
        trouble=list(TROUBLE),
    )
    waiting = rows(
        tx,
        """SELECT e.namespace, e.name, coalesce(p.body#>>'{wait,kind}', '') AS waits_for,
               coalesce((p.body#>>'{wait,seconds}')::float8, 0) AS seconds
           FROM rollouts AS r JOIN endpoints AS e ON e.id = r.endpoint_id LEFT JOIN progress AS p ON p.rollout_id = r.id
           WHERE NOT r.tidy AND r.outcome IS NULL ORDER BY r.seq""",
    )
    late = row(
        tx,
        "SELECT extract(epoch FROM clock_timestamp() - min(due_at))::float8 AS late FROM endpoints",
    )
    failed = rows(
        tx,
        """SELECT e.namespace, e.name, c->'params'->>'metric' AS metric,
               c->'params'->>'on_fail' AS on_fail
           FROM endpoints AS e CROSS JOIN LATERAL jsonb_path_query(
               e.status,
               '$.conditions[*] ? (@.code == $code)',
               jsonb_build_object('code', CAST(:code AS text))
           ) AS c
           WHERE e.deleted_at IS NULL ORDER BY e.namespace, e.name, 3""",
        code=Code.METRIC_FAILED.value,
    )
    watched = rows(
        tx,
        """SELECT namespace, name, status#>>'{watch,state}' AS state
           FROM endpoints WHERE deleted_at IS NULL AND status#>>'{watch,state}' IS NOT NULL
           ORDER BY namespace, name""",
    )
    return Gauges(
        {item.phase: item.number for item in counted},
        tuple(Endpoint(EndpointKey(item.namespace, item.name), item.phase) for item in troubled),
        tuple(
            Waiting(EndpointKey(item.namespace, item.name), item.waits_for, item.seconds)
            for item in waiting
        ),
        max(late.late, 0.0) if late and late.late is not None else 0.0,
        tuple(
            Failed(EndpointKey(item.namespace, item.name), item.metric, item.on_fail)
            for item in failed
        ),
        tuple(Watched(EndpointKey(item.namespace, item.name), item.state) for item in watched),
    )

"""Who acts on which endpoint: claims with an end, by the database's clock.

`due_at` says when an endpoint may be claimed next, and nothing else does: a claim moves it to the
end of the lease, so a crashed worker's endpoint comes back by itself, and the index on it holds the
work that is due at its left end. A wake-up during a lease only sets `poked`; the record that
releases the lease then leaves the endpoint due at once.
"""

# ruff: noqa: S608  (the spliced parts are constants of this package, values are always bound)

from dataclasses import replace

from tidegate.core.intent import EndpointKey
from tidegate.store.engine import ReadTx, Row, Tx, row, rows
from tidegate.store.notify import WAKE, tell, wake_workers
from tidegate.store.values import Held, Lease

_WOKEN = """changed AS (
               UPDATE endpoints AS e SET
                   poked = poked OR coalesce(lease_until > clock_timestamp(), false),
                   due_at = CASE WHEN lease_until > clock_timestamp() THEN due_at ELSE now() END
               FROM woken WHERE e.id = woken.id RETURNING 1)
           SELECT pg_notify(:channel, '') FROM changed LIMIT 1"""

# The guard of everything that a lease holder writes. clock_timestamp, not now(): waiting for the
# row's lock takes time.
HELD = "id = :endpoint_id AND lease_token = :token AND lease_until > clock_timestamp()"
# Whether somebody acted of the endpoint's rollouts since action `:action`.
ACTED_SINCE = """EXISTS (SELECT FROM actions AS w JOIN rollouts AS r ON r.id = w.rollout_id
    WHERE r.endpoint_id = :endpoint_id AND NOT r.tidy AND w.id > CAST(:action AS bigint))"""


def claim(tx: Tx, owner: str, *, limit: int, seconds: float) -> tuple[Lease, ...]:
    """Lease up to `limit` endpoints that are due, the longest waiting first; two workers never get
    the same one.

    Commit before acting. The cost follows what is due, not how many endpoints exist.
    """
    # The CTE makes the limit hold: with a plain subquery the planner may run it again for each row
    # it updates. A claim does not wait for the disk: one that a crash of Postgres forgets was never
    # ours, and every later statement of the reconcile asks for its token.
    results = rows(
        tx,
        """WITH due AS MATERIALIZED (
               SELECT id FROM endpoints WHERE due_at <= now() ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED),
               at_once AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
           UPDATE endpoints AS e SET
               lease_owner = :owner, lease_token = gen_random_uuid(), poked = false,
               lease_until = clock_timestamp() + make_interval(secs => :seconds),
               due_at = clock_timestamp() + make_interval(secs => :seconds)
           FROM due, at_once WHERE e.id = due.id
           RETURNING e.id, e.namespace, e.name, e.lease_owner, e.lease_token,
               extract(epoch FROM e.lease_until)::float8 AS until""",
        owner=owner,
        limit=limit,
        seconds=seconds,
    )
    return tuple(_lease(item) for item in results)


def extend(tx: Tx, lease: Lease, seconds: float) -> Lease | None:
    """The lease with `seconds` from now; None when it is lost."""
    result = row(
        tx,
        f"""UPDATE endpoints SET
                lease_until = clock_timestamp() + make_interval(secs => :seconds),
                due_at = clock_timestamp() + make_interval(secs => :seconds)
            WHERE {HELD} RETURNING extract(epoch FROM lease_until)::float8 AS until""",
        endpoint_id=lease.endpoint_id,
        token=lease.token,
        seconds=seconds,
    )
    if not result:
        return None
    return replace(lease, until=result.until)


def holds(
    tx: ReadTx,
    lease: Lease,
    *,
    generation: int | None = None,
    action: int | None = None,
    seconds: float = 0.0,
) -> Held | None:
    """How the lease stands, None when it is lost; ask before each write to the cluster. generation,
    action: the newest that the reconcile knows of. seconds: how long the write may take.
    `Store.single()` will do."""
    result = row(
        tx,
        f"""SELECT coalesce(generation <> CAST(:generation AS bigint), false)
                OR (CAST(:action AS bigint) IS NOT NULL AND {ACTED_SINCE}) AS overtaken,
                lease_until <= clock_timestamp() + make_interval(secs => :seconds) AS short
            FROM endpoints WHERE {HELD}""",
        endpoint_id=lease.endpoint_id,
        token=lease.token,
        generation=generation,
        action=action,
        seconds=seconds,
    )
    if not result:
        return None
    return Held(result.overtaken, result.short)


def wake(tx: Tx, *keys: EndpointKey) -> None:
    """Something outside the database changed: look at these endpoints now, or again after the
    present reconcile.

    Cheap to repeat: an endpoint that is due already is not written. Unknown names are ignored. One
    statement for all of them, which locks rows in one order, so that two workers that see the same
    events do not deadlock; `Store.single()` will do.
    """
    row(
        tx,
        f"""WITH woken AS MATERIALIZED (
               SELECT e.id FROM endpoints AS e
               JOIN unnest(CAST(:namespaces AS text[]), CAST(:names AS text[])) AS named (namespace, name)
                   ON e.namespace = named.namespace AND e.name = named.name
               WHERE NOT e.poked AND (e.due_at IS NULL OR e.due_at > now())
               ORDER BY e.id FOR UPDATE OF e),
           {_WOKEN}""",
        namespaces=[key.namespace for key in keys],
        names=[key.name for key in keys],
        channel=WAKE,
    )


def wake_tenants(tx: Tx, *namespaces: str) -> None:
    """Like `wake`, for every endpoint of these namespaces: an idle one is woken by its objects
    only, and these may have gone while nobody looked."""
    row(
        tx,
        f"""WITH woken AS MATERIALIZED (
               SELECT id FROM endpoints
               WHERE namespace = ANY(CAST(:namespaces AS text[])) AND NOT poked AND (due_at IS NULL OR due_at > now())
               ORDER BY id FOR UPDATE),
           {_WOKEN}""",
        namespaces=list(namespaces),
        channel=WAKE,
    )


def poke(tx: Tx, key: EndpointKey) -> str | None:
    """Like `wake`, for a change that this transaction makes: always takes the endpoint's row lock,
    so that no reconcile that cannot see the change yet uses the wake-up up. The endpoint's id; None
    when it does not exist."""
    result = row(
        tx,
        """UPDATE endpoints SET
               poked = poked OR coalesce(lease_until > clock_timestamp(), false),
               due_at = CASE WHEN lease_until > clock_timestamp() THEN due_at ELSE now() END
           WHERE namespace = :namespace AND name = :name RETURNING id""",
        namespace=key.namespace,
        name=key.name,
    )
    if result is None:
        return None
    wake_workers(tx)
    tell(tx, str(result.id))
    return str(result.id)


def next_due(tx: ReadTx) -> float | None:
    """Seconds until something is due (0 when it is now), leases that end included; None: nothing
    ever by time."""
    result = row(
        tx,
        """SELECT greatest(0, extract(epoch FROM due_at - clock_timestamp()))::float8 AS seconds
           FROM endpoints WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1""",
    )
    if not result:
        return None
    return float(result.seconds)


def _lease(item: Row) -> Lease:
    return Lease(
        str(item.id),
        EndpointKey(item.namespace, item.name),
        item.lease_owner,
        str(item.lease_token),
        item.until,
    )

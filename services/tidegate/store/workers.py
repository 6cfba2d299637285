"""Which workers live and what their cluster can do: the API has no cluster access of its own."""

from dataclasses import dataclass

from tidegate.core.ports import Capabilities
from tidegate.store.codec import dumps, loads
from tidegate.store.engine import ReadTx, Tx, row, run

ALIVE_S = 30.0  # a worker that said nothing for this long is taken for dead
FORGET_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker's last word. `age`: seconds since, by the database's clock."""

    owner: str
    age: float
    capabilities: Capabilities


def record_worker(tx: Tx, owner: str, capabilities: Capabilities) -> None:
    """Say that this worker lives and what its cluster can do."""
    run(
        tx,
        """INSERT INTO workers (owner, capabilities) VALUES (:owner, CAST(:capabilities AS jsonb))
           ON CONFLICT (owner) DO UPDATE SET seen_at = now(), capabilities = excluded.capabilities""",
        owner=owner,
        capabilities=dumps(capabilities),
    )


def newest(tx: ReadTx) -> Worker | None:
    """The worker that spoke last, alive or not (compare `age` with ALIVE_S); None when none ever
    did."""
    result = row(
        tx,
        """SELECT owner, capabilities, extract(epoch FROM clock_timestamp() - seen_at)::float8 AS age
           FROM workers ORDER BY seen_at DESC LIMIT 1""",
    )
    if not result:
        return None
    return Worker(result.owner, result.age, loads(Capabilities, result.capabilities))


def leave(tx: Tx, owner: str) -> None:
    """Say that this worker stops."""
    run(tx, "DELETE FROM workers WHERE owner = :owner", owner=owner)

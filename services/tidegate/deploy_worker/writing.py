"""Making the writes of a reconcile, each only while the lease is ours and nobody has asked for
something else."""

import structlog

from tidegate.core.planned_writes import PlannedWrite, alike
from tidegate.core.ports import Unavailable, WriteResult
from tidegate.core.result import Result
from tidegate.deploy_worker.metrics import WRITES
from tidegate.deploy_worker.parts import LeaseLost, Overtaken, Parts
from tidegate.store import Context, Lease, leases

log = structlog.get_logger()


def carry_out(
    lease: Lease, context: Context, parts: Parts, result: Result
) -> list[tuple[PlannedWrite, WriteResult]]:
    """Make the writes; return each that was made with its result. Raises LeaseLost and Overtaken.

    One call that nobody answered takes long enough: its like waits for the next pass. Others go on,
    as what is away may be one kind's webhook or permission."""
    made: list[tuple[PlannedWrite, WriteResult]] = []
    silent = set()
    for write in result.writes:
        if alike(write) in silent:
            continue
        _permitted(lease, context, parts, result.intent.generation)
        answer = parts.cluster.write(write.write)
        name = type(answer).__name__
        WRITES.labels(name.lower()).inc()
        log.info("wrote", endpoint=str(lease.key), message=write.write.message, result=name)
        made.append((write, answer))
        if isinstance(answer, Unavailable):
            silent.add(alike(write))
    return made


def _permitted(lease: Lease, context: Context, parts: Parts, generation: int) -> None:
    """Before a write: the lease is ours until it is done, and nobody has asked for something else
    meanwhile."""
    with parts.store.single() as tx:
        held = leases.holds(
            tx, lease, generation=generation, action=context.action, seconds=parts.pace.write_s
        )
    if held is None:
        raise LeaseLost
    if held.overtaken:
        raise Overtaken
    if not held.short:
        return
    with parts.store.single() as tx:
        if leases.extend(tx, lease, 1.5 * parts.pace.write_s) is None:
            raise LeaseLost

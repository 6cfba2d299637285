"""Storing what a reconcile decided: before the cluster sees any of it, and again with the status
when all is done."""

from collections.abc import Iterator, Sequence

import structlog

from tidegate.core.intent import Intent
from tidegate.core.reporting import report
from tidegate.core.result import Result
from tidegate.core.rollout import Note, Progress, Rollout
from tidegate.core.sampling import RolloutSample
from tidegate.core.status import EndpointStatus
from tidegate.core.steering import Decided
from tidegate.core.traffic import same
from tidegate.deploy_worker.parts import LeaseLost, Parts
from tidegate.store import Context, Lease, LostLease, Stale, codec, reconciles, samples

log = structlog.get_logger()


def store(lease: Lease, context: Context, parts: Parts, result: Result) -> tuple[Note, ...] | None:
    """Append the intents of a reconcile, each with the decisions up to it.

    Return the ledger's notes after the last intent: `record` stores them, so that nobody reads of
    an end that the status does not show. Return None when somebody else appended first, or an
    action was accepted that a rise must not overtake: nothing is to be written then. Raises
    LeaseLost.
    """
    notes: tuple[Note, ...] = ()
    for number, decided in enumerate(result.decisions, start=1):
        notes = (*notes, *decided.notes)
        if decided.intent is None:
            continue
        if not _append(lease, context, parts, result.decisions[:number], decided.intent, notes):
            return None
        log.info(
            "decided", endpoint=str(lease.key), rollout=decided.rollout.id, message=decided.message
        )
        notes = ()
    return notes


def record(
    lease: Lease, context: Context, parts: Parts, result: Result, notes: tuple[Note, ...]
) -> bool:
    """Record the status with what `store` left over, and end the lease. Return False when that was
    lost."""
    status = report(result)
    memory = codec.plain(result.memory)
    load = codec.plain(result.load)
    wake_in = None
    if result.wake_at is not None:
        wake_in = max(result.wake_at - context.now, 0.0)
    moved = not same(context.status.traffic, result.observation.traffic)
    if not result.decisions and not moved:
        return release(lease, parts, status, wake_in, memory, load)
    with parts.store.begin() as tx:
        recorded = reconciles.record(
            tx,
            lease,
            progress=_progress(result.decisions),
            sampled=_sampled(result.decisions),
            started=_started(result.decisions),
            notes=notes,
            memory=memory,
            load=load,
            status=codec.plain(status),
            wake_in=wake_in,
        )
        if moved and not isinstance(recorded, LostLease):
            routed = result.observation
            generation = routed.stamp.generation
            samples.add_routed(tx, lease.endpoint_id, context.now, generation, routed.traffic)
    if isinstance(recorded, LostLease):
        return False
    for decided in result.decisions:
        if decided.ended:
            log.info(
                "ended",
                endpoint=str(lease.key),
                rollout=decided.rollout.id,
                message=decided.message,
            )
    return True


def _progress(decisions: Sequence[Decided]) -> list[tuple[str, Progress]]:
    return [(decided.rollout.id, decided.progress) for decided in decisions]


def _started(decisions: Sequence[Decided]) -> list[Rollout]:
    return [decided.starts for decided in decisions if decided.starts is not None]


def _sampled(decisions: Sequence[Decided]) -> list[tuple[str, RolloutSample]]:
    taken = ((decided.rollout.id, decided.sample) for decided in decisions)
    return [(rollout_id, sample) for rollout_id, sample in taken if sample is not None]


def release(
    lease: Lease,
    parts: Parts,
    status: EndpointStatus | None,
    wake_in: float | None,
    memory: codec.Json | None = None,
    load: codec.Json | None = None,
) -> bool:
    """End the lease of a reconcile that decided nothing. Return False when it was lost."""
    message = None
    if status is not None:
        message = codec.plain(status)
    with parts.store.single() as tx:
        recorded = reconciles.release(
            tx, lease, memory=memory, load=load, status=message, wake_in=wake_in
        )
    return not isinstance(recorded, LostLease)


def explained(parts: Parts, lease: Lease, result: Result) -> Iterator[Note]:
    """What is known of the bad answers of a candidate that is aborted, and of the end of its
    container, for people. The source may take its time, so it is asked when the writes toward
    stable are made."""
    for decided in result.decisions:
        if not decided.aborts:
            continue
        number = decided.rollout.candidate
        for line in parts.explain(lease.key, number):
            yield Note("meter", "explain", f"r{number}: {line}")
        live = result.observation.of(number)
        if live is not None and live.trouble.failing is not None:
            for line in live.trouble.log:
                yield Note("pod log", "explain", f"r{number}: {live.trouble.failing.name}: {line}")


def _append(
    lease: Lease,
    context: Context,
    parts: Parts,
    decisions: Sequence[Decided],
    intent: Intent,
    notes: Sequence[Note],
) -> bool:
    """Store the intent of the last decision with all that was decided up to it. Nothing rises past
    an action that was accepted meanwhile; going back to stable waits for nobody."""
    decided = decisions[-1]
    with parts.store.begin() as tx:
        action = None
        if decided.rises:
            action = context.action
        appended = reconciles.record(
            tx,
            lease,
            intent=intent,
            expected_generation=intent.generation - 1,
            rollout_id=decided.rollout.id,
            action=action,
            progress=_progress(decisions),
            sampled=_sampled(decisions),
            started=_started(decisions),
            notes=notes,
            release=False,
        )
        if isinstance(appended, Stale):
            reconciles.record(tx, lease, wake_in=0.0)
    if isinstance(appended, LostLease):
        raise LeaseLost
    return not isinstance(appended, Stale)

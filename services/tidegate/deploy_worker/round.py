"""One round over one endpoint: observe, decide, plan, write, record.

Level-triggered: a round knows only what it reads now, so a crash between any two lines costs nothing but the
next look. Intents are stored before the cluster sees them; no transaction spans a call to the cluster.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog

from tidegate.core import barring
from tidegate.core import failed_writes as refusals
from tidegate.core.contract import Contract
from tidegate.core.drivers import driver_for
from tidegate.core.drivers.adoption import present
from tidegate.core.drivers.base import Memory, Plan, fence
from tidegate.core.intent import Intent
from tidegate.core.observed import Observed
from tidegate.core.ports import Action, Conflict, Done, Manifest, Refused, Snapshot, Unavailable
from tidegate.deploy_worker import contracts, status
from tidegate.deploy_worker.metrics import ROUNDS, WRITES
from tidegate.deploy_worker.parts import LeaseLost, Outcome, Overtaken, Parts
from tidegate.deploy_worker.steering import steer
from tidegate.deploy_worker.warm_up import without
from tidegate.store import Context, Lease, LostLease, Recorded, Stale, StoreUnavailable, codec, intents, leases, rounds

log = structlog.get_logger()

AGAIN_S = 0.5  # after a write, also one that met another object than was seen: the watch usually wakes us first
BACK_OFF_S = 2.0  # after an outage
FAILED_S = 10.0  # after a bug
WARM_S = 2.0  # between looks at pods that are not warm yet
FENCED_S = 60.0  # between looks at a cluster that another store owns, or at a list that bars the beginning


def run(lease: Lease, parts: Parts) -> str:
    """One round; returns its result for the metrics: ok, lost, stale, unavailable, fenced, held, gone, failed."""
    known: Mapping[str, Any] = {}
    try:
        with parts.store.single() as tx:
            context = rounds.load(tx, lease)
        if isinstance(context, LostLease):
            return _counted("lost")
        known = context.status
        return _counted(_round(lease, context, parts))
    except LeaseLost:
        return _counted("lost")
    except Overtaken:
        with parts.store.single() as tx:
            rounds.release(tx, lease, wake_in=0.0)
        return _counted("stale")
    except StoreUnavailable:
        raise
    except Exception as error:
        # A bug in one endpoint's round must not take the others with it, nor be seen in the log alone.
        log.exception("round failed", endpoint=str(lease.key))
        with parts.store.single() as tx:
            rounds.release(tx, lease, status=status.failed(known, error), wake_in=FAILED_S)
        return _counted("failed")


def _counted(result: str) -> str:
    ROUNDS.labels(result).inc()
    return result


def _round(lease: Lease, context: Context, parts: Parts) -> str:
    intent = context.intent
    if intent is None:
        return _release(lease, context, parts, Outcome(Memory()), "ok")
    platform = parts.platform(context.store_id)
    driver = driver_for(intent.mode, platform)
    known = {revision.number: revision for revision in context.revisions}
    outcome = Outcome(codec.loads(Memory, context.memory or {}), refused=_failed_writes(context))
    snapshot = parts.cluster.observe(intent.key)
    if isinstance(snapshot, Unavailable):
        outcome.says.append(f"the cluster does not answer: {snapshot.detail}")
        outcome.wakes.append(FENCED_S if snapshot.lasting else BACK_OFF_S)
        return _release(lease, context, parts, outcome, "unavailable")
    observed = driver.read(intent.key, known, snapshot)
    if (stop := fence(intent, observed, platform.store, _known(parts, intent, observed))) is not None:
        outcome.says.append(stop)
        outcome.wakes.append(FENCED_S)
        return _release(lease, context, parts, outcome, "fenced", intent, observed)
    snapshot, cold = parts.warm_up(snapshot, observed.traffic.served if observed.traffic else ())
    if cold:
        observed = driver.read(intent.key, known, snapshot)
        outcome.says.extend(cold)
        outcome.wakes.append(WARM_S)
    outcome.barred = barring.barred(intent.key.namespace, context.revisions, context.allowed or parts.allowed)
    if (why := barring.begins(intent, observed, outcome.barred)) is not None:
        outcome.says.append(f"held: {why}")
        outcome.wakes.append(FENCED_S)  # the default's changes wake nobody
        return _release(lease, context, parts, outcome, "held", intent, observed)
    snapshot, observed = _compared(context, parts, intent, snapshot, observed, outcome)
    intent = steer(lease, context, parts, intent, observed, outcome)
    if intent is None:
        return "stale"
    running = next((state.rollout for state in context.rollouts if state.progress.outcome is None), None)
    bounded, why = barring.bounded(running, intent, observed, outcome.barred)
    if why is not None:
        outcome.says.append(f"held: {why}")
    plan = driver.plan(bounded, known, snapshot, outcome.memory, context.now)
    _carry_out(_Hands(lease, context, parts, intent, snapshot, outcome), plan, observed)
    if intent.stable is None and observed.gone and not plan.actions:
        return _release(lease, context, parts, outcome, "gone", intent, observed)
    return _release(lease, context, parts, outcome, "ok", intent, observed)


def _failed_writes(context: Context) -> tuple[refusals.FailedWrite, ...]:
    stored = context.status.get("refusals") or ()
    return tuple(codec.loads(refusals.FailedWrite, one) for one in stored)


def _compared(
    context: Context, parts: Parts, intent: Intent, snapshot: Snapshot, observed: Observed, outcome: Outcome
) -> tuple[Snapshot, Observed]:
    """The look with the model contract, where it is due; without the candidate's pods while that cannot be told."""
    if parts.contracts is None:
        return snapshot, observed
    observed = replace(observed, compares=True)
    rollout, known = contracts.due(context, observed), {revision.number: revision for revision in context.revisions}
    if rollout is None:
        return snapshot, observed
    found = parts.contracts(present(snapshot, intent.key, known, intent.mode), observed, rollout)
    if isinstance(found, Contract):
        return snapshot, replace(observed, contract=found)
    outcome.says.append(found)
    outcome.wakes.append(WARM_S)
    hidden = without(snapshot, contracts.pods(snapshot, rollout.candidate))
    driver = driver_for(intent.mode, parts.platform(context.store_id))
    return hidden, replace(driver.read(intent.key, known, hidden), compares=True, uncompared=found)


def _known(parts: Parts, intent: Intent, observed: Observed) -> str | None:
    if observed.generation is None or observed.generation >= intent.generation:
        return None
    with parts.store.single() as tx:
        return intents.mark(tx, intent.key, observed.generation)


@dataclass(frozen=True, slots=True)
class _Hands:
    """What a write needs to know of its round."""

    lease: Lease
    context: Context
    parts: Parts
    intent: Intent
    snapshot: Snapshot
    outcome: Outcome

    def says(self, line: str, wake: float) -> None:
        """Tell people, and look again in `wake` seconds."""
        self.outcome.says.append(line)
        self.outcome.wakes.append(wake)


def _carry_out(hands: _Hands, plan: Plan, observed: Observed) -> None:
    outcome, now, generation = hands.outcome, hands.context.now, hands.intent.generation
    outcome.memory = plan.memory
    outcome.says.extend(plan.waiting)
    if plan.wake_at is not None:
        outcome.wakes.append(max(plan.wake_at - now, 0.05))
    before, outcome.refused = outcome.refused, ()
    wait = refusals.interval(hands.intent, observed, [progress for _, progress in outcome.progress])
    # One call that nobody answered takes long enough: its like waits for the next look. Others go on, as what is away
    # may be one kind's webhook or permission.
    silent: set[tuple[type[Action], str]] = set()
    for action in plan.actions:
        live = refusals.met(hands.snapshot, action)
        vain = next((one for one in before if one.covers(action, live, generation, now, wait)), None)
        if (going := refusals.going(action, live)) is not None:
            hands.says(going, refusals.SOON_S)
        elif vain is not None:
            outcome.refused = (*outcome.refused, vain)
            hands.says(vain.said(action, live), vain.at + wait - now)
        elif (like := (type(action), refusals.kind(action))) not in silent and _write(hands, action, live, wait):
            silent.add(like)


def _write(hands: _Hands, action: Action, live: Manifest | None, wait: float) -> bool:
    """Whether nobody answered."""
    outcome, generation, now = hands.outcome, hands.intent.generation, hands.context.now
    _permitted(hands)
    result = hands.parts.cluster.write(action)
    WRITES.labels(type(result).__name__.lower()).inc()
    log.info("wrote", endpoint=str(hands.lease.key), why=action.why, result=type(result).__name__)
    match result:
        case Done():
            taken = refusals.taken(action, live, generation, now)
            outcome.refused = (*outcome.refused, taken) if taken else outcome.refused
            outcome.wakes.append(AGAIN_S)
        case Conflict():
            outcome.wakes.append(AGAIN_S)
        case Refused(detail):
            outcome.refused = (*outcome.refused, refusals.remember(action, generation, detail, now))
            hands.says(f"{refusals.REFUSED}: {detail}", wait)
        case Unavailable(detail):
            hands.says(f"the cluster does not answer: {detail}", BACK_OFF_S)
    return isinstance(result, Unavailable)


def _permitted(hands: _Hands) -> None:
    """Before a write: the lease is ours until it is done, and nobody has asked for something else meanwhile."""
    lease, parts = hands.lease, hands.parts
    with parts.store.single() as tx:
        held = leases.holds(
            tx, lease, generation=hands.intent.generation, wish=hands.context.wish, seconds=parts.write_s
        )
    if held is None:
        raise LeaseLost
    if held.overtaken:
        raise Overtaken
    if held.short:
        with parts.store.single() as tx:
            if leases.extend(tx, lease, 1.5 * parts.write_s) is None:
                raise LeaseLost


def _release(
    lease: Lease,
    context: Context,
    parts: Parts,
    outcome: Outcome,
    result: str,
    intent: Intent | None = None,
    observed: Observed | None = None,
) -> str:
    told = status.render(context, result, intent, observed, outcome.why, outcome.says)
    told["requests_per_second"] = outcome.requests_per_second or context.status.get("requests_per_second")
    told["refusals"] = [codec.plain(one) for one in outcome.refused]
    memory, wake_in = codec.plain(outcome.memory), min(outcome.wakes, default=None)
    recorded: Recorded | LostLease | Stale
    if outcome.progress:
        with parts.store.begin() as tx:
            recorded = rounds.record(
                tx,
                lease,
                progress=outcome.progress,
                notes=outcome.notes,
                memory=memory,
                status=told,
                wake_in=wake_in,
            )
    else:
        with parts.store.single() as tx:
            recorded = rounds.release(tx, lease, memory=memory, status=told, wake_in=wake_in)
    return "lost" if isinstance(recorded, LostLease) else result


__all__ = ["Parts", "run"]

"""One round over one endpoint: observe, decide, plan, write, record.

Level-triggered: a round knows only what it reads now, so a crash between any two lines costs nothing but the
next look. Intents are stored before the cluster sees them; no transaction spans a call to the cluster.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from tidegate.core.drivers import driver_for
from tidegate.core.drivers.base import Memory, Plan, fence
from tidegate.core.drivers.rendering import Platform
from tidegate.core.gathering import gather
from tidegate.core.intent import EndpointKey, Intent
from tidegate.core.observed import Observed
from tidegate.core.pilot import decide
from tidegate.core.ports import (
    Action,
    Capabilities,
    Cluster,
    Conflict,
    Done,
    Meter,
    NoData,
    Refused,
    Unavailable,
)
from tidegate.core.rollout import Decision, Note, Outcome, Progress
from tidegate.core.rules import check
from tidegate.deploy_worker import refusals, status
from tidegate.deploy_worker.metrics import ROUNDS, WRITES
from tidegate.store import Context, Lease, LostLease, RolloutState, Stale, Store, codec, leases, rounds

log = structlog.get_logger()

AGAIN_S = 0.5  # after a write: the watch usually wakes us first
BACK_OFF_S = 2.0  # after an outage
FENCED_S = 60.0  # between looks at a cluster that another store owns


@dataclass(frozen=True, slots=True)
class Parts:
    """What a round works with. look: seconds between looks at a running rollout. explain: what is known of a
    revision's bad answers, for people; it decides nothing."""

    store: Store
    cluster: Cluster
    meter: Meter
    platform: Callable[[str], Platform]  # of a store's UUID
    capabilities: Callable[[], Capabilities]
    look: float = 5.0
    explain: Callable[[EndpointKey, int], Sequence[str]] = lambda _key, _revision: ()


@dataclass(slots=True)
class _Outcome:
    """What a round will record, filled in as it goes."""

    memory: Memory
    progress: list[tuple[str, Progress]] = field(default_factory=list)
    wakes: list[float] = field(default_factory=list)  # seconds from now
    says: list[str] = field(default_factory=list)
    why: str = ""
    refused: refusals.Refusal | None = None
    requests_per_second: float | None = None


class LeaseLost(Exception):  # noqa: N818  (it ends a round, it is not a fault)
    """Somebody else may act on this endpoint now: write nothing more."""


def run(lease: Lease, parts: Parts) -> str:
    """One round; returns its result for the metrics: ok, lost, stale, unavailable, fenced, gone."""
    with parts.store.read() as tx:
        context = rounds.load(tx, lease)
    if isinstance(context, LostLease):
        return _counted("lost")
    try:
        return _counted(_round(lease, context, parts))
    except LeaseLost:
        return _counted("lost")


def _counted(result: str) -> str:
    ROUNDS.labels(result).inc()
    return result


def _round(lease: Lease, context: Context, parts: Parts) -> str:
    intent = context.intent
    if intent is None:
        return _release(lease, context, parts, _Outcome(Memory()), "ok")
    platform = parts.platform(context.store_id)
    driver = driver_for(intent.mode, platform)
    known = {revision.number: revision for revision in context.revisions}
    outcome = _Outcome(codec.loads(Memory, context.memory or {}), refused=refusals.read(context.status))
    snapshot = parts.cluster.observe(intent.key)
    if isinstance(snapshot, Unavailable):
        outcome.says.append(f"the cluster does not answer: {snapshot.detail}")
        outcome.wakes.append(BACK_OFF_S)
        return _release(lease, context, parts, outcome, "unavailable")
    observed = driver.read(intent.key, known, snapshot)
    if (stop := fence(intent, observed, platform.store)) is not None:
        outcome.says.append(stop)
        outcome.wakes.append(FENCED_S)
        return _release(lease, context, parts, outcome, "fenced", intent, observed)
    intent = _steer(lease, context, parts, intent, observed, outcome)
    if intent is None:
        return "stale"
    plan = driver.plan(intent, known, snapshot, outcome.memory, context.now)
    _carry_out(lease, context, parts, intent, plan, outcome)
    if intent.stable is None and observed.gone and not plan.actions:
        return _release(lease, context, parts, outcome, "gone", intent, observed)
    return _release(lease, context, parts, outcome, "ok", intent, observed)


def _steer(
    lease: Lease, context: Context, parts: Parts, intent: Intent, observed: Observed, outcome: _Outcome
) -> Intent | None:
    """Let the pilot decide over every rollout that asks for it; None when the endpoint changed meanwhile."""
    queued = False
    for state in context.rollouts:
        running = state.progress.outcome is None
        if running and queued:
            continue  # it starts when the one before it has ended
        queued = queued or running
        decision = _decide(context, parts, state, intent, observed, outcome)
        outcome.progress.append((state.rollout.id, decision.progress))
        if decision.wake_at is not None:
            outcome.wakes.append(max(decision.wake_at - context.now, 0.0))
        if running:
            outcome.why = decision.why
        if decision.intent is not None or decision.notes:
            following = _store(lease, parts, state, intent, decision, outcome)
            if following is None:
                return None
            intent = following
        ended = running and decision.progress.outcome is not None
        if ended:
            outcome.wakes.append(0.0)  # tidying, and the next in the queue
    return intent


def _decide(
    context: Context, parts: Parts, state: RolloutState, intent: Intent, observed: Observed, outcome: _Outcome
) -> Decision:
    rollout, progress = state.rollout, state.progress
    if progress.outcome is None and intent.candidate == rollout.candidate:
        scrape = parts.meter.scrape(intent.key)
        if isinstance(scrape, NoData):
            outcome.says.append(f"no evidence: {scrape.detail}")
        else:
            before = progress.evidence.last
            progress = gather(rollout, progress, intent, observed, scrape, context.now)
            outcome.requests_per_second = status.rate(before, scrape)
    decision = decide(rollout, progress, state.wishes, intent, observed, context.now, parts.look)
    if progress.ending is None and decision.progress.ending is Outcome.ABORTED:
        said = parts.explain(intent.key, rollout.candidate)
        notes = tuple(Note("meter", "explain", f"r{rollout.candidate}: {line}") for line in said)
        return replace(decision, notes=(*decision.notes, *notes))
    return decision


def _store(
    lease: Lease, parts: Parts, state: RolloutState, intent: Intent, decision: Decision, outcome: _Outcome
) -> Intent | None:
    """The decision, before the cluster sees any of it; None when somebody else appended first."""
    following = decision.intent
    if following is not None and (problems := check(following, intent, parts.capabilities())):
        said = "; ".join(problem.detail for problem in problems)
        outcome.says.append(f"the rule book refuses the next step: {said}")
        following, decision = None, replace(decision, progress=state.progress, notes=())
        outcome.progress[-1] = (state.rollout.id, state.progress)
    with parts.store.begin() as tx:
        result = rounds.record(
            tx,
            lease,
            intent=following,
            expected_generation=intent.generation if following else None,
            rollout_id=state.rollout.id,
            progress=[(state.rollout.id, decision.progress)],
            notes=decision.notes,
            release=False,
        )
        if isinstance(result, Stale):
            rounds.record(tx, lease, wake_in=0.0)
    if isinstance(result, LostLease):
        raise LeaseLost
    if isinstance(result, Stale):
        return None
    log.info("decided", endpoint=str(lease.key), rollout=state.rollout.id, why=decision.why)
    return following or intent


def _carry_out(lease: Lease, context: Context, parts: Parts, intent: Intent, plan: Plan, outcome: _Outcome) -> None:
    outcome.memory = plan.memory
    outcome.says.extend(plan.waiting)
    if plan.wake_at is not None:
        outcome.wakes.append(max(plan.wake_at - context.now, 0.05))
    refused = outcome.refused
    outcome.refused = None
    for action in plan.actions:
        if refused and refused.covers(action, intent.generation, context.now):
            outcome.refused = refused
            outcome.says.append(f"refused by the cluster: {refused.detail}")
            outcome.wakes.append(refusals.LONG_S)
        else:
            _write(lease, context, parts, intent, action, outcome)


def _write(lease: Lease, context: Context, parts: Parts, intent: Intent, action: Action, outcome: _Outcome) -> None:
    with parts.store.read() as tx:
        if not leases.holds(tx, lease):
            raise LeaseLost
    result = parts.cluster.write(action)
    WRITES.labels(type(result).__name__.lower()).inc()
    log.info("wrote", endpoint=str(lease.key), why=action.why, result=type(result).__name__)
    match result:
        case Done():
            outcome.wakes.append(AGAIN_S)
        case Conflict():
            outcome.wakes.append(0.0)
        case Refused(detail):
            outcome.refused = refusals.remember(action, intent.generation, detail, context.now)
            outcome.says.append(f"refused by the cluster: {detail}")
            outcome.wakes.append(refusals.LONG_S)
        case Unavailable(detail):
            outcome.says.append(f"the cluster does not answer: {detail}")
            outcome.wakes.append(BACK_OFF_S)


def _release(
    lease: Lease,
    context: Context,
    parts: Parts,
    outcome: _Outcome,
    result: str,
    intent: Intent | None = None,
    observed: Observed | None = None,
) -> str:
    told = status.render(context, result, intent, observed, outcome.why, outcome.says)
    told["requests_per_second"] = outcome.requests_per_second or context.status.get("requests_per_second")
    told["refused"] = codec.plain(outcome.refused) if outcome.refused else None
    with parts.store.begin() as tx:
        recorded = rounds.record(
            tx,
            lease,
            progress=outcome.progress,
            memory=codec.plain(outcome.memory),
            status=told,
            wake_in=min(outcome.wakes, default=None),
        )
    return "lost" if isinstance(recorded, LostLease) else result

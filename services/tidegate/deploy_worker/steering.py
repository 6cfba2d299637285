"""Steering: what the pilot decides over every rollout of an endpoint, stored before the cluster sees any of it."""

from dataclasses import replace

import structlog

from tidegate.core import barring
from tidegate.core.experiments import learn
from tidegate.core.gathering import gather
from tidegate.core.intent import Intent, Revision
from tidegate.core.observed import Observed
from tidegate.core.pilot import decide
from tidegate.core.ports import NoData, Resolved, Unresolved
from tidegate.core.rollout import Decision, Note, Progress
from tidegate.core.rollout import Outcome as Ending
from tidegate.core.rules import check
from tidegate.core.traffic import wanted
from tidegate.deploy_worker import status
from tidegate.deploy_worker.parts import LeaseLost, Outcome, Parts
from tidegate.deploy_worker.rereading import Asked
from tidegate.store import Context, Lease, LostLease, RolloutState, Stale, rounds

log = structlog.get_logger()

READING_S = 2.0  # between looks at a model that is being read


def steer(
    lease: Lease, context: Context, parts: Parts, intent: Intent, observed: Observed, outcome: Outcome
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
        outcome.notes.extend(decision.notes)
        if decision.intent is not None:
            wish = context.wish if _rises(state.rollout.candidate, intent, decision.intent) else None
            following = _store(lease, parts, state, intent, decision, outcome, wish)
            if following is None:
                return None
            intent = following
        ended = running and decision.progress.outcome is not None
        if ended:
            log.info("ended", endpoint=str(lease.key), rollout=state.rollout.id, why=decision.why)
            outcome.wakes.append(0.0)  # tidying, and the next in the queue
    return intent


def _decide(
    context: Context, parts: Parts, state: RolloutState, intent: Intent, observed: Observed, outcome: Outcome
) -> Decision:
    rollout = state.rollout
    progress = barring.freed(rollout, state.progress, outcome.barred)
    if progress.outcome is None and intent.candidate == rollout.candidate:
        scrape = parts.meter.scrape(intent.key)
        if isinstance(scrape, NoData):
            outcome.says.append(f"no evidence: {scrape.detail}")
        else:
            before = progress.evidence.last
            progress = gather(rollout, progress, intent, observed, scrape, context.now)
            outcome.requests_per_second = status.rate(before, scrape)
    progress = learn(rollout, progress, state.samples)

    def decided(seen: Observed) -> Decision:
        return decide(rollout, progress, state.wishes, intent, seen, context.now, parts.look, state.beat)

    decision = decided(observed)
    if decision.intent is not None and _rises(rollout.candidate, intent, decision.intent):
        candidate = next((r for r in context.revisions if r.number == rollout.candidate), None)
        found = _read_again(candidate, intent, parts)
        if found is None:
            assert candidate is not None
            return _unread(candidate, progress, context.now)
        if (altered := _altered(candidate, found)) is not None:
            decision = decided(replace(observed, altered=altered))
    if (why := barring.stopped(rollout, intent, decision, outcome.barred)) is not None:
        late = barring.overdue(rollout, progress)
        held = barring.hold(rollout, progress, decision, why, parts.look)
        decision = decided(replace(observed, altered=why)) if late else held
    if progress.ending is None and decision.progress.ending is Ending.ABORTED:
        said = parts.explain(intent.key, rollout.candidate)
        notes = tuple(Note("meter", "explain", f"r{rollout.candidate}: {line}") for line in said)
        return replace(decision, notes=(*decision.notes, *notes))
    return decision


def _store(
    lease: Lease,
    parts: Parts,
    state: RolloutState,
    intent: Intent,
    decision: Decision,
    outcome: Outcome,
    wish: int | None,
) -> Intent | None:
    """A decision with an intent, before the cluster sees any of it; None when somebody else appended first, or wished
    something since `wish`: nothing rises past an abort that was accepted, while going home waits for nobody. Others are
    stored with the status of the same look, so that nobody reads of an end that the status does not show."""
    following = decision.intent
    assert following is not None
    if problems := check(following, intent, parts.capabilities()):
        said = "; ".join(problem.sentence for problem in problems)
        outcome.says.append(f"the rule book refuses the next step: {said}")
        outcome.progress[-1] = (state.rollout.id, state.progress)
        del outcome.notes[len(outcome.notes) - len(decision.notes) :]
        return intent
    with parts.store.begin() as tx:
        result = rounds.record(
            tx,
            lease,
            intent=following,
            expected_generation=intent.generation,
            rollout_id=state.rollout.id,
            wish=wish,
            progress=outcome.progress,
            notes=outcome.notes,
            release=False,
        )
        if isinstance(result, Stale):
            rounds.record(tx, lease, wake_in=0.0)
    if isinstance(result, LostLease):
        raise LeaseLost
    if isinstance(result, Stale):
        return None
    log.info("decided", endpoint=str(lease.key), rollout=state.rollout.id, why=decision.why)
    outcome.notes.clear()
    return result.intent or intent  # as stored, with its mark


def _rises(candidate: int, old: Intent, new: Intent) -> bool:
    before, after = wanted(old), wanted(new)
    return after is not None and after.most(candidate) > (before.most(candidate) if before else 0)


def _read_again(candidate: Revision | None, intent: Intent, parts: Parts) -> Resolved | Unresolved | None:
    """The bytes behind a mutable candidate as they are now; None while they are being read. What cannot change, or
    cannot be read from here, is Unresolved: the candidate was loaded from it, so a store that is away must not stop its
    trial."""
    if candidate is None or not candidate.model.mutable or candidate.adopted is not None:
        return Unresolved("it cannot change")
    return parts.rereading(parts.registry, Asked(intent.key, intent.generation, candidate.model.uri))


def _unread(candidate: Revision, before: Progress, now: float) -> Decision:
    """No step, and no wish consumed, until it is known whether the bytes are the same."""
    why = f"{candidate.label} waits: its bytes at {candidate.model.uri} may have changed and are being read again"
    return Decision(replace(before, why=why), why, now + READING_S)


def _altered(candidate: Revision | None, found: Resolved | Unresolved) -> str | None:
    """How the bytes of a mutable model changed since its revision was made; None when they did not."""
    if candidate is None or isinstance(found, Unresolved) or found.digest == candidate.model.digest:
        return None
    return (
        f"the bytes at {candidate.model.uri} changed since {candidate.label} was made "
        f"({candidate.model.digest[:19]} is now {found.digest[:19]}): register them as a version of their own"
    )

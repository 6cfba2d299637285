"""What is decided over every rollout of an endpoint in one reconcile, oldest first. The acting one
is followed by those that wait behind it; one that has ended may still have something to tidy."""

from dataclasses import dataclass, replace

from tidegate.core import allow_list_check, bytes_check, watch_evidence
from tidegate.core.allow_list_check import NotAllowed
from tidegate.core.checks import BytesCheck, Checks, of_candidate
from tidegate.core.conditions import Code, Condition, Wait
from tidegate.core.experiments import learn
from tidegate.core.gathering import gather
from tidegate.core.intent import Intent, Mode
from tidegate.core.known import Known, RolloutState, watches
from tidegate.core.observation import Observation
from tidegate.core.ports import NoData
from tidegate.core.progression import decide
from tidegate.core.rollout import Decision, Note, Outcome, Progress, Rollout
from tidegate.core.rules import check
from tidegate.core.sampling import RolloutSample, sampled
from tidegate.core.scrapes import Scrape
from tidegate.core.traffic import rises
from tidegate.core.watch_values import Surroundings


@dataclass(frozen=True, slots=True)
class Decided:
    """What is to be stored of one rollout. intent: appended for it, None where nothing changes.
    rises: its intent gives the candidate more, so it is void if an action was accepted meanwhile.
    ended: it has an outcome since this reconcile. aborts: it begins to abort, so people want to
    know what its bad answers were. wake_at: when time alone may change the decision. sample: to be
    kept with its progress, None where the series needs none. starts: another rollout, stored with
    this one's progress."""

    rollout: Rollout
    progress: Progress
    message: str
    wake_at: float | None
    notes: tuple[Note, ...] = ()
    intent: Intent | None = None
    rises: bool = False
    ended: bool = False
    aborts: bool = False
    sample: RolloutSample | None = None
    starts: Rollout | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What every decision of one reconcile looks at. not_allowed: the revisions that the tenant may
    not name."""

    known: Known
    observation: Observation
    scrape: Scrape | NoData | None
    checks: Checks
    not_allowed: NotAllowed
    now: float


@dataclass(frozen=True, slots=True)
class Steered:
    """All decisions, in order, with the intent after them. acting: the decision over the rollout
    that acts."""

    intent: Intent
    decisions: tuple[Decided, ...] = ()
    waits: tuple[Wait, ...] = ()
    acting: Decided | None = None


def steer(seen: Seen) -> Steered | BytesCheck:
    """Decide once over each rollout that asks for it; or name the check that a decision lacks."""
    steered = Steered(seen.known.intent)
    waiting = False  # behind the acting rollout
    for state in seen.known.rollouts:
        if state.running and waiting:
            continue
        waiting = waiting or state.running
        steered = _measured(seen, state, steered)
        decision = _decide(seen, state, steered.intent)
        if isinstance(decision, BytesCheck):
            return decision
        steered = _taken(seen, state, decision, steered)
    return steered


def _measures(state: RolloutState, intent: Intent) -> bool:
    if watches(state):
        return True
    return state.running and intent.candidate == state.rollout.candidate


def _measured(seen: Seen, state: RolloutState, steered: Steered) -> Steered:
    """Why the scrape says nothing, where the rollout needs it."""
    if not _measures(state, steered.intent) or not isinstance(seen.scrape, NoData):
        return steered
    condition = Condition(Code.NO_EVIDENCE, f"no evidence: {seen.scrape.detail}")
    return replace(steered, waits=(*steered.waits, Wait(condition)))


def _decide(seen: Seen, state: RolloutState, intent: Intent) -> Decision | BytesCheck:
    """One rollout's decision; without its step where a check holds it back."""
    rollout = state.rollout
    known = seen.known
    progress = _progress(seen, state, intent)
    candidate = known.revisions.get(rollout.candidate)
    if rollout.strategy.proven:
        candidate = None  # on the way back nothing of it is checked anew
    changed = bytes_check.changed(candidate, seen.checks)
    late = allow_list_check.refuses(rollout, progress, seen.not_allowed)
    checks = of_candidate(seen.checks, rollout.candidate, changed or late)
    decision = decide(
        rollout,
        progress,
        state.actions,
        intent,
        seen.observation,
        seen.now,
        known.interval,
        state.heartbeat,
        checks,
        _surroundings(seen, state),
    )
    if decision.intent is not None and rises(rollout.candidate, intent, decision.intent):
        lacks = bytes_check.missing(candidate, intent, seen.checks)
        if lacks is not None:
            return lacks
        if candidate is not None and bytes_check.unread(candidate, seen.checks):
            return bytes_check.wait(candidate, progress, seen.now)
    not_allowed = allow_list_check.stopped(rollout, intent, decision, seen.not_allowed)
    if not_allowed is None:
        return decision
    return allow_list_check.pause(rollout, progress, decision, not_allowed, known.interval)


def _surroundings(seen: Seen, state: RolloutState) -> Surroundings:
    known = seen.known
    others = (each for each in known.rollouts if each.running)
    return Surroundings(
        known.load.error_rate,
        splits=known.capabilities.gateway or known.intent.mode is Mode.KNATIVE,
        superseded=not state.running and any(others),
    )


def _progress(seen: Seen, state: RolloutState, intent: Intent) -> Progress:
    """The progress with what was counted since the last reconcile."""
    rollout = state.rollout
    progress = allow_list_check.freed(rollout, state.progress, seen.not_allowed)
    if watches(state) and isinstance(seen.scrape, Scrape):
        return watch_evidence.gather(rollout, progress, seen.observation, seen.scrape)
    if _measures(state, intent) and isinstance(seen.scrape, Scrape):
        progress = gather(rollout, progress, intent, seen.observation, seen.scrape)
    return learn(rollout, progress, state.samples)


def _taken(seen: Seen, state: RolloutState, decision: Decision, steered: Steered) -> Steered:
    """The decision added to those before it, if the rule book allows its intent."""
    refused = _refused(seen.known, decision, steered.intent)
    waits = steered.waits
    if refused is None:
        decided = _decided(seen, state, decision, steered.intent)
    else:
        decided = Decided(state.rollout, state.progress, decision.message, decision.wake_at)
        waits = (*waits, Wait(refused))
    return replace(
        steered,
        intent=decided.intent or steered.intent,
        decisions=(*steered.decisions, decided),
        waits=waits,
        acting=decided if state.running else steered.acting,
    )


def _refused(known: Known, decision: Decision, intent: Intent) -> Condition | None:
    if decision.intent is None:
        return None
    problems = check(decision.intent, intent, known.capabilities)
    if not problems:
        return None
    details = "; ".join(problem.sentence for problem in problems)
    message = f"the rule book refuses the next step: {details}"
    return Condition(Code.STEP_REFUSED, message, {"detail": details})


def _decided(seen: Seen, state: RolloutState, decision: Decision, intent: Intent) -> Decided:
    before = state.progress
    after = decision.progress
    following = decision.intent
    if following is not None:
        following = replace(following, mark=seen.known.mark)
    sample = None
    if _acts(state, intent, following):
        after, sample = sampled(
            state.rollout,
            after,
            following or intent,
            seen.observation,
            seen.now,
            seen.known.interval,
        )
    return Decided(
        state.rollout,
        after,
        decision.message,
        decision.wake_at,
        decision.notes,
        following,
        rises=following is not None and rises(state.rollout.candidate, intent, following),
        ended=state.running and after.outcome is not None,
        aborts=before.end.toward is None and after.end.toward is Outcome.ABORTED,
        sample=sample,
        starts=decision.starts,
    )


def _acts(state: RolloutState, intent: Intent, following: Intent | None) -> bool:
    """Whether a rollout has begun and not ended: then its series goes on. Its last sample is of the
    pass in which it ends."""
    candidate = state.rollout.candidate
    named = candidate in (intent.candidate, intent.stable)
    return state.running and (named or following is not None or state.progress.thinning.number > 0)

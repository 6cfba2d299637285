"""Reconcile: one pass over one endpoint, from what is known and seen to what is stored and written.
Pure.

The worker loads, observes, calls `reconcile`, stores its decisions, makes its writes, and records
`conclude`. Each pass knows only what it is given, so a crash between any two of these costs nothing
but the next pass.
"""

from dataclasses import replace

from tidegate.core import (
    allow_list_check,
    contract_check,
    drift,
    failed_writes,
    load,
    planned_writes,
    written_fields,
)
from tidegate.core.checks import Check, Checks, ContractCheck, LogCheck, MarkCheck, WarmUpCheck
from tidegate.core.conditions import Code, Condition, Wait
from tidegate.core.drivers import driver_for
from tidegate.core.drivers.adoption import adopted, present
from tidegate.core.drivers.base import Driver, Writes, fence
from tidegate.core.drivers.held_pods import pods_of, without
from tidegate.core.known import Known
from tidegate.core.load import Load
from tidegate.core.planned_writes import Retry
from tidegate.core.ports import NoData, Snapshot
from tidegate.core.result import Kind, Result, conclude
from tidegate.core.scrapes import Scrape
from tidegate.core.steering import Seen, Steered, steer

WARM_S = 2.0  # between reconciles at pods that are not warm, or whose contract is not compared
BLOCKED_S = 60.0  # between reconciles at what a person must change: its own changes may wake nobody


def reconcile(
    known: Known,
    snapshot: Snapshot,
    scrape: Scrape | NoData | None,
    checks: Checks,
    now: float,
) -> Result | Check:
    """One pass, or the check that it lacks: nothing is decided then, and the next pass brings its
    answer. scrape: None where nothing is measured (`Known.measures`). now: epoch seconds by the
    store's clock."""
    intent = known.intent
    driver = driver_for(intent.mode, known.platform)
    snapshot = without(snapshot, _held_pods(known, snapshot, checks))
    observation = driver.read(intent.key, known.revisions, snapshot)
    if checks.logs is None and observation.failing:
        return LogCheck(intent.key, observation.failing)
    observation = observation.with_logs(checks.logs or {})
    not_allowed = allow_list_check.not_allowed(
        intent.key.namespace, known.revisions.values(), checks.allow_list
    )
    seen = Seen(known, observation, scrape, checks, not_allowed, now)
    stop = _fenced(seen) or _not_begun(seen, snapshot) or _contract_lacks(seen, snapshot)
    if stop is not None:
        return stop
    steered = steer(seen)
    if not isinstance(steered, Steered):
        return steered
    return _planned(driver, seen, steered, snapshot)


def _held_pods(known: Known, snapshot: Snapshot, checks: Checks) -> frozenset[str]:
    """Pods that nothing may move to yet: not warm, or of a candidate whose contract cannot be
    compared."""
    held = frozenset(checks.cold or ())
    if isinstance(checks.contract, str) and known.running is not None:
        held |= pods_of(snapshot, known.running.rollout.candidate)
    return held


def _fenced(seen: Seen) -> Result | MarkCheck | None:
    """Whether these objects are ours to write, by the intent that the cluster is at."""
    known = seen.known
    generation = seen.observation.stamp.generation
    marks = seen.checks.marks
    behind = generation is not None and generation < known.intent.generation
    if generation is not None and behind and generation not in marks:
        return MarkCheck(known.intent.key, generation)
    mark = None
    if generation is not None and behind:
        mark = marks.get(generation)
    condition = fence(known.intent, seen.observation, known.platform.store, mark)
    if condition is None:
        return None
    return _stopped(Kind.FENCED, seen, (Wait(condition, BLOCKED_S),))


def _not_begun(seen: Seen, snapshot: Snapshot) -> Result | WarmUpCheck | None:
    """What stops an endpoint from beginning: the allow-list. Pods are asked to warm up before
    that."""
    if seen.checks.cold is None:
        traffic = seen.observation.traffic
        if traffic:
            serving = traffic.served
        else:
            serving = frozenset()
        return WarmUpCheck(snapshot, serving)
    message = allow_list_check.begins(seen.known.intent, seen.observation, seen.not_allowed)
    if message is None:
        return None
    held = Wait(Condition(Code.NOT_ALLOWED, f"blocked: {message}"), BLOCKED_S)
    return _stopped(Kind.BLOCKED, seen, (*_not_warm(seen.checks), held))


def _contract_lacks(seen: Seen, snapshot: Snapshot) -> ContractCheck | None:
    """The comparison that is due now, where nobody has made it."""
    checks = seen.checks
    known = seen.known
    if not checks.compares or checks.contract is not None:
        return None
    rollout = contract_check.due(known.running, seen.observation)
    if rollout is None:
        return None
    presented = present(snapshot, known.intent.key, known.revisions, known.intent.mode)
    return ContractCheck(presented, seen.observation, rollout)


def _stopped(kind: Kind, seen: Seen, waits: tuple[Wait, ...]) -> Result:
    """Nothing is decided, and nothing is written."""
    known = seen.known
    retry = Retry(known.failed_writes, known.intent.generation, seen.now, failed_writes.LONG_S)
    stopped = Result(
        kind,
        seen.observation,
        known.intent,
        known.memory,
        retry,
        waits=waits,
        failed_writes=known.failed_writes,
        drift=known.drift,
        load=known.load,
        rates=known.rates,
    )
    return conclude(stopped, ())


def _planned(driver: Driver, seen: Seen, steered: Steered, snapshot: Snapshot) -> Result:
    """The writes toward the intent that was decided, as far as the checks let it be carried out."""
    known = seen.known
    observation = seen.observation
    now = seen.now
    intent = steered.intent
    acting = None
    if known.running is not None:
        acting = known.running.rollout
    bounded, message = allow_list_check.bounded(acting, intent, observation, seen.not_allowed)
    next_writes = driver.writes(bounded, known.revisions, snapshot, observation, known.memory, now)
    progress = [decided.progress for decided in steered.decisions]
    seconds = failed_writes.interval(intent, observation, progress)
    retry = Retry(known.failed_writes, intent.generation, now, seconds)
    sifted = planned_writes.sift(next_writes.writes, snapshot, retry)
    drifts = drift.observed(
        next_writes.writes,
        snapshot,
        intent,
        observation.stamp.generation,
        adopted(known.revisions),
        known.memory.written,
    )
    written = written_fields.kept(known.memory.written, snapshot.objects)
    measured = _load(seen)
    gone = intent.stable is None and observation.gone and not next_writes.writes
    waits = (*_not_warm(seen.checks), *_not_compared(seen.checks), *steered.waits)
    if message:
        waits += (Wait(Condition(Code.CANDIDATE_NOT_ALLOWED, f"blocked: {message}")),)
    waits += tuple(Wait(Condition(Code.WRITES_WAIT, line)) for line in next_writes.waiting)
    return Result(
        Kind.GONE if gone else Kind.OK,
        observation,
        intent,
        replace(next_writes.memory, written=written),
        retry,
        steered.decisions,
        sifted.writes,
        (*waits, *sifted.waits),
        steered.acting,
        _wake_at(seen, steered, next_writes, measured),
        sifted.failed,
        drift.remembered(known.drift, drifts, now),
        measured,
        load.rates(known.rates, measured),
    )


def _load(seen: Seen) -> Load:
    """How many requests the endpoint gets, after this pass."""
    known = seen.known
    stable = known.intent.stable
    if stable is None or not isinstance(seen.scrape, Scrape):
        return known.load
    return load.measured(known.load, seen.scrape, stable)


def _wake_at(seen: Seen, steered: Steered, next_writes: Writes, measured: Load) -> float | None:
    """When time alone changes what is decided or planned, or it is time to measure."""
    known = seen.known
    now = seen.now
    wakes = [decided.wake_at for decided in steered.decisions]
    if known.load_interval and known.intent.stable is not None:
        wakes += [load.next_at(measured, now, known.load_interval)]
    # Tidying, and the next in the queue
    wakes += [now for decided in steered.decisions if decided.ended]
    if next_writes.wake_at is not None:
        wakes += [max(next_writes.wake_at, now + 0.05)]
    return min((at for at in wakes if at is not None), default=None)


def _not_warm(checks: Checks) -> tuple[Wait, ...]:
    cold = (checks.cold or {}).values()
    conditions = (Condition(Code.NOT_WARM, pod.line, {"revision": pod.revision}) for pod in cold)
    return tuple(Wait(condition, WARM_S) for condition in conditions)


def _not_compared(checks: Checks) -> tuple[Wait, ...]:
    if not isinstance(checks.contract, str):
        return ()
    return (Wait(Condition(Code.CONTRACT_UNREAD, checks.contract), WARM_S),)

"""Effective weights: what the route may say now, on the way to what the intent wants.

A share rises only toward a revision that is ready at the size it needs. A candidate without a ready
pod gets nothing (its share goes to stable, the intent is unchanged) and gets it back after it was
ready for a while. Stable keeps its share also without a ready pod: moving it to the candidate would
be a promotion that nobody decided. What is no longer wanted loses its share at once, whatever
stable's state: toward stable always works.
"""

from dataclasses import dataclass, replace

from tidegate.core.capacity import candidate_size, needed
from tidegate.core.drivers.base import Memory, Since
from tidegate.core.intent import Intent
from tidegate.core.observation import Observation
from tidegate.core.traffic import Rule, Share, Traffic

Moved = tuple[Traffic, tuple[str, ...], Memory, float | None]


@dataclass(frozen=True, slots=True)
class Capacity:
    """What weights depend on besides the observation itself. steady: seconds."""

    memory: Memory
    steady: float
    now: float


def effective(intent: Intent, target: Traffic, seen: Observation, capacity: Capacity) -> Moved:
    """The traffic to write, why it is not yet the target, the memory, and when time alone changes
    it."""
    if intent.candidate is None:
        traffic, reasons = _toward_stable(intent, target, seen, capacity.memory)
        return traffic, reasons, replace(capacity.memory, lost=()), None
    memory, trusted, reason, wake_at = trust(intent, target, seen, capacity)
    if not trusted:
        rules = tuple(_all_to(rule, intent.stable) for rule in target.rules)
        return Traffic(rules), (reason,), memory, wake_at
    need = candidate_size(intent.candidate_traffic, memory.size, intent.scaling)
    ready = seen.ready(intent.candidate)
    if ready < need:
        traffic = Traffic(tuple(_no_more_than(rule, seen, intent) for rule in target.rules))
        reasons = (f"r{intent.candidate} has {ready} of {need} replicas",)
        return traffic, reasons, memory, wake_at
    return target, (), memory, wake_at


def _toward_stable(
    intent: Intent, target: Traffic, seen: Observation, memory: Memory
) -> tuple[Traffic, tuple[str, ...]]:
    """All to stable; but a promotion waits, on the standby revision, until stable is ready at full
    size."""
    assert intent.stable is not None
    # The first route, or one that a stranger took away while a promotion waited
    if seen.traffic is None:
        holders = []
        if memory.served is not None and seen.up(memory.served):
            holders = [memory.served]
    else:
        holders = [r for r in seen.traffic.revisions if r != intent.stable]
    if not holders or not set(holders) <= set(intent.standby):
        return target, ()
    alive = any(seen.ready(r) for r in holders)
    need = 1
    if alive:
        need = needed(100, max(memory.size, 1), intent.scaling)
    ready = seen.ready(intent.stable)
    if ready >= need:
        return target, ()
    known = {intent.stable, *intent.standby}
    held = seen.traffic
    if held is None or not all(_fair(rule, known) for rule in held.rules):
        heir = max(holders, key=seen.ready)
        held = Traffic((Rule((), (Share(intent.stable, 0), Share(heir, 100))),))
    return held, (f"r{intent.stable} has {ready} of {need} replicas before it takes all",)


def _fair(rule: Rule, known: set[int]) -> bool:
    """Whether a rule that was read is one that we may write: its shares sum to 100 and go to
    `known` revisions."""
    return (
        sum(s.percent for s in rule.shares) == 100
        and {s.revision for s in (*rule.shares, *rule.mirrors)} <= known
    )


def trust(
    intent: Intent, target: Traffic, seen: Observation, capacity: Capacity
) -> tuple[Memory, bool, str, float | None]:
    """Whether the candidate may have a share at all, after it was lost or before it was ever
    ready."""
    candidate = intent.candidate
    memory = capacity.memory
    now = capacity.now
    assert candidate is not None
    served = seen.traffic is not None and (
        seen.traffic.most(candidate) or seen.traffic.mirrored(candidate)
    )
    lost = next((entry for entry in memory.lost if entry.revision == candidate), None)
    if not seen.up(candidate):
        if served or lost:
            forgotten = replace(memory, lost=(Since(candidate, None),))
        else:
            forgotten = replace(memory, lost=())
        requested = target.most(candidate) or target.mirrored(candidate)
        return forgotten, not requested, f"r{candidate} has no ready pod", None
    if lost is None:
        return replace(memory, lost=()), True, "", None
    back = now
    if lost.at is not None:
        back = lost.at
    if now - back >= capacity.steady:
        return replace(memory, lost=()), True, "", None
    waiting = f"r{candidate} is ready again, for {now - back:.0f} of {capacity.steady:.0f} s"
    return replace(memory, lost=(Since(candidate, back),)), False, waiting, back + capacity.steady


def _all_to(rule: Rule, stable: int | None) -> Rule:
    shares = tuple(Share(s.revision, 100 if s.revision == stable else 0) for s in rule.shares)
    return Rule(rule.match, shares)


def _no_more_than(rule: Rule, seen: Observation, intent: Intent) -> Rule:
    """The rule with the candidate's share held at what it has now, if the target is more."""
    assert intent.candidate is not None
    assert intent.stable is not None
    rules = seen.traffic.rules if seen.traffic else ()
    now = next((r for r in rules if r.match == rule.match), None)
    share = min(rule.percent(intent.candidate), now.percent(intent.candidate) if now else 0)
    if now:
        had = {m.revision: m.percent for m in now.mirrors}
    else:
        had = {}
    mirrors = tuple(Share(m.revision, min(m.percent, had.get(m.revision, 0))) for m in rule.mirrors)
    return Rule(
        rule.match,
        (Share(intent.stable, 100 - share), Share(intent.candidate, share)),
        tuple(m for m in mirrors if m.percent),
    )

"""What a rollout needs at its largest: replicas of each reachable intent, and what one pod of each
revision asks for.

Standard mode: stable is held at its size, the candidate grows by the capacity rule (a fifth more
than its share), blue-green and undo stand at twice the size. Knative mode: a rollback starts
stable's pods anew while those of stable and of the bad revision still run, so that is the most.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tidegate.core.capacity import candidate_size, needed
from tidegate.core.intent import Intent, Mode
from tidegate.core.preflight import Finding, Level
from tidegate.core.reachable import ABORT, ReachableIntent
from tidegate.deploy_worker.preflight.site import Pod

Needs = Mapping[int, Pod]  # by revision
Found = Iterator[tuple[tuple[str, str], Finding]]  # each with the limit that it breaks


@dataclass(frozen=True, slots=True)
class Demand:
    """Replicas on one reachable intent, and the rule that asks for them. replicas: (revision,
    pods)."""

    reachable_intent: ReachableIntent
    replicas: tuple[tuple[int, int], ...]
    rule: str

    @property
    def text(self) -> str:
        """`4 replicas of r1 and 2 of r2`."""
        return " and ".join(f"{count} of r{number}" for number, count in self.replicas if count)

    def total(self, needs: Needs) -> dict[str, Decimal]:
        """What all of it asks for, in the names of ResourceQuota."""
        total: dict[str, Decimal] = {}
        for number, count in self.replicas:
            for name, amount in needs[number].asks.items() if number in needs else ():
                total[name] = total.get(name, Decimal()) + count * amount
        return total

    def finding(self, level: Level, detail: str, where: str) -> Finding:
        """Something about this reachable intent."""
        return Finding(
            level, self.rule, detail, self.reachable_intent.step, self.reachable_intent.index, where
        )


def demands(reachable_intents: Sequence[ReachableIntent], size: int) -> Iterator[Demand]:
    """What each reachable intent needs with stable at `size` replicas."""
    for reachable_intent in reachable_intents:
        knative = reachable_intent.intent.mode is Mode.KNATIVE
        if knative:
            yield _knative(reachable_intent, reachable_intents, size)
        else:
            yield _standard(reachable_intent, size)


def _standard(reachable_intent: ReachableIntent, size: int) -> Demand:
    intent = reachable_intent.intent
    whole = _whole(reachable_intent.intent, size)
    counts = [(number, whole) for number in (intent.stable, *intent.standby) if number is not None]
    rule = "replicas of stable"
    if intent.candidate is not None:
        counts.append(
            (intent.candidate, candidate_size(intent.candidate_traffic, size, intent.scaling))
        )
        rule = "capacity rule: a fifth more than its share"
        if intent.candidate_traffic.replicas_percent:
            rule = "full size beside stable"
    elif intent.standby:
        rule = "full size beside the standby revision"
    return Demand(reachable_intent, tuple(counts), rule)


def _knative(
    reachable_intent: ReachableIntent, reachable_intents: Sequence[ReachableIntent], size: int
) -> Demand:
    intent = reachable_intent.intent
    whole = _whole(reachable_intent.intent, size)
    assert intent.stable is not None
    staged = next(
        (other.intent for other in reachable_intents if other.intent.candidate is not None), None
    )
    if reachable_intent.step == ABORT and staged is not None and staged.candidate is not None:
        counts = ((intent.stable, 2 * whole), (staged.candidate, _first_size(staged, size)))
        return Demand(reachable_intent, counts, "stable, the bad one and stable restored")
    if intent.candidate is None:
        return Demand(reachable_intent, ((intent.stable, whole),), "replicas of stable")
    counts = ((intent.stable, whole), (intent.candidate, _first_size(intent, size)))
    return Demand(reachable_intent, counts, "first size: what its largest step needs")


def _whole(intent: Intent, size: int) -> int:
    return max(intent.scaling.min_replicas, needed(100, size, intent.scaling))


def _first_size(intent: Intent, size: int) -> int:
    """Of a candidate in knative mode; see its driver."""
    return max(
        intent.scaling.min_replicas,
        needed(intent.candidate_traffic.replicas_percent or 100, size, intent.scaling),
    )


def quantity(name: str, value: Decimal) -> str:
    """For people: memory in GiB, the rest as it is."""
    if "memory" in name:
        return f"{value / 2**30:.3g} GiB"
    return f"{value.normalize():f}"

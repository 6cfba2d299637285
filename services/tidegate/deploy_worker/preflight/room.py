"""Whether what a rollout needs at its largest fits: replicas of each way, times what a pod asks for, against quotas and
nodes.

Standard mode: stable is held at its size, the candidate grows by the capacity rule (a fifth more than its share),
blue-green and undo stand at twice the size. Knative mode: going home starts stable's pods anew while those of stable
and of the bad revision still run, so that is the most.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from tidegate.core.capacity import candidate_size, needed
from tidegate.core.intent import Intent, Mode
from tidegate.core.preflight import Finding, Level
from tidegate.core.ways import ABORT, Way
from tidegate.deploy_worker.preflight.site import Amounts, Budget, Quota

Needs = Mapping[int, Amounts]  # of one pod, by revision
_MUST_SAY = frozenset({"requests.cpu", "requests.memory", "limits.cpu", "limits.memory"})
_SYNONYMS = {"cpu": "requests.cpu", "memory": "requests.memory", "count/pods": "pods"}


@dataclass(frozen=True, slots=True)
class Demand:
    """Replicas on one way, and the rule that asks for them. replicas: (revision, pods)."""

    way: Way
    replicas: tuple[tuple[int, int], ...]
    rule: str

    @property
    def text(self) -> str:
        """`4 replicas of r1 and 2 of r2`."""
        return " and ".join(f"{count} of r{number}" for number, count in self.replicas if count)


def demands(ways: Sequence[Way], size: int) -> Iterator[Demand]:
    """What each way needs with stable at `size` replicas."""
    for way in ways:
        knative = way.intent.mode is Mode.KNATIVE
        yield _knative(way, ways, size) if knative else _standard(way, size)


def _standard(way: Way, size: int) -> Demand:
    intent, whole = way.intent, _whole(way.intent, size)
    counts = [(number, whole) for number in (intent.stable, *intent.keep) if number is not None]
    rule = "replicas of stable"
    if intent.candidate is not None:
        counts.append((intent.candidate, candidate_size(intent.posture, size, intent.scaling)))
        rule = "full size beside stable" if intent.posture.size else "capacity rule: a fifth more than its share"
    elif intent.keep:
        rule = "full size beside the revision that is kept warm"
    return Demand(way, tuple(counts), rule)


def _knative(way: Way, ways: Sequence[Way], size: int) -> Demand:
    intent, whole = way.intent, _whole(way.intent, size)
    assert intent.stable is not None
    trial = next((other.intent for other in ways if other.intent.candidate is not None), None)
    if way.step == ABORT and trial is not None and trial.candidate is not None:
        counts = ((intent.stable, 2 * whole), (trial.candidate, _first_size(trial, size)))
        return Demand(way, counts, "stable, the bad one and stable restored")
    if intent.candidate is None:
        return Demand(way, ((intent.stable, whole),), "replicas of stable")
    counts = ((intent.stable, whole), (intent.candidate, _first_size(intent, size)))
    return Demand(way, counts, "first size: what its largest step needs")


def _whole(intent: Intent, size: int) -> int:
    return max(intent.scaling.min_replicas, needed(100, size, intent.scaling))


def _first_size(intent: Intent, size: int) -> int:
    """Of a candidate in knative mode; see its driver."""
    return max(intent.scaling.min_replicas, needed(intent.posture.size or 100, size, intent.scaling))


def check(wanted: Sequence[Demand], needs: Needs, budget: Budget) -> Iterator[Finding]:
    """What does not fit, each limit at the first way that breaks it."""
    for what in budget.unread:
        yield Finding(Level.UNCHECKED, "room", what)
    broken: set[tuple[str, str]] = set()
    for demand in wanted:
        total = _total(demand, needs)
        found = [*_quotas(demand, total, budget.present, budget.quotas), *_nodes(demand, needs, total, budget)]
        for limit, finding in found:
            if limit not in broken:
                broken.add(limit)
                yield finding


def unsaid(needs: Needs, budget: Budget) -> Iterator[Finding]:
    """Quotas of CPU and memory admit only pods that say what they ask for (Kubernetes, resource quotas); a LimitRange
    may say it for them, which is not looked at."""
    for quota in budget.quotas:
        for limited in quota.hard:
            name = _SYNONYMS.get(limited, limited)
            silent = [f"r{number}" for number, pod in needs.items() if name in _MUST_SAY and not pod.get(name)]
            if silent:
                detail = (
                    f"quota {quota.name!r} counts {limited}, and pods of {', '.join(silent)} say none: without a "
                    "LimitRange that fills it in they are not admitted; send runtime_config.resources"
                )
                yield Finding(Level.WARNING, "room", detail, object=f"ResourceQuota {quota.name}")


def ceiling(intent: Intent, number: int, needs: Needs, budget: Budget) -> Iterator[Finding]:
    """Whether one revision may grow to maxReplicas. It serves with fewer, so this only warns."""
    most = intent.scaling.max_replicas
    at_most = Demand(Way("", intent), ((number, most),), "maxReplicas")
    for _, finding in _quotas(at_most, _total(at_most, needs), budget.present, budget.quotas):
        detail = f"maxReplicas {most} is out of reach, the autoscaler will stop below it: {finding.detail}"
        yield replace(finding, level=Level.WARNING, detail=detail)


def _total(demand: Demand, needs: Needs) -> Amounts:
    total: dict[str, Decimal] = {}
    for number, count in demand.replicas:
        for name, amount in needs.get(number, {}).items():
            total[name] = total.get(name, Decimal()) + count * amount
    return total


def _quotas(
    demand: Demand, total: Amounts, present: Amounts, quotas: Sequence[Quota]
) -> Iterator[tuple[tuple[str, str], Finding]]:
    for quota in quotas:
        for limited, hard in quota.hard.items():
            name = _SYNONYMS.get(limited, limited)
            if name not in total:
                continue
            used, mine = quota.used.get(limited, Decimal()), present.get(name, Decimal())
            if used - min(mine, used) + total[name] > hard:
                detail = (
                    f"{demand.text} need {amount(name, total[name])} {limited} in all; quota {quota.name!r} allows "
                    f"{amount(name, hard)}, of which others use {amount(name, used - min(mine, used))}: raise the "
                    "quota, or lower the replicas or the steps"
                )
                yield (quota.name, limited), _finding(Level.PROBLEM, demand, detail, f"ResourceQuota {quota.name}")


def _nodes(demand: Demand, needs: Needs, total: Amounts, budget: Budget) -> Iterator[tuple[tuple[str, str], Finding]]:
    if not budget.nodes:
        return
    level = Level.WARNING if budget.grows else Level.PROBLEM
    for number, count in demand.replicas:
        pod = {name: needs.get(number, {}).get(f"requests.{name}", Decimal()) for name in ("cpu", "memory")}
        pod |= _gpus(needs.get(number, {}))
        if count and not any(_fits(pod, node) for node in budget.nodes):
            asked = ", ".join(f"{amount(name, value)} {name}" for name, value in pod.items() if value)
            detail = f"no node offers what one pod of r{number} asks for ({asked}): it would never be placed"
            yield ("node", f"r{number}"), _finding(level, demand, detail, "Node")
    for name, most in _offered(budget.nodes).items():
        asked_for = total.get(f"requests.{name}", Decimal())
        if asked_for > most:
            detail = (
                f"{demand.text} need {amount(name, asked_for)} {name} in all, all nodes together offer "
                f"{amount(name, most)}, even if nothing else ran on them: add nodes, or lower the replicas or the steps"
            )
            yield ("nodes", name), _finding(level, demand, detail, "Node")


def _gpus(pod: Amounts) -> dict[str, Decimal]:
    plain = {name.removeprefix("requests."): value for name, value in pod.items() if "/" in name}
    return {name: value for name, value in plain.items() if value}


def _fits(pod: Amounts, node: Amounts) -> bool:
    return all(node.get(name, Decimal()) >= value for name, value in pod.items())


def _offered(nodes: Sequence[Amounts]) -> Amounts:
    names = {name for node in nodes for name in node if name in ("cpu", "memory") or "/" in name}
    return {name: sum((node.get(name, Decimal()) for node in nodes), Decimal()) for name in sorted(names)}


def amount(name: str, value: Decimal) -> str:
    """For people: memory in GiB, the rest as it is."""
    if "memory" in name:
        return f"{value / 2**30:.3g} GiB"
    return f"{value.normalize():f}"


def _finding(level: Level, demand: Demand, detail: str, where: str) -> Finding:
    return Finding(level, demand.rule, detail, demand.way.step, demand.way.index, where)

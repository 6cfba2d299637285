"""Whether what a rollout needs at its largest fits: against quotas, what nodes offer, and what is
free on them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from tidegate.core.intent import Intent
from tidegate.core.preflight import Finding, Level
from tidegate.core.reachable import ReachableIntent
from tidegate.deploy_worker.preflight.demand import Demand, Found, Needs, demands, quantity
from tidegate.deploy_worker.preflight.free import lacking
from tidegate.deploy_worker.preflight.placement import offered
from tidegate.deploy_worker.preflight.places import Amounts
from tidegate.deploy_worker.preflight.site import Budget, Quota

__all__ = ["ceiling", "check", "demands", "unsaid"]
_MUST_SAY = frozenset({"requests.cpu", "requests.memory", "limits.cpu", "limits.memory"})
_SYNONYMS = {"cpu": "requests.cpu", "memory": "requests.memory", "count/pods": "pods"}


def check(desired: Sequence[Demand], needs: Needs, budget: Budget) -> Iterator[Finding]:
    """What does not fit, each limit at the first reachable intent that breaks it."""
    for what in budget.unread:
        yield Finding(Level.UNCHECKED, "capacity", what)
    for number, pod in needs.items():
        if pod.place.affinity and budget.nodes:
            yield Finding(
                Level.UNCHECKED,
                "capacity",
                f"the node affinity that pods of r{number} require, against nodes",
            )
    broken: set[tuple[str, str]] = set()
    for demand in desired:
        quotas = _quotas(demand, demand.total(needs), budget.present, budget.quotas)
        for limit, finding in (
            *quotas,
            *offered(demand, needs, budget),
            *lacking(demand, needs, budget),
        ):
            if limit not in broken:
                broken.add(limit)
                yield finding


def unsaid(needs: Needs, budget: Budget) -> Iterator[Finding]:
    """Quotas of CPU and memory admit only pods that say what they ask for (Kubernetes, resource
    quotas). What a LimitRange says for them is known of those that went through admission."""
    for quota in budget.quotas:
        for limited in quota.hard:
            name = _SYNONYMS.get(limited, limited)
            silent = [
                f"r{number}"
                for number, pod in needs.items()
                if name in _MUST_SAY and not pod.asks.get(name)
            ]
            if silent:
                detail = (
                    f"quota {quota.name!r} counts {limited}, and pods of {', '.join(silent)} say "
                    "none: without a "
                    "LimitRange that fills it in they are not admitted; send "
                    "runtime_config.resources"
                )
                yield Finding(
                    Level.WARNING, "capacity", detail, object=f"ResourceQuota {quota.name}"
                )


def ceiling(intent: Intent, number: int, needs: Needs, budget: Budget) -> Iterator[Finding]:
    """Whether one revision may grow to maxReplicas. It serves with fewer, so this only warns."""
    most = intent.scaling.max_replicas
    at_most = Demand(ReachableIntent("", intent), ((number, most),), "maxReplicas")
    for _, finding in _quotas(at_most, at_most.total(needs), budget.present, budget.quotas):
        detail = f"maxReplicas {most} is out of reach, the autoscaler will stop below it: {finding.detail}"
        yield replace(finding, level=Level.WARNING, detail=detail)


def _quotas(demand: Demand, total: Amounts, present: Amounts, quotas: Sequence[Quota]) -> Found:
    for quota in quotas:
        for limited, hard in quota.hard.items():
            name = _SYNONYMS.get(limited, limited)
            if name not in total:
                continue
            used = quota.used.get(limited, Decimal())
            mine = present.get(name, Decimal())
            if used - min(mine, used) + total[name] > hard:
                detail = (
                    f"{demand.text} need {quantity(name, total[name])} {limited} in all; quota "
                    f"{quota.name!r} allows "
                    f"{quantity(name, hard)}, of which others use "
                    f"{quantity(name, used - min(mine, used))}: raise the "
                    "quota, or lower the replicas or the steps"
                )
                yield (
                    (quota.name, limited),
                    demand.finding(Level.PROBLEM, detail, f"ResourceQuota {quota.name}"),
                )

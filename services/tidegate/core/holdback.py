"""Holdback: a last step before the promotion, in which a small share stays with old stable."""

from dataclasses import replace

from tidegate.core.intent import CandidateTraffic
from tidegate.core.strategy import Step, Strategy


def with_holdback(plan: Strategy, percent: int) -> Strategy:
    """The plan with a last step in which old stable keeps `percent` (1..50) of the requests. It
    lasts as long as the step before it at least, and ends as that does: so a promotion that rested
    on a pass, or on a person, still does. A plan whose last step leaves stable no more than that is
    left as it is."""
    last = plan.steps[-1]
    if last.candidate_traffic.percent >= 100 - percent:
        return plan
    size = last.candidate_traffic.replicas_percent
    traffic = CandidateTraffic(percent=100 - percent, replicas_percent=size)
    return replace(plan, steps=(*plan.steps, Step(traffic, last.until, last.bake)))

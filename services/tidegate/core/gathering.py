"""Which scrapes count toward what: the conditions under which an interval is evidence at all."""

from dataclasses import replace

from tidegate.core.evidence import Scrape, absorb, tracking
from tidegate.core.intent import Intent
from tidegate.core.observation import Observation
from tidegate.core.rollout import STARTING, Progress, Rollout
from tidegate.core.strategy import Kind
from tidegate.core.traffic import same

WARM_UP = 10.0  # seconds: latency of a pod that has been ready for less is not counted against it
JUMP = 60.0  # seconds: a scrape that much older than the last one means that the clock was put back


def gather(
    rollout: Rollout,
    progress: Progress,
    intent: Intent,
    observation: Observation,
    scrape: Scrape,
    now: float,
) -> Progress:
    """The progress with one more scrape; unchanged while the candidate gets nothing.

    The interval counts only if the split was the same at both of its ends; latency only when every
    pod is warm; nothing counts toward `pass` while stable has no ready pod (a comparison needs
    both). Answers to copies count for a shadow, and for nothing else.
    """
    if intent.candidate != rollout.candidate:
        return progress
    evidence = tracking(progress.analysis.evidence, rollout.strategy.metrics)
    if evidence.last is not None and scrape.at < evidence.last.at - JUMP:
        # Or no scrape would count until the clock has caught up
        evidence = replace(evidence, last=None)
    sides = [observation.of(number) for number in (rollout.base, rollout.candidate)]
    young = any(
        side.youngest is not None and now - side.youngest < WARM_UP for side in sides if side
    )
    unchanged = progress.step.index > STARTING and same(
        progress.routed.traffic, observation.traffic
    )
    begun = progress.routed.since is None or (
        evidence.last is not None and evidence.last.at >= progress.routed.since
    )
    gathered = absorb(
        evidence,
        scrape,
        stable=rollout.base,
        candidate=rollout.candidate,
        latency=not young,
        toward_pass=observation.up(rollout.base),
        comparable=unchanged and begun and observation.traffic is not None,
        mirrored=rollout.strategy.kind is Kind.SHADOW,
        noise_window=rollout.strategy.noise_window,
    )
    return replace(progress, analysis=replace(progress.analysis, evidence=gathered))

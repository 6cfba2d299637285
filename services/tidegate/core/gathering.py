"""Which scrapes count toward what: the conditions under which an interval is evidence at all."""

from dataclasses import replace

from tidegate.core import exposure
from tidegate.core.evidence import Scrape, absorb, answers, tracking
from tidegate.core.intent import Intent
from tidegate.core.observation import Observation
from tidegate.core.rollout import STARTING, Progress, Rollout
from tidegate.core.strategy import Kind
from tidegate.core.traffic import Traffic, same
from tidegate.core.warmth import Pods, cold, unlike, warmed

JUMP = 60.0  # seconds: a scrape that much older than the last one means that the clock was put back


def gather(
    rollout: Rollout,
    progress: Progress,
    intent: Intent,
    observation: Observation,
    scrape: Scrape,
) -> Progress:
    """The progress with one more scrape; unchanged while the candidate gets nothing.

    The interval counts only if the split was the same at both of its ends; latency only where every
    pod has given its first answers, and is as loaded as the other revision's (`warmth`); nothing
    counts toward `pass` while stable has no ready pod (a comparison needs both). Answers to copies
    count for a shadow, and for nothing else.
    """
    if intent.candidate != rollout.candidate:
        return progress
    evidence = tracking(progress.analysis.evidence, rollout.strategy.metrics)
    if evidence.last is not None and scrape.at < evidence.last.at - JUMP:
        # Or no scrape would count until the clock has caught up
        evidence = replace(evidence, last=None)
    unchanged = progress.step.index > STARTING and same(
        progress.routed.traffic, observation.traffic
    )
    begun = progress.routed.since is None or (
        evidence.last is not None and evidence.last.at >= progress.routed.since
    )
    pods = _pods(rollout, observation)
    gathered = absorb(
        evidence,
        scrape,
        stable=rollout.base,
        candidate=rollout.candidate,
        cold=cold(evidence.warmth, pods),
        unlike=unlike(pods),
        toward_pass=observation.up(rollout.base),
        comparable=unchanged and begun and observation.traffic is not None,
        mirrored=rollout.strategy.kind is Kind.SHADOW,
        noise_window=rollout.strategy.noise_window,
    )
    counted = answers(evidence.last, scrape, (rollout.base, rollout.candidate))
    warmth = warmed(evidence.warmth, pods, counted)
    gathered = replace(gathered, warmth=warmth)
    progress = exposure.counted(rollout, progress, evidence.last, scrape)
    return replace(progress, analysis=replace(progress.analysis, evidence=gathered))


def _pods(rollout: Rollout, observation: Observation) -> tuple[Pods, ...]:
    """The ready pods of both revisions, and the share of the requests that each revision gets by
    chance: one that is chosen by header has none."""
    traffic = observation.traffic or Traffic(())
    base = rollout.base
    candidate = rollout.candidate
    share = traffic.percent(candidate) or traffic.mirrored(candidate)
    return (
        _pods_of(observation, base, traffic.percent(base)),
        _pods_of(observation, candidate, share),
    )


def _pods_of(observation: Observation, revision: int, share: int) -> Pods:
    live = observation.of(revision)
    if live is None:
        return Pods(revision, 0)
    return Pods(revision, live.ready, live.youngest, share)

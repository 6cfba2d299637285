"""From stored samples to the series that charts are drawn from. Pure: no store, no clock."""

import math
from collections.abc import Sequence

from tidegate.core.bands import difference
from tidegate.core.evalues import Block
from tidegate.core.intent import Intent
from tidegate.core.sampling import CandidateShare, MetricSample, PodSample, RolloutSample
from tidegate.core.thinning import spread
from tidegate.core.traffic import Traffic, desired, same
from tidegate.deployment_service import statuses
from tidegate.schemas import responses as out
from tidegate.store.samples import IntentSince, RoutedSince
from tidegate.store.values import StoredRollout

LN10 = math.log(10)
NOTHING = CandidateShare(0)
DIGITS = 4  # of a logarithm: charts need no more


def of_rollout(
    stored: StoredRollout,
    samples: Sequence[RolloutSample],
    points: int,
    metric: str | None = None,
) -> out.SeriesOut:
    """A rollout's series, at most `points` samples long, those at which something changed before
    the others. metric: only this one."""
    changes = frozenset(
        position for position, sample in enumerate(samples) if sample.place.number is None
    )
    chosen = [samples[position] for position in spread(len(samples), points, changes)]
    alpha = stored.rollout.strategy.alpha
    return out.SeriesOut(
        rollout_id=stored.rollout.id,
        kept=len(samples),
        confidence=1 - alpha,
        shares=[_shares(sample) for sample in chosen],
        metrics=[
            _metric(name, chosen, alpha)
            for name in _names([each for sample in chosen for each in sample.metrics])
            if metric is None or name == metric
        ],
        pods=[
            _pods(name, chosen)
            for name in _names([each for sample in chosen for each in sample.pods])
            if metric is None or name == metric
        ],
    )


def _names(metrics: Sequence[MetricSample | PodSample]) -> tuple[str, ...]:
    """Each metric once, in the order of the samples."""
    return tuple(dict.fromkeys(each.metric for each in metrics))


def _shares(sample: RolloutSample) -> out.ShareSampleOut:
    total = sample.split.candidate.n + sample.split.stable.n
    target = sample.desired or NOTHING
    plain = not target.matched and not target.mirror
    measured = None
    if total and plain:
        measured = round(100 * sample.split.candidate.n / total, 2)
    return out.ShareSampleOut(
        at=statuses.at(sample.at),
        step=sample.step,
        desired_percent=_percent(sample.desired),
        routed_percent=_percent(sample.routed),
        mirror_percent=target.mirror,
        matched=target.matched,
        measured_percent=measured,
        measured_requests=total,
    )


def _percent(share: CandidateShare | None) -> int | None:
    if share is None:
        return None
    return share.percent


def _metric(name: str, samples: Sequence[RolloutSample], alpha: float) -> out.MetricSeriesOut:
    taken = [(sample, each) for sample in samples for each in sample.metrics if each.metric == name]
    last = taken[-1][1]
    objective = None
    if last.mean is not None:
        objective = last.mean.objective
    return out.MetricSeriesOut(
        metric=name,
        log10_threshold_fail=log10(last.threshold_fail),
        log10_threshold_pass=log10(last.threshold_pass),
        mean_objective=objective,
        samples=[_evidence(sample, each, alpha) for sample, each in taken],
    )


def _evidence(sample: RolloutSample, each: MetricSample, alpha: float) -> out.EvidenceSampleOut:
    low, high = interval(each.step, alpha)
    means: tuple[float | None, float | None] = (None, None)
    if each.mean is not None:
        means = (each.mean.candidate, each.mean.stable)
    return out.EvidenceSampleOut(
        at=statuses.at(sample.at),
        step=sample.step,
        verdict=each.verdict,
        candidate_requests=each.step.candidate.n,
        candidate_bad=each.step.candidate.bad,
        stable_requests=each.step.stable.n,
        stable_bad=each.step.stable.bad,
        exposed_requests=each.rollout.candidate.n,
        log10_e_fail=log10(each.log_e_fail),
        log10_e_pass=log10(each.log_e_pass),
        difference_low=low,
        difference_high=high,
        candidate_mean=means[0],
        stable_mean=means[1],
    )


def _pods(name: str, samples: Sequence[RolloutSample]) -> out.PodSeriesOut:
    taken = [(sample, each) for sample in samples for each in sample.pods if each.metric == name]
    return out.PodSeriesOut(
        metric=name,
        allowed=taken[-1][1].allowed,
        samples=[
            out.PodSampleOut(
                at=statuses.at(sample.at),
                step=sample.step,
                verdict=each.verdict,
                candidate=each.candidate,
                stable=each.stable,
            )
            for sample, each in taken
        ],
    )


def log10(natural: float) -> float:
    """A natural logarithm as a power of ten, as precisely as people read it."""
    return round(natural / LN10, DIGITS)


def interval(step: Block, alpha: float) -> tuple[float, float]:
    """How much worse the candidate's share of bad requests is than stable's, at least and at
    most."""
    low, high = difference(step.candidate, step.stable, alpha)
    return round(low, DIGITS), round(high, DIGITS)


def traffic(
    since: float,
    until: float,
    intents: Sequence[IntentSince],
    routed: Sequence[RoutedSince],
    limit: int,
) -> out.TrafficHistoryOut:
    """Every change of what is desired or routed between two times (epoch seconds), the newest
    `limit` of them."""
    changes = [*(each.at for each in intents), *(each.at for each in routed)]
    times = sorted({max(at, since) for at in changes})
    items: list[out.TrafficSinceOut] = []
    before: tuple[Traffic | None, Traffic | None] | None = None
    for at in times:
        intent = next((each.intent for each in reversed(intents) if each.at <= at), None)
        route = next((each.traffic for each in reversed(routed) if each.at <= at), None)
        target = _desired(intent)
        if before is not None and same(before[0], target) and same(before[1], route):
            continue
        before = (target, route)
        generation = None
        if intent is not None:
            generation = intent.generation
        items.append(
            out.TrafficSinceOut(
                at=statuses.at(at),
                generation=generation,
                desired=statuses.traffic(target),
                routed=statuses.traffic(route),
            )
        )
    more = len(items) > limit or limit in (len(intents), len(routed))
    return out.TrafficHistoryOut(
        since=statuses.at(since),
        until=statuses.at(until),
        items=items[-limit:],
        truncated=more,
    )


def _desired(intent: Intent | None) -> Traffic | None:
    if intent is None:
        return None
    return desired(intent)

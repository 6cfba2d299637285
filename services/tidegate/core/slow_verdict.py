"""The verdict on latency where every bucket of the histogram is compared."""

import math

from tidegate.core import slowness
from tidegate.core.evalues import Arm
from tidegate.core.verdicts import MetricVerdict, Track, Verdict, power

# The part of a rollout's alpha that a gross slowdown may abort by, where slowness only pauses
GROSS_ALPHA = 0.1


def verdict(track: Track, alpha: float, alpha_gross: float) -> MetricVerdict:
    """It can fail and not pass. alpha: of a fail, which needs a size that matters beside it.
    alpha_gross: of a gross slowdown, which aborts where the metric's fail pauses."""
    slow = track.slowness
    log_e = slowness.log_e(slow)
    at_fail = math.log(1 / alpha)
    gross = slowness.is_gross(slow) and log_e >= math.log(1 / alpha_gross)
    significant = log_e >= at_fail and slowness.matters(slow)
    fails = gross or (significant and not slow.accepted)
    counts = slowness.counts(slow)
    verdict = Verdict.UNDECIDED
    if fails:
        verdict = Verdict.FAIL
    return MetricVerdict(
        track.metric,
        verdict,
        counts,
        counts,
        log_e,
        0.0,
        at_fail,
        0.0,
        0,
        None,
        None,
        _message(track, gross=gross, significant=significant),
        gross,
    )


def _message(track: Track, *, gross: bool, significant: bool) -> str:
    slow = track.slowness
    bucket = slowness.worst(slow)
    kind = track.metric.kind.value
    if bucket is None or not bucket.block.candidate.n:
        return f"{kind}: {track.trouble or 'the candidate has not answered yet'}"
    ours = _above(bucket.bound, bucket.block.candidate)
    seen = f"{kind}: candidate {ours}, stable {_of(bucket.block.stable)}"
    sure = f"(e = {power(slowness.log_e(slow))})"
    if gross:
        return f"{seen}: most of its answers take {slowness.GROSS_FACTOR:g} times as long {sure}"
    if significant and slow.accepted:
        return f"{seen}: slower than stable, which a resume has accepted"
    if significant:
        return f"{seen}: slower than stable {sure}"
    if track.trouble:
        return f"{seen}: not shown to be slower; {track.trouble}"
    return f"{seen}: not shown to be slower than stable"


def _above(bound: float, arm: Arm) -> str:
    return f"{_of(arm)} above {bound:g} ms"


def _of(arm: Arm) -> str:
    return f"{arm.bad} of {arm.n} ({100 * arm.rate:.1f} %)"

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
    gross = log_e >= math.log(1 / alpha_gross) and slowness.is_gross(slow)
    significant = log_e >= at_fail and slowness.matters(slow)
    fails = gross or (significant and not slow.accepted)
    bucket = slowness.worst(slow)
    counts = slowness.counts(slow, bucket)
    verdict = Verdict.UNDECIDED
    if fails:
        verdict = Verdict.FAIL
    if bucket is None or not counts.candidate.n:
        message = track.trouble or "the candidate has not answered yet"
    else:
        ours = _above(bucket.bound, counts.candidate)
        proof = _proof(track, log_e, gross=gross, significant=significant)
        message = f"candidate {ours}, stable {_of(counts.stable)}: {proof}"
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
        f"{track.metric.kind.value}: {message}",
        gross,
    )


def _proof(track: Track, log_e: float, *, gross: bool, significant: bool) -> str:
    """What the evidence says, for people."""
    sure = f"(e = {power(log_e)})"
    if gross:
        return f"most of its answers take {slowness.GROSS_FACTOR:g} times as long {sure}"
    if significant and track.slowness.accepted:
        return "slower than stable, which a resume has accepted"
    if significant:
        return f"slower than stable {sure}"
    if track.trouble:
        return f"not shown to be slower; {track.trouble}"
    return "not shown to be slower than stable"


def _above(bound: float, arm: Arm) -> str:
    return f"{_of(arm)} above {bound:g} ms"


def _of(arm: Arm) -> str:
    return f"{arm.bad} of {arm.n} ({100 * arm.rate:.1f} %)"

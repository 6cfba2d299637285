"""The verdict on a metric of people's own. Pure."""

import math
from dataclasses import replace

from tidegate.core.own import mean
from tidegate.core.own.readings import Mean
from tidegate.core.own.spec import BurnRate, Own
from tidegate.core.verdicts import MetricVerdict, Track, Verdict, lasts, power
from tidegate.core.verdicts import verdict as of_shares
from tidegate.core.windows import NOISE_WINDOW, seconds_to_pass


def verdict(
    track: Track, alpha_fail: float, alpha_pass: float, noise_window: float = NOISE_WINDOW
) -> MetricVerdict:
    """The verdict on a metric of people's own. alpha_fail: its part of the rollout's alpha.

    One that cannot be read now passes nothing, whatever was read before. A burn rate fails only
    while every one of its windows burns.
    """
    own = track.metric.own
    assert own is not None
    result = of_shares(track, alpha_fail, alpha_pass, noise_window)
    if track.trouble and result.verdict is Verdict.PASS:
        result = _undecided(result, f"{own.name}: {track.trouble}")
    if own.is_mean:
        return _of_mean(track, own, result, noise_window)
    if own.burn is not None:
        return _of_burn(track, own.burn, result)
    return result


def _undecided(result: MetricVerdict, message: str) -> MetricVerdict:
    return replace(result, verdict=Verdict.UNDECIDED, message=message)


def _of_burn(track: Track, burn: BurnRate, result: MetricVerdict) -> MetricVerdict:
    burns = [window.above(burn.share) for window in track.own.burning]
    if result.verdict is not Verdict.FAIL:
        return result
    rate = f"{burn.factor:g} times the budget of {100 * (1 - burn.objective):g} %"
    if all(burns):
        return replace(result, message=f"{result.message}; {rate} is used in every window")
    calm = [lasts(window.seconds) for window in track.own.burning if not window.above(burn.share)]
    message = f"{result.message}; but below {rate} in the last {' and '.join(calm)}"
    return _undecided(result, message)


def _of_mean(track: Track, own: Own, result: MetricVerdict, noise_window: float) -> MetricVerdict:
    """Its counts are requests of which none is bad, so its line and its forecast are its own."""
    seconds = None
    if result.verdict is Verdict.UNDECIDED and not track.trouble:
        seconds = _seconds_to_pass(track, own, result.threshold_pass, noise_window)
    objective = (track.metric.objective or 0.0) * own.most
    of_step = Mean(track.own.ours.mean, track.own.theirs.mean, objective, own.most)
    message = _message(track, of_step, result, seconds)
    return replace(result, requests_more=None, seconds_more=seconds, message=message, mean=of_step)


def _seconds_to_pass(track: Track, own: Own, threshold: float, noise_window: float) -> float | None:
    """Until a pass, if values stay as they are in this step."""
    seen = track.own.ours
    if seen.mean is None:
        return None
    value = min(seen.mean, own.most) / own.most
    more = mean.values_to(track.passing, track.metric.pass_test, threshold, value)
    if more is None:
        return None
    least = seconds_to_pass(track.passing.window, threshold, track.step.seconds, noise_window)
    return max(math.ceil(more) * track.step.seconds / seen.count, least)


def _message(track: Track, seen: Mean, result: MetricVerdict, seconds: float | None) -> str:
    name = track.metric.label
    if track.trouble and result.verdict is not Verdict.FAIL:
        return f"{name}: {track.trouble}"
    if seen.candidate is None and result.verdict is not Verdict.FAIL:
        return f"{name}: no interval with a value in this step yet"
    values = (
        f"{name}: candidate {_shown(seen.candidate)}, stable {_shown(seen.stable)}, "
        f"objective {seen.objective:g}"
    )
    match result.verdict:
        case Verdict.FAIL:
            alpha = 100 * math.exp(-result.threshold_fail)
            sure = f"at alpha {alpha:.3g} % (e = {power(track.fail.log_e)})"
            return f"{values}: above the objective {sure}"
        case Verdict.PASS:
            return f"{values}: below the objective (e = {power(track.passing.log_e)})"
        case Verdict.UNDECIDED:
            return f"{values}: {_lacks(track, result, seconds)}"


def _lacks(track: Track, result: MetricVerdict, seconds: float | None) -> str:
    lacks = "no pass in sight: too close to the objective or above it"
    if seconds is not None:
        lacks = f"about {lasts(seconds)} more to pass"
    if result.min_requests_more:
        lacks += f"; {result.min_requests_more} more to the minimum of {track.metric.min_requests}"
    return lacks


def _shown(mean: float | None) -> str:
    if mean is None:
        return "unknown"
    return f"{mean:.4g}"

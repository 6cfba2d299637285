"""Verdicts: how one metric stands (`Track`), and the answer that this gives, in numbers and in one
line."""

import math
from dataclasses import dataclass, field, replace
from enum import StrEnum

from tidegate.core.analysis import Metric, MetricKind
from tidegate.core.evalues import Arm, Block
from tidegate.core.noise import Noise, observed, spread
from tidegate.core.on_fail import OnFail
from tidegate.core.own.readings import Mean, Measured, OwnTrack
from tidegate.core.scrapes import Between
from tidegate.core.sequential import Wealth, advance, requests_to, restart
from tidegate.core.slowness import Slowness
from tidegate.core.windows import NOISE_WINDOW, seconds_to_pass, window_of

# imagined candidate answers at stable's rate, so that the first few do not decide a forecast
_SHRINK = 200
# requests are enough where windows take that much longer than they
_ENOUGH = 2.0


class Verdict(StrEnum):
    """The closed set of verdicts on a metric."""

    PASS = "pass"  # noqa: S105 (not a password)
    FAIL = "fail"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Track:
    """How one metric stands. fail: over the rollout. passing: over the step. step, rollout: totals
    for people, for `min_requests` and for forecasts, never for a test. trouble: why the last scrape
    said nothing. noise: of stable against itself. slowness: where every bucket is compared. own:
    what is remembered of a metric of people's own."""

    metric: Metric
    fail: Wealth = field(default_factory=Wealth)
    passing: Wealth = field(default_factory=Wealth)
    step: Block = field(default_factory=Block)
    rollout: Block = field(default_factory=Block)
    torn: int = 0
    trouble: str = ""
    noise: Noise = field(default_factory=Noise)
    slowness: Slowness = field(default_factory=Slowness)
    own: OwnTrack = field(default_factory=OwnTrack)


def take(
    track: Track,
    candidate: Between,
    stable: Between,
    seconds: float,
    toward_pass: bool,
    noise_window: float = NOISE_WINDOW,
) -> Track:
    """One track after one interval of `seconds`. Each test is told all that may have been lost
    (`losses`), people what is sure."""
    block, *others = (
        Block(ours, theirs, seconds) for ours in candidate.possible for theirs in stable.possible
    )
    track = weigh(track, block, toward_pass, *others, noise_window=noise_window)
    trouble = candidate.missing or stable.missing
    torn = stable.torn + candidate.torn
    if not torn and trouble == track.trouble:
        return track
    return replace(track, torn=track.torn + torn, trouble=trouble)


def weigh(
    track: Track,
    block: Block,
    toward_pass: bool,
    *others: Block,
    noise_window: float = NOISE_WINDOW,
) -> Track:
    """One track after one block. Where one revision has no answers, a comparison does not move; a
    fixed objective, which does not look at stable, does. others: what the block may have been.

    others: what the block may have been. noise_window: seconds. Windows begin at multiples of it:
    toward fail of the evidence of the rollout, toward pass of that of the step. The intervals of an
    experiment are its owner's, and may each be longer, so that no window limits it.
    """
    metric = track.metric
    window = _window(metric, track.rollout, noise_window)
    noise = track.noise
    if window is not None:
        noise = observed(noise, window, block.stable)
    fail = advance(
        track.fail, metric.fail_test, block, *others, window=window, spread=spread(noise)
    )
    passing = track.passing
    step = track.step
    if metric.can_pass and toward_pass:
        window = _window(metric, step, noise_window)
        passing = advance(passing, metric.pass_test, block, *others, window=window)
    if toward_pass or not metric.can_pass:
        step = step + block
    rollout = track.rollout + block
    return replace(track, fail=fail, passing=passing, step=step, rollout=rollout, noise=noise)


def _window(metric: Metric, before: Block, noise_window: float) -> int | None:
    if metric.kind is MetricKind.EXPERIMENT:
        return None
    return window_of(before.seconds, noise_window)


def restarted(track: Track) -> Track:
    """The track at the start of a step."""
    passing = restart(track.passing, track.metric.pass_test)
    own = replace(track.own, ours=Measured(), theirs=Measured(), answers=0)
    return replace(track, passing=passing, step=Block(), own=own)


@dataclass(frozen=True, slots=True)
class MetricVerdict:
    """The verdict on one metric.

    log_e_*, threshold_*: natural logarithms; an answer holds where its e reached its threshold (and
    `min_requests`). min_requests_more: candidate answers still missing for no-fail to count.
    requests_more: candidate answers that `pass` about needs at the present rates, 0 where they are
    enough and only more windows are needed, None when it is not expected to come. seconds_more:
    until then, at the present request rate. message: one line for people. gross: a fail that aborts
    whatever `on_fail` says. mean: of a metric that is one; its blocks hold no bad answers then.
    """

    metric: Metric
    verdict: Verdict
    step: Block
    rollout: Block
    log_e_fail: float
    log_e_pass: float
    threshold_fail: float
    threshold_pass: float
    min_requests_more: int
    requests_more: int | None
    seconds_more: float | None
    message: str
    gross: bool = False
    mean: Mean | None = None

    @property
    def consequence(self) -> OnFail:
        """What follows from a fail."""
        if self.gross:
            return OnFail.ABORT
        return self.metric.consequence


def verdict(
    track: Track, alpha_fail: float, alpha_pass: float, noise_window: float = NOISE_WINDOW
) -> MetricVerdict:
    """The verdict on a metric. alpha_fail: its part of the rollout's alpha. noise_window: seconds,
    for the forecast."""
    at_fail = math.log(1 / alpha_fail)
    at_pass = math.log(1 / alpha_pass)
    fail = track.fail.log_e
    passing = track.passing.log_e
    min_requests_more = 0
    if track.metric.can_pass:
        min_requests_more = max(0, track.metric.min_requests - track.step.candidate.n)
    if fail >= at_fail:
        verdict = Verdict.FAIL
    elif track.metric.can_pass and passing >= at_pass and not min_requests_more:
        verdict = Verdict.PASS
    else:
        verdict = Verdict.UNDECIDED
    forecast = Forecast(0, 0.0)
    if verdict is not Verdict.PASS:
        forecast = _forecast(track, at_pass, min_requests_more, noise_window)
    message = _message(track, verdict, alpha_fail, min_requests_more, forecast)
    return MetricVerdict(
        track.metric,
        verdict,
        track.step,
        track.rollout,
        fail,
        passing,
        at_fail,
        at_pass,
        min_requests_more,
        forecast.requests,
        forecast.seconds,
        message,
    )


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a pass still needs: candidate requests and seconds; None where it is not expected to
    come. windows: the length in seconds of the windows that it waits for, where requests are
    enough."""

    requests: int | None = None
    seconds: float | None = None
    windows: float = 0.0


def _forecast(
    track: Track, threshold: float, min_requests_more: int, noise_window: float
) -> Forecast:
    """Until pass, at the rates and the split of the step."""
    step = track.step
    kinds = step.candidate.n + step.stable.n
    comparable = track.metric.objective is not None or step.stable.n > 0
    if not (track.metric.can_pass and step.candidate.n and comparable):
        return Forecast()
    stable = (step.stable.bad + 0.5) / (step.stable.n + 1)
    toward = stable
    if track.metric.objective is not None:
        toward = track.metric.objective / 2
    candidate = (step.candidate.bad + _SHRINK * toward) / (step.candidate.n + _SHRINK)
    share = step.candidate.n / kinds
    need = requests_to(track.passing, track.metric.pass_test, threshold, (stable, candidate), share)
    if need is None:
        return Forecast()
    more = max(math.ceil(need), min_requests_more, 1)
    seconds = more * step.seconds / step.candidate.n
    least = _least_seconds(track, threshold, noise_window)
    if least > _ENOUGH * seconds and not min_requests_more:
        return Forecast(0, least, noise_window)
    return Forecast(more, max(seconds, least))


def _least_seconds(track: Track, threshold: float, noise_window: float) -> float:
    """Until a pass, as far as windows limit it."""
    if track.metric.kind is MetricKind.EXPERIMENT:
        return 0.0
    return seconds_to_pass(track.passing.window, threshold, track.step.seconds, noise_window)


def _message(
    track: Track,
    verdict: Verdict,
    alpha: float,
    min_requests_more: int,
    forecast: Forecast,
) -> str:
    metric = track.metric
    kind = metric.label
    if track.trouble and verdict is Verdict.UNDECIDED:
        return f"{kind}: {track.trouble}"
    counts = track.rollout if verdict is Verdict.FAIL else track.step
    units = metric.kind is MetricKind.EXPERIMENT
    phrase = _successes if units else _of
    seen = f"{kind}: candidate {phrase(counts.candidate)}, stable {phrase(counts.stable)}"
    torn = ""
    if track.torn:
        torn = f"; {track.torn} torn readings cut down"
    beside = "the objective" if metric.objective is not None else "stable"
    if verdict is Verdict.FAIL:
        sure = f"at alpha {100 * alpha:.3g} % (e = {power(track.fail.log_e)})"
        return f"{seen}: worse than {beside} {sure}{torn}"
    if verdict is Verdict.PASS:
        return f"{seen}: {_edge(metric)} (e = {power(track.passing.log_e)}){torn}"
    if not counts.candidate.n and units:
        return f"{kind}: no interval with counts of both revisions in this step yet: post them as evidence"
    if not counts.candidate.n:
        return f"{kind}: the candidate has not answered in this step{torn}"
    if not metric.can_pass:
        return f"{seen}: not shown to be worse than {beside}{torn}"
    min_requests = ""
    if min_requests_more:
        min_requests = f"; {min_requests_more} more to the minimum of {metric.min_requests}"
    lacks = _lacks(track, forecast)
    return f"{seen}: {lacks}{min_requests}{torn}"


def _lacks(track: Track, forecast: Forecast) -> str:
    """What a pass still needs, for people."""
    if forecast.requests is None:
        return _no_end(track)
    time = lasts(forecast.seconds)
    if forecast.windows:
        return f"enough requests, {time} more: no window of {forecast.windows:g} s decides alone"
    if track.metric.kind is MetricKind.EXPERIMENT:
        lacks = f"{forecast.requests} more candidate units to pass"
    else:
        lacks = f"{forecast.requests} more candidate requests to pass"
    return f"about {lacks} ({time} at the present rate)"


def _edge(metric: Metric) -> str:
    """What a pass has shown. An experiment counts successes, so its side is the other one."""
    if metric.objective is not None:
        return "below the objective"
    points = 100 * metric.pass_margin
    if metric.kind is not MetricKind.EXPERIMENT:
        return f"below stable + {points:g} points"
    if not points:
        return "above stable"
    return f"above stable {'-' if points > 0 else '+'} {abs(points):g} points"


def _no_end(track: Track) -> str:
    """Why `pass` is not expected to come."""
    metric = track.metric
    if metric.objective is not None:
        return f"no pass in sight: too close to the objective of {100 * metric.objective:g} % or above it"
    if not track.step.stable.n:
        return "no pass in sight: stable has not answered in this step, so there is nothing to compare with"
    if metric.kind is MetricKind.EXPERIMENT:
        return f"no pass in sight: not clearly {_edge(metric)}"
    return (
        f"no pass in sight: too close to stable + {100 * metric.pass_margin:g} points or above it"
    )


def _successes(arm: Arm) -> str:
    good = arm.n - arm.bad
    return f"{good} of {arm.n} succeeded ({100 * good / arm.n if arm.n else 0:.2f} %)"


def _of(arm: Arm) -> str:
    return f"{arm.bad} of {arm.n} ({100 * arm.rate:.1f} %)"


def power(log_e: float) -> str:
    """e as people read it, also where it is too large for a float."""
    exponent = math.floor(log_e / math.log(10))
    if exponent < 300:
        return f"{math.exp(log_e):.2g}"
    return f"1e{exponent}"


def lasts(seconds: float | None) -> str:
    """A time as people read it, None as one without an end."""
    if seconds is None:
        return "no end"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02d}m"
    if minutes:
        return f"{minutes}m{rest:02d}s"
    return f"{rest}s"


def overall(verdicts: tuple[MetricVerdict, ...]) -> Verdict:
    """One answer for all: fail where one fails that aborts, pass where all pass that are waited
    for; no metric is undecided."""
    aborts = [each for each in verdicts if each.consequence is OnFail.ABORT]
    if any(each.verdict is Verdict.FAIL for each in aborts):
        return Verdict.FAIL
    can_pass = [each for each in verdicts if each.metric.can_pass]
    waited_for = [each for each in can_pass if each.metric.waited_for]
    if can_pass and all(each.verdict is Verdict.PASS for each in waited_for):
        return Verdict.PASS
    return Verdict.UNDECIDED

"""The default canary, made from what was measured: how many requests come, and how many of stable's
answers are bad. Pure.

Three wishes, in this order. What the candidate answers before a verdict stays within
`max_exposed_requests`, expected to be half of it at most, because a pass needs up to twice what is
expected in one of ten rollouts. The first step's minimum of requests comes within `SOON`. Promotion
comes early.

So the step that asks for a pass need not be the last. With many requests it stands at a small
percent: a pass takes some windows of time there as everywhere (`windows`), and exposes a tenth.
The steps after it are about load, with a verdict behind them. With few requests the small percents
are left out: nothing would come there for hours.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tidegate.core import bounds
from tidegate.core.analysis import MetricKind
from tidegate.core.duration import lasts
from tidegate.core.forecast import step_seconds
from tidegate.core.intent import CandidateTraffic
from tidegate.core.load import Rates
from tidegate.core.strategy import CANARY_PERCENTS, Step, Strategy, Until

PASS_PERCENTS = (1, 2, 5, 10, 25, 50)  # where a pass may stand
SOON = 600.0  # seconds within which a step's minimum comes
# Candidate requests without a verdict, where nobody says how many. A candidate that is worse by the
# default margin of one point fails a hundred of them more than stable would; a pass at a base of
# 2 % needs about as many in one of ten rollouts. Where the base is so high, or requests so many,
# that a pass needs more, it is what a pass needs.
MAX_EXPOSED = 10_000
_SLACK = 2.0  # what a pass may need of what is expected
_SHARES = (
    2.0  # what a pass needs at 50 % of what it needs at 1 %, where stable's rate is known well
)
_CLOSE = 1.1  # times within that of the shortest are as good


@dataclass(frozen=True, slots=True)
class Ladder:
    """The steps of a canary, and what is known of them.

    seconds: about how long each takes, None where that is unknown. exposed: candidate requests that
    are expected until a verdict, None where that is unknown. max_exposed: the most that the
    controller allows, None: no limit. because: why these steps, for people. warnings: what they
    cannot keep.
    """

    steps: tuple[Step, ...]
    seconds: tuple[float | None, ...]
    because: str
    exposed: float | None = None
    max_exposed: int | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Option:
    """One way to climb. percent: of the step that asks for a pass. passes: its seconds. total: of
    all steps."""

    percent: int
    steps: tuple[Step, ...]
    exposed: float
    passes: float
    total: float


def ladder(plan: Strategy, rates: Rates, max_exposed: int | None = None) -> Ladder:
    """The ladder of a canary. plan: its metrics, alpha, windows and the bake of its first step.
    max_exposed: as asked for; None: by default. Where no rate was measured it is the default
    ladder, and nothing is forecast."""
    rate = rates.requests_per_second
    if rate is None:
        return _by_default(plan, rates, max_exposed, "no request rate was measured")
    if not rate:
        return _by_default(plan, rates, max_exposed, "no request was counted lately")
    if rates.error_rate is None:
        known = f"{rate:g} requests/s, no error rate was measured"
        return _by_default(plan, rates, max_exposed, known)
    first = first_percent(plan, rate)
    possible = (_option(plan, rates, percent) for percent in PASS_PERCENTS if percent >= first)
    options = [option for option in possible if option is not None]
    if not options:
        known = f"{_measured(rates)}: no pass is expected at that"
        return _by_default(plan, rates, max_exposed, known)
    return _made(plan, rates, options, max_exposed)


def following_traffic(plan: Strategy, made: Ladder, *, data_given: bool = False) -> Strategy:
    """The plan with a made ladder. data_given: its data deadline was asked for; else a step that
    takes long may wait twice as long as it is expected to take."""
    deadlines = plan.deadlines
    longest = max((seconds for seconds in made.seconds if seconds is not None), default=0.0)
    if not data_given:
        waits = min(_SLACK * longest, float(bounds.DATA_DEADLINE.le or 0))
        deadlines = replace(deadlines, data=max(deadlines.data, waits))
    return replace(
        plan,
        steps=made.steps,
        max_exposed=made.max_exposed,
        because=made.because,
        deadlines=deadlines,
    )


def _by_default(plan: Strategy, rates: Rates, max_exposed: int | None, known: str) -> Ladder:
    bake = plan.steps[0].bake
    last = CANARY_PERCENTS[-1]
    steps = tuple(_step(percent, bake, until_pass=percent == last) for percent in CANARY_PERCENTS)
    seconds = tuple(step_seconds(plan, step, rates) for step in steps)
    return Ladder(steps, seconds, f"{known}: the default steps", max_exposed=max_exposed)


def first_percent(plan: Strategy, rate: float) -> int:
    """The least percent at which a step's minimum of requests comes within `SOON`; the largest
    where none does."""
    for percent in PASS_PERCENTS:
        if minimum_seconds(plan, rate, percent) <= SOON:
            return percent
    return PASS_PERCENTS[-1]


def minimum_seconds(plan: Strategy, rate: float, percent: int) -> float:
    """Seconds until the candidate has the minimum of requests of every metric."""
    needs = [metric.min_requests for metric in plan.metrics if metric.waited_for]
    return max(needs, default=0) / (rate * percent / 100)


def _option(plan: Strategy, rates: Rates, percent: int) -> _Option | None:
    """The ladder whose pass stands at this percent; None where none is expected there."""
    assert rates.requests_per_second is not None
    first = first_percent(plan, rates.requests_per_second)
    before = [each for each in CANARY_PERCENTS if first <= each < percent]
    after = [each for each in CANARY_PERCENTS if each > percent]
    bake = plan.steps[0].bake
    steps = [_step(each, bake) for each in before]
    steps += [_step(percent, bake, until_pass=True)]
    steps += [_step(each, bake) for each in after]
    times = [_seconds(plan, step, rates) for step in steps]
    known = [seconds for seconds in times if seconds is not None]
    if len(known) != len(times):
        return None
    until_verdict = len(before) + 1
    exposed = sum(
        seconds * rates.requests_per_second * step.candidate_traffic.percent / 100
        for step, seconds in zip(steps[:until_verdict], known, strict=False)
    )
    return _Option(percent, tuple(steps), exposed, known[len(before)], sum(known))


def _seconds(plan: Strategy, step: Step, rates: Rates) -> float | None:
    """About how long a step takes by errors alone: of other metrics no base is measured, and steps
    have to be chosen all the same."""
    errors = tuple(metric for metric in plan.metrics if metric.kind is MetricKind.ERRORS)
    return step_seconds(replace(plan, metrics=errors), step, rates)


def _made(
    plan: Strategy, rates: Rates, options: Sequence[_Option], max_exposed: int | None
) -> Ladder:
    least = min(options, key=lambda option: option.exposed)
    most = max_exposed
    if most is None:
        most = max(MAX_EXPOSED, _rounded_up(_SLACK * _SHARES * least.exposed))
    chosen = least
    fits = [option for option in options if _SLACK * option.exposed <= most]
    if fits:
        shortest = min(option.total for option in fits)
        early = [option for option in fits if option.total <= _CLOSE * shortest]
        chosen = min(early, key=lambda option: option.exposed)
    seconds = tuple(step_seconds(plan, step, rates) for step in chosen.steps)
    return Ladder(
        chosen.steps,
        seconds,
        _because(plan, rates, chosen),
        chosen.exposed,
        most,
        _warnings(plan, rates, chosen, most),
    )


def _because(plan: Strategy, rates: Rates, chosen: _Option) -> str:
    """`12 requests/s, 0.4 % errors: 20 requests come in 2m47s at 1 %, a pass …`."""
    assert rates.requests_per_second is not None
    rate = rates.requests_per_second
    first = chosen.steps[0].candidate_traffic.percent
    needs = max((metric.min_requests for metric in plan.metrics if metric.waited_for), default=0)
    comes = lasts(math.ceil(minimum_seconds(plan, rate, first)))
    requests = chosen.passes * rate * chosen.percent / 100
    return (
        f"{_measured(rates)}: {needs:,} requests come in about {comes} at {first} %, a pass in "
        f"about {lasts(chosen.passes)} at {chosen.percent} % ({round(requests):,} requests)"
    )


def _measured(rates: Rates) -> str:
    assert rates.error_rate is not None
    return f"{rates.requests_per_second:g} requests/s, {100 * rates.error_rate:.2g} % errors"


def _warnings(plan: Strategy, rates: Rates, chosen: _Option, most: int) -> tuple[str, ...]:
    assert rates.requests_per_second is not None
    lines = []
    first = chosen.steps[0].candidate_traffic.percent
    comes = minimum_seconds(plan, rates.requests_per_second, first)
    if comes > SOON:
        lines.append(
            f"the minimum of requests of a step comes only after about {lasts(comes)}, even at "
            f"{first} %: a time box (time_box_seconds) or the preset low-traffic needs fewer"
        )
    if chosen.exposed > most:
        lines.append(_cannot_pass(chosen.exposed, most))
    return tuple(lines)


def exposure_beyond(plan: Strategy, rates: Rates) -> str | None:
    """That a plan is not expected to pass within its limit, and what helps; None where it is, or
    nobody can tell."""
    if plan.max_exposed is None or not rates.requests_per_second:
        return None
    exposed = 0.0
    for step in plan.steps:
        if step.until is Until.APPROVAL:
            return None
        seconds = _seconds(plan, step, rates)
        if seconds is None:
            return None
        exposed += seconds * rates.requests_per_second * step.candidate_traffic.percent / 100
        if step.until is Until.PASS:
            break
    if exposed <= plan.max_exposed:
        return None
    return _cannot_pass(exposed, plan.max_exposed)


def _cannot_pass(exposed: float, most: int) -> str:
    return (
        f"a pass is expected after about {round(exposed):,} requests of the candidate, and "
        f"max_exposed_requests is {most:,}: the rollout pauses there; raise it, widen pass_margin, "
        "or set a time box (time_box_seconds)"
    )


def _step(percent: int, bake: float, *, until_pass: bool = False) -> Step:
    until = Until.NO_FAIL
    if until_pass:
        until = Until.PASS
    return Step(CandidateTraffic(percent=percent), until, bake)


def _rounded_up(value: float) -> int:
    """At two digits, so that people can say it."""
    unit = int(10 ** max(math.floor(math.log10(value)) - 1, 0))
    return math.ceil(value / unit) * unit

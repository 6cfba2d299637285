"""The end of a time box: what can be stated without a verdict, and who accepts it. Pure.

An approver accepts it by approving the step that is paused. `on_time_box: accept` accepts it by
itself, up to what the tenant's policy allowed when the rollout started. Whatever was accepted is
remembered with its bound, and is a line of the ledger.
"""

import math
from dataclasses import replace

from tidegate.core import endings, no_traffic, pauses, trial
from tidegate.core.commands import abort, approve, resume
from tidegate.core.duration import lasts
from tidegate.core.evidence import MetricVerdict
from tidegate.core.intent import EndpointKey
from tidegate.core.rollout import (
    NO_WAIT,
    Action,
    Decision,
    Note,
    Outcome,
    PauseKind,
    Progress,
    Rollout,
    WaitsFor,
    WouldHave,
)
from tidegate.core.strategy import Step, Strategy, Until
from tidegate.core.time_box import Accepted, OnTimeBox, TimeBox
from tidegate.core.turn import Turn

POLICY = "the tenant's policy"


def boxed(plan: Strategy, box: TimeBox | None) -> Strategy:
    """The plan with a time box: its metrics state their bounds."""
    if box is None:
        return plan
    metrics = tuple(replace(each, bounded=each.can_pass) for each in plan.metrics)
    return replace(plan, time_box=box, metrics=metrics)


def at_end(turn: Turn) -> Decision | None:
    """What the end of the present step's time box does; None where it has none, or time is left."""
    box = turn.rollout.strategy.time_box
    if box is None or not turn.overdue(WaitsFor.DATA, box.seconds):
        return None
    message = f"time box of {lasts(box.seconds)} over: {stated(turn)}"
    if box.then is OnTimeBox.ABORT:
        return endings.follow(endings.begin(turn, Outcome.ABORTED, message))
    if box.then is OnTimeBox.ACCEPT:
        message += f"; {_beyond(box)}"
    return pauses.pause(turn, PauseKind.TIME_BOX, f"{message}; {_advice(turn)}")


def _beyond(box: TimeBox) -> str:
    return f"the tenant's policy accepts at most {_points(box.most_points or 0.0)}"


def _advice(turn: Turn) -> str:
    return advice(turn.intent.key, turn.rollout, turn.progress)


def advice(key: EndpointKey, rollout: Rollout, progress: Progress) -> str:
    """What a person can do at the end of a time box."""
    box = rollout.strategy.time_box
    again = ""
    if box is not None:
        again = f" for {lasts(box.seconds)}"
    step = progress.step.index + 1
    return (
        f"`{approve(key, step)}` accepts that, `{resume(key)}` waits again{again}, "
        f"`{abort(key)}` ends it"
    )


def by_policy(turn: Turn, step: Step) -> Turn:
    """The turn in which the bound is accepted, where the plan and the tenant's policy say so."""
    plan = turn.rollout.strategy
    box = plan.time_box
    if box is None or box.then is not OnTimeBox.ACCEPT or box.most_points is None:
        return turn
    waits = step.until is not Until.APPROVAL and turn.overdue(WaitsFor.DATA, box.seconds)
    points = worst(turn.progress)
    # A trial moves as planned, and nobody accepts anything
    if not waits or turn.rollout.trial or points is None or points > box.most_points:
        return turn
    return _accept(turn, f"{POLICY} ({_points(box.most_points)})", turn.now)


def approved(turn: Turn, action: Action) -> Turn:
    """The turn after a person's approval, which accepts the bound where a time box is over."""
    pause = turn.progress.pause
    if pause is None or pause.kind is not PauseKind.TIME_BOX:
        return turn
    return _accept(turn, action.author, turn.now).having(pause=None)


def _accept(turn: Turn, by: str, at: float) -> Turn:
    progress = turn.progress
    decisive = _decisive(progress)
    requests = max((each.step.candidate.n for each in decisive), default=0)
    number = progress.step.index + 1
    accepted = Accepted(number, by, at, worst(progress), requests, stated(turn))
    allowance = progress.allowance
    kept = tuple(each for each in allowance.accepted if each.step != number)
    allowance = replace(allowance, accepted=(*kept, accepted))
    return turn.having(allowance=allowance, wait=NO_WAIT)


def notes(author: str, before: Progress, after: Progress) -> tuple[Note, ...]:
    """A line of the ledger for each bound that was accepted meanwhile."""
    known = set(before.allowance.accepted)
    fresh = (each for each in after.allowance.accepted if each not in known)
    return tuple(Note(author, "accept", sentence(each)) for each in fresh)


def sentence(accepted: Accepted) -> str:
    """One line for people: `step 2, accepted by bob: errors: 0 bad of 180; …`."""
    return f"step {accepted.step}, accepted by {accepted.by}: {accepted.statement}"


def worst(progress: Progress) -> float | None:
    """By how many percent points the candidate may be worse in any metric that a pass waits for;
    None where one of them states nothing yet."""
    bounds = [each.bound for each in _decisive(progress)]
    known = [100 * bound for bound in bounds if bound is not None]
    if not known or len(known) != len(bounds):
        return None
    return max(known)


def _decisive(progress: Progress) -> list[MetricVerdict]:
    return [each for each in progress.analysis.verdicts if each.metric.waited_for]


def stated(turn: Turn) -> str:
    """What can be said of the candidate in the present step."""
    if no_traffic.nobody_called(turn.progress):
        return f"{no_traffic.sentence(turn.observation)}, so nothing can be stated"
    return statements(turn.progress)


def statements(progress: Progress) -> str:
    """What can be said of each metric that a pass waits for."""
    return "; ".join(statement(each) for each in _decisive(progress))


def statement(verdict: MetricVerdict) -> str:
    """`errors: 0 bad of 180; 99 % sure: at most 4 points worse than stable`."""
    metric = verdict.metric
    counts = verdict.step.candidate
    seen = f"{metric.kind}: {counts.bad:,} bad of {counts.n:,}"
    if verdict.bound is None:
        return f"{seen}; too few to state how much worse it may be"
    beside = "worse than stable"
    if metric.objective is not None:
        beside = f"above the objective of {100 * metric.objective:g} %"
    sure = 100 * (1 - math.exp(-verdict.threshold_pass))
    return f"{seen}; {sure:.4g} % sure: at most {_points(100 * verdict.bound)} {beside}"


def _points(points: float) -> str:
    if points == 1:
        return "1 point"
    return f"{points:g} points"


def trial_end(turn: Turn, missing: str) -> Turn:
    """In trial it is only noted what the end of a step's wait would have done. missing: what the
    step lacks."""
    plan = turn.rollout.strategy
    box = plan.time_box
    if box is None or box.seconds > plan.deadlines.data:
        message = f"no answer within {plan.deadlines.data:.0f} s: {missing}"
        return trial.noted(turn, WouldHave.PAUSED, message)
    would = WouldHave.PAUSED
    if box.then is OnTimeBox.ABORT:
        would = WouldHave.ABORTED
    return trial.noted(turn, would, f"time box of {lasts(box.seconds)} over: {stated(turn)}")

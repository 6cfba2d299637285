"""Rollouts of a tenant in trial: everything is judged and stored, and no verdict moves traffic.

What would have been done is noted, so that people can compare it with what they did. Pure.

Facts still act: a candidate that never gets ready, that crashes again and again, that breaks the
contract or may not be named, and what a person says. And an A/B that its own experiment ends: its
verdict is what it is for.
"""

from collections.abc import Sequence
from dataclasses import replace

from tidegate.core import consequences
from tidegate.core.evidence import MetricKind, MetricVerdict, Verdict
from tidegate.core.on_fail import OnFail
from tidegate.core.rollout import STARTING, Note, Progress, WaitsFor, Would, WouldHave
from tidegate.core.strategy import Kind, Step, Until
from tidegate.core.turn import Turn

_OF = {WouldHave.ABORTED: OnFail.ABORT, WouldHave.PAUSED: OnFail.PAUSE}


def watch(turn: Turn) -> Turn:
    """Note the first abort and the first pause that would have been."""
    progress = turn.progress
    if not turn.rollout.trial or progress.step.index == STARTING or progress.end.toward is not None:
        return turn
    for would, on_fail in _OF.items():
        reasons = [
            each.message
            for each in consequences.failed(turn.progress, on_fail)
            if not consequences.is_experiment(each)
        ]
        if reasons:
            turn = noted(turn, would, "; ".join(reasons))
    return turn


def noted(turn: Turn, would: WouldHave, reason: str) -> Turn:
    """The turn with a note of what would have been done, if that is the first of its kind."""
    progress = turn.progress
    if any(each.action is would for each in progress.would):
        return turn
    note = Would(
        would,
        turn.now,
        progress.step.index + 1,
        turn.intent.candidate_traffic.percent,
        exposed(progress),
        reason,
    )
    return replace(turn, progress=replace(progress, would=(*progress.would, note)))


def exposed(progress: Progress) -> int:
    """How many requests the candidate has answered in this rollout, as far as they are counted."""
    errors = (v for v in progress.analysis.verdicts if v.metric.kind is MetricKind.ERRORS)
    return next((verdict.rollout.candidate.n for verdict in errors), 0)


def answered(verdicts: Sequence[MetricVerdict]) -> bool:
    """Whether every metric that a pass waits for has its verdict, whichever it is."""
    waited_for = [each for each in verdicts if each.metric.waited_for]
    return bool(waited_for) and all(each.verdict is not Verdict.UNDECIDED for each in waited_for)


def goes_on(turn: Turn, step: Step) -> bool:
    """Whether a step whose data deadline passed ends all the same."""
    plan = turn.rollout.strategy
    if not turn.rollout.trial or plan.kind is Kind.AB or step.until is Until.APPROVAL:
        return False
    return turn.overdue(WaitsFor.DATA, plan.longest_wait)


def notes(author: str, before: Progress, after: Progress) -> tuple[Note, ...]:
    """A line of the ledger for each new one."""
    fresh = after.would[len(before.would) :]
    return tuple(Note(author, f"would-have-{each.action}", sentence(each)) for each in fresh)


def sentence(would: Would) -> str:
    """One line for people: `would have aborted at 10 % after 9 requests: errors: …`."""
    requests = f"{would.requests} requests"
    if would.requests == 1:
        requests = "1 request"
    return f"would have {would.action} at {would.percent} % after {requests}: {would.message}"

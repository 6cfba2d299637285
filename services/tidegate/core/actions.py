"""What people ask of a running rollout, heard in the order they asked."""

from dataclasses import replace
from typing import assert_never

from tidegate.core import accepting, consequences, endings, exposure, incidents
from tidegate.core.evidence import MetricVerdict, new_size, new_step, tested_anew
from tidegate.core.findings import Finding
from tidegate.core.on_fail import OnFail
from tidegate.core.phases import step_to_answer
from tidegate.core.rollout import (
    NO_WAIT,
    Action,
    ActionKind,
    Note,
    Outcome,
    Pause,
    PauseKind,
    Routed,
    StepAnswer,
)
from tidegate.core.turn import Turn


def hear(turn: Turn, actions: tuple[Action, ...]) -> tuple[Turn, tuple[Note, ...]]:
    """The turn after every action that was not consumed yet, and a ledger line for each."""
    notes = []
    for action in sorted(actions, key=lambda item: item.id):
        if action.id > turn.progress.action:
            turn = _grant(turn.having(action=action.id), action)
            notes.append(Note(action.author, str(action.kind), action.reason or "no reason given"))
    return turn, tuple(notes)


def _grant(turn: Turn, action: Action) -> Turn:
    if action.reason:
        message = f"{action.author}: {action.reason}"
    else:
        message = action.author
    match action.kind:
        case ActionKind.PAUSE:
            turn = _call_off(turn)
            pause = Pause(PauseKind.PAUSED, action.author, action.reason or "no reason given")
            return turn.having(pause=pause, wait=NO_WAIT)
        case ActionKind.RESUME:
            return _resume(turn)
        case ActionKind.APPROVE:
            turn = accepting.approved(_answered(turn, action), action)
            return turn.having(
                step=replace(turn.progress.step, approved_by=action.author),
                wait=NO_WAIT,
            )
        case ActionKind.OVERRIDE:
            return turn.having(
                override=action.author,
                pause=None,
                wait=NO_WAIT,
            )
        case ActionKind.ABORT | ActionKind.UNDO | ActionKind.REJECT:
            return _toward_stable(turn, Outcome.ABORTED, f"{action.kind} by {message}")
        case ActionKind.SUPERSEDE:
            return _toward_stable(turn, Outcome.SUPERSEDED, f"superseded by {message}")
        case ActionKind.PROMOTE:
            if turn.progress.end.toward is not None:
                return (
                    turn  # it is on its way back; promoting now would turn a running abort around
                )
            return endings.begin(
                _answered(turn, action), Outcome.PROMOTED, f"promoted by {message}"
            )
        case _:
            assert_never(action.kind)


def _resume(turn: Turn) -> Turn:
    """A candidate that was too small begins its step again. What it answered during the pause may
    all be saturation, which is no error and is forgotten here: it must not count toward pass. Nor
    does the interval that ends now or the one that a scrape before now begins: the split counts as
    not shown yet."""
    pause = turn.progress.pause
    if pause is not None and pause.kind is PauseKind.TOO_SMALL:
        evidence = new_step(new_size(turn.progress.analysis.evidence))
        turn = turn.having(
            analysis=replace(turn.progress.analysis, evidence=evidence),
            step=replace(turn.progress.step, baked=0.0),
            routed=Routed(),
        )
    if pause is not None and pause.kind is PauseKind.FAILING:
        turn = _after_failing(turn)
    if pause is not None and pause.kind is PauseKind.EXPOSED:
        turn = exposure.granted(turn)
    resumed = turn.having(pause=None, override=None)
    return resumed.having(wait=NO_WAIT)


def _after_failing(turn: Turn) -> Turn:
    """What failed is judged anew: the person who resumes has seen it."""
    progress = turn.progress
    failed = consequences.failed(progress, OnFail.PAUSE)
    metrics = tuple(each.metric for each in failed if isinstance(each, MetricVerdict))
    pods = progress.pods
    if any(isinstance(each, Finding) for each in failed):
        pods = replace(pods, incidents=incidents.excused(pods.incidents))
    evidence = tested_anew(progress.analysis.evidence, metrics)
    return turn.having(analysis=replace(progress.analysis, evidence=evidence), pods=pods)


def _toward_stable(turn: Turn, ending: Outcome, message: str) -> Turn:
    """The end that a person asks for. One that goes to stable already keeps its first reason."""
    if turn.progress.end.toward not in (None, Outcome.PROMOTED):
        return turn
    return endings.begin(turn, ending, message)


def _answered(turn: Turn, action: Action) -> Turn:
    """The turn that remembers who answered the step, where one waits."""
    step = step_to_answer(turn.rollout, turn.progress)
    if step is None:
        return turn
    answer = StepAnswer(step, action.kind, action.author, action.at)
    return turn.having(answers=(*turn.progress.answers, answer))


def _call_off(turn: Turn) -> Turn:
    """A pause stops a promotion that was decided, as long as stable has not changed for it."""
    promoting = turn.progress.end.toward is Outcome.PROMOTED
    if not promoting or turn.intent.stable != turn.rollout.base:
        return turn
    step = turn.progress.step.index + 1
    answers = turn.progress.answers
    kept = (each for each in answers if (each.step, each.kind) != (step, ActionKind.PROMOTE))
    end = replace(turn.progress.end, toward=None, message="", at=None)
    return turn.having(end=end, answers=tuple(kept))

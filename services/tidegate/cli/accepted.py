"""What an action that was accepted says: what was accepted, and what follows. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.cli import show_rollout
from tidegate.cli.words import GOING, OK

if TYPE_CHECKING:
    from tidegate.schemas import responses as out

PROMOTE = 100  # percent of `set canary` that is no share


def line(action: str, follows: str, *, dry_run: bool = False) -> str:
    """`✔ abort accepted: all traffic goes back to r1`; of a dry run what would be accepted."""
    if dry_run:
        return f"{GOING} {action} would be accepted: {follows}"
    return f"{OK} {action} accepted: {follows}"


def rollout(action: str, made: out.RolloutChange, *, watched: bool) -> str:
    """The line of an action on a rollout. watched: the command goes on to watch it, so nothing else
    tells how."""
    dry_run = made.dry_run
    follows = _follows(action, made)
    if not (watched or dry_run):
        follows = f"{follows}; `tidegate rollout status {place(made)} -w` watches it"
    return line(action, follows, dry_run=dry_run)


def canary(changed: out.EndpointOut, percent: int) -> str:
    """What follows `set canary`. changed: the endpoint as it was answered."""
    change = changed.rollout
    candidate = "the candidate"
    if change:
        candidate = f"r{change.candidate}"
    if percent == PROMOTE:
        return f"{candidate} becomes stable and gets all traffic"
    if change and change.phase == "starting":
        return f"{candidate} gets ready, then {percent} % of the traffic goes to it"
    moved = f"{percent} % of the traffic goes to {candidate}"
    if change and change.strategy != "manual":
        return f"{moved}, and its plan rests until `tidegate rollout resume {place(change)}`"
    return moved


def place(made: out.RolloutOut) -> str:
    """`NAMESPACE/NAME` of a rollout's endpoint, as commands take it."""
    return f"{made.namespace}/{made.endpoint}"


def _follows(action: str, made: out.RolloutOut) -> str:
    match action:
        case "start" | "retry":
            return _start(made)
        case "promote":
            return _promotion(made)
        case "abort" | "reject":
            return _rollback(made)
        case "pause":
            return "no more traffic goes to the candidate until `resume`; a failing one is still rolled back"
        case "resume":
            return "the rollout goes on by its plan"
        case "approve":
            return _approval(made)
        case "undo":
            if made.strategy == "undo":
                return _start(made)
            return f"the rollout ends, {_rollback(made)}"
    raise ValueError(f"no rollout is asked to {action}")


def _start(made: out.RolloutOut) -> str:
    candidate = f"r{made.candidate}"
    if made.strategy == "undo":
        return f"{candidate} gets ready, then all traffic goes to it"
    if not made.steps:
        return f"{candidate} gets ready without traffic, then `tidegate set canary {place(made)} PERCENT` moves it"
    return f"{candidate} gets ready without traffic, then step 1 of {len(made.steps)}: {_step(made, 0)}"


def _approval(made: out.RolloutOut) -> str:
    following = made.step + 1
    count = len(made.steps)
    if following <= count:
        return f"step {following} of {count} follows: {_step(made, following - 1)}"
    if made.ending == "keep-stable":
        return f"r{made.candidate} goes, r{made.base} stays stable"
    return _promotion(made)


def _step(made: out.RolloutOut, index: int) -> str:
    return show_rollout.candidate_traffic(made.steps[index])


def _promotion(made: out.RolloutOut) -> str:
    return f"r{made.candidate} becomes stable and gets all traffic"


def _rollback(made: out.RolloutOut) -> str:
    return f"all traffic goes back to r{made.base}"

"""What an action that was accepted says: what was accepted, and what follows. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.cli.words import GOING, OK

if TYPE_CHECKING:
    from tidegate.schemas import responses as out

PROMOTE = 100  # percent of `set canary` that is no share


def line(action: str, follows: str, *, dry_run: bool = False) -> str:
    """`✔ abort accepted: all traffic goes back to r1`; of a dry run what would be accepted."""
    if dry_run:
        return f"{GOING} {action} would be accepted: {follows}"
    return f"{OK} {action} accepted: {follows}"


def rollout(made: out.RolloutChange, *, watched: bool) -> str:
    """The line of an action on a rollout, as the service tells it. watched: the command goes on to
    watch it, so nothing else tells how."""
    accepting = made.accepted
    if accepting is None:
        raise ValueError("the answer of an action on a rollout says what was accepted")
    follows = accepting.follows
    if not (watched or made.dry_run):
        follows = f"{follows}; `tidegate rollout status {place(made)} -w` watches it"
    return line(accepting.action, follows, dry_run=made.dry_run)


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

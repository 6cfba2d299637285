"""What an action that was accepted says: what was accepted, and what follows. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.cli.words import GOING, OK

if TYPE_CHECKING:
    from tidegate.schemas import responses as out


def line(action: str, follows: str, *, dry_run: bool = False) -> str:
    """`✔ abort accepted: all traffic goes back to r1`; of a dry run what would be accepted."""
    if dry_run:
        return f"{GOING} {action} would be accepted: {follows}"
    return f"{OK} {action} accepted: {follows}"


def rollout(made: out.RolloutChange, *, watched: bool) -> str:
    """The line of an action on a rollout, as the service tells it. watched: the command goes on to
    watch it, so nothing else tells how."""
    follows = made.accepted.follows
    if not (watched or made.dry_run):
        follows = f"{follows}; `tidegate rollout status {place(made)} -w` watches it"
    return line(made.accepted.action, follows, dry_run=made.dry_run)


def endpoint(made: out.EndpointChange) -> str:
    """The line of a change of an endpoint, as the service tells it."""
    return line(made.accepted.action, made.accepted.follows, dry_run=made.dry_run)


def place(made: out.RolloutOut) -> str:
    """`NAMESPACE/NAME` of a rollout's endpoint, as commands take it."""
    return f"{made.namespace}/{made.endpoint}"

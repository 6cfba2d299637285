"""From what a person names, an endpoint or a rollout's id or its first digits, to the rollout that
is meant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli import completion
from tidegate.cli.errors import CliError
from tidegate.cli.session import Session

if TYPE_CHECKING:
    from tidegate.schemas import responses as out

Named = Annotated[
    str,
    typer.Argument(
        metavar="ENDPOINT|ID",
        help="NAME, NAMESPACE/NAME, or a rollout's id or its first 8 digits.",
        autocompletion=completion.endpoints,
    ),
]
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ID_OR_BEGINNING = re.compile(r"[0-9a-f]{8}[0-9a-f-]{0,28}")  # as the history shows it, or more


def newest(session: Session, named: str) -> out.RolloutOut:
    """The rollout with this id or these first digits; of an endpoint the one that runs, else the
    last one. Raises CliError."""
    by_id = _by_id(session, named)
    if by_id is not None:
        return by_id
    key = session.key(named)
    running = session.api.endpoint(key).rollout
    if running:
        return running
    rollouts = session.api.rollouts(key, 1)
    if not rollouts:
        raise CliError(
            f"{'/'.join(key)} has had no rollout: start one with `tidegate rollout start {named}`"
        )
    return rollouts[0]


def running(session: Session, named: str) -> str:
    """The id of the rollout that an action is for: the one with this id or these first digits, or
    the one that runs at an endpoint. Raises CliError."""
    if _ID.fullmatch(named):
        return named
    by_id = _by_id(session, named)
    if by_id is not None:
        return by_id.id
    key = session.key(named)
    rollout = session.api.endpoint(key).rollout
    if not rollout:
        raise CliError(
            f"no rollout of {'/'.join(key)} is running: `tidegate rollout start {named}` starts "
            "one, "
            f"`tidegate undo {named}` goes back to what served before"
        )
    return rollout.id


def _by_id(session: Session, named: str) -> out.RolloutOut | None:
    """The rollout whose id begins so. None: the name cannot be an id, or an endpoint is called
    so."""
    if not _ID_OR_BEGINNING.fullmatch(named):
        return None
    if not _ID.fullmatch(named) and session.api.has_endpoint(session.key(named)):
        return None
    return session.api.rollout(named)

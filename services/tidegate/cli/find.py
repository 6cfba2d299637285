"""From what a person names, an endpoint or a rollout's id or its first digits, to the rollout that
is meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli import completion
from tidegate.cli.errors import CliError, usage
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
ENDPOINTS = 1000  # that are looked through for an id or a list
OF_EACH = 100  # of the newest rollouts of each
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHORT = re.compile(r"[0-9a-f]{8}[0-9a-f-]{0,27}")  # as the history shows it, or more of it


def newest(session: Session, named: str) -> out.RolloutOut:
    """The rollout with this id; of an endpoint the one that runs, else the last one. Raises
    CliError."""
    if _ID.fullmatch(named):
        return session.api.rollout(named)
    if _SHORT.fullmatch(named):
        short = _by_first_digits(session, named)
        if short is not None:
            return short
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
    if _SHORT.fullmatch(named):
        short = _by_first_digits(session, named)
        if short is not None:
            return short.id
    key = session.key(named)
    rollout = session.api.endpoint(key).rollout
    if not rollout:
        raise CliError(
            f"no rollout of {'/'.join(key)} is running: `tidegate rollout start {named}` starts "
            "one, "
            f"`tidegate undo {named}` goes back to what served before"
        )
    return rollout.id


def every(session: Session) -> list[out.RolloutOut]:
    """The rollouts of every endpoint that the caller may see, ended ones too, the newest first."""
    endpoints = session.api.endpoints(session.namespace, ENDPOINTS)
    rollouts = [
        each
        for endpoint in endpoints
        for each in session.api.rollouts((endpoint.namespace, endpoint.name), OF_EACH)
    ]
    return sorted(rollouts, key=lambda rollout: str(rollout.created_at), reverse=True)


def _by_first_digits(session: Session, digits: str) -> out.RolloutOut | None:
    """The one rollout whose id begins so: a running one, else one that has ended. None: an endpoint
    is called so, or no id begins so. Raises a usage error where several do."""
    endpoints = session.api.endpoints(session.namespace, ENDPOINTS)
    if any(endpoint.name == digits for endpoint in endpoints):
        return None
    running = [endpoint.rollout for endpoint in endpoints if endpoint.rollout]
    return _only(digits, running) or _only(digits, every(session))


def _only(digits: str, rollouts: Iterable[out.RolloutOut]) -> out.RolloutOut | None:
    matches = [rollout for rollout in rollouts if rollout.id.startswith(digits)]
    if len(matches) > 1:
        ids = ", ".join(rollout.id for rollout in matches)
        raise usage(f"id {digits} is the beginning of several: {ids}; write more of it")
    if not matches:
        return None
    return matches[0]

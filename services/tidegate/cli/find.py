"""From what a person names, an endpoint or a rollout's id, to the rollout that is meant."""

import re
from typing import Annotated, Any

import typer

from tidegate.cli.errors import CliError
from tidegate.cli.session import Session

Json = dict[str, Any]
Named = Annotated[str, typer.Argument(metavar="ENDPOINT|ID", help="NAME, NAMESPACE/NAME, or a rollout's id.")]
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def newest(session: Session, named: str) -> Json:
    """The rollout with this id; of an endpoint the one that runs, else the last one. Raises CliError."""
    if _ID.fullmatch(named):
        return session.api.rollout(named)
    key = session.key(named)
    running = session.api.endpoint(key).get("rollout")
    if running:
        return dict(running)
    found = session.api.rollouts(key, 1)
    if not found:
        raise CliError(f"{'/'.join(key)} has had no rollout: start one with `tidegate rollout start {named}`")
    return found[0]


def running(session: Session, named: str) -> str:
    """The id of the rollout that a wish is for: as given, or the one that runs at an endpoint. Raises CliError."""
    if _ID.fullmatch(named):
        return named
    key = session.key(named)
    found = session.api.endpoint(key).get("rollout")
    if not found:
        raise CliError(
            f"no rollout of {'/'.join(key)} is running: `tidegate rollout start {named}` starts one, "
            f"`tidegate undo {named}` goes back to what served before"
        )
    return str(found["id"])

"""`tidegate status`, `tidegate ledger verify`, `tidegate version`."""

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from tidegate.cli import show_endpoint, watch, words
from tidegate.cli.errors import CliError
from tidegate.cli.options import Limit, Timeout, command, timeout
from tidegate.cli.session import Session

Watch = Annotated[
    bool, typer.Option("--watch", "-w", help="Until Ctrl-C; in a pipe a line per change.")
]
ledger = typer.Typer(help="The record of who decided what.", no_args_is_help=True)


@command
def status(
    session: Session, follow: Watch = False, time_limit: Timeout = None, limit: Limit = 500
) -> None:
    """Every endpoint on one page: who serves what, why.

    What needs a person comes first.
    """
    seconds = timeout(time_limit)
    if follow:
        watch.overview(session, limit, seconds)
        return
    endpoints = session.api.endpoints(session.namespace, limit)
    if not endpoints:
        session.note(
            "no endpoint yet: `tidegate endpoint create NAME --model M --version V` makes one"
        )
    session.show(
        endpoints,
        show_endpoint.name,
        lambda: show_endpoint.overview(endpoints, session.world.now()),
    )


@ledger.command("verify")
@command
def verify(session: Session) -> None:
    """Compute every hash of every chain again.

    Exit 1 when one does not fit.
    """
    session.doing = "computing every hash again"
    state = session.api.read(lambda client: client.verify_ledger())
    text = words.icon(words.OK, f"the ledger is whole: {state.entries} entries")
    if not state.intact:
        text = words.icon(words.BAD, "the ledger is broken")
    session.show(state, lambda _: "ledger", lambda: text)
    if state.broken is not None:
        raise CliError(
            f"the ledger is broken at entry {state.broken.seq} of chain {state.broken.chain}: "
            f"{state.broken.detail}; "
            "compare it with a backup"
        )


@command
def show_version(
    session: Session,
    client: Annotated[bool, typer.Option("--client", help="Do not ask the service.")] = False,
) -> None:
    """The version of this command and of the service."""
    mine = _package_version()
    theirs = None
    if not client:
        theirs = _service_version(session)
    service = ""
    if theirs:
        service = f", service {theirs}"
    data = {"client": mine, "service": theirs}
    session.show(data, lambda _: f"tidegate/{mine}", lambda: f"tidegate {mine}{service}")


def _service_version(session: Session) -> str | None:
    try:
        return session.api.read(lambda client: client.version()).version
    except CliError:
        return None


def _package_version() -> str:
    try:
        return version("tidegate")
    except PackageNotFoundError:  # run from the source tree
        return "0+source"

"""Commands that another package brings: `up`, `down`, `demo` and `dev` come with tidegate-local.

The package names them in the entry points of the group `tidegate.commands`. Where it is not
installed the command is there all the same and says what to install: who read of it learns more
than "no such command".
"""

from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points

import typer

from tidegate.cli.errors import CliError

GROUP = "tidegate.commands"
INSTALL = "pip install tidegate-local"
_WHATEVER = {"allow_extra_args": True, "ignore_unknown_options": True}


def installed() -> tuple[EntryPoint, ...]:
    """The commands that installed packages bring."""
    return tuple(entry_points(group=GROUP))


def add(app: typer.Typer, name: str, entries: Iterable[EntryPoint]) -> None:
    """Add the command `name` to `app`: what an entry of that name brings, else one that says what
    to install."""
    entry = next((entry for entry in entries if entry.name == name), None)
    if entry is None:
        _add_missing(app, name, f"`tidegate {name}` comes with another package: {INSTALL}")
        return
    try:
        command = entry.load()
    except Exception as error:  # whatever is wrong with the other package, the other commands work
        _add_missing(app, name, f"`tidegate {name}` cannot be loaded ({error}); repeat {INSTALL}")
        return
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name)
    else:
        app.command(name)(command)


def _add_missing(app: typer.Typer, name: str, message: str) -> None:
    command = _missing(message)
    app.command(name, help=f"Comes with another package: {INSTALL}.", context_settings=_WHATEVER)(
        command
    )


def _missing(message: str) -> Callable[[], None]:
    def refuse() -> None:
        raise CliError(message)

    return refuse

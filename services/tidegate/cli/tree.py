"""The tree of commands, and every ending as an exit code and at most one line, never a
traceback."""

import contextlib
import traceback
from collections.abc import Sequence
from functools import cache
from typing import Any

import typer

from tidegate.cli import (
    access,
    actions,
    doctor,
    endpoints,
    examples,
    login,
    models,
    plugins,
    rollouts,
    strategies,
    system,
    templates,
    tenants,
    traffic,
    trials,
    words,
)
from tidegate.cli.errors import CliError, Exit
from tidegate.cli.world import World

app = typer.Typer(
    name="tidegate",
    help="Rolls models out on KServe: by degrees, with proof, and back.\n\n"
    "Exit codes: 0 ok, 1 error, 2 usage, 3 degraded or aborted, 124 time-out, 130 Ctrl-C.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
_brought = plugins.installed()
for _name in ("up", "down", "demo"):
    plugins.add(app, _name, _brought)
app.command("status")(system.status)
app.add_typer(endpoints.app, name="endpoint")
app.add_typer(models.app, name="model")
actions.register(rollouts.app)
app.add_typer(rollouts.app, name="rollout")
app.add_typer(traffic.app, name="set")
app.command("undo")(traffic.undo)
rollouts.app.command("undo")(traffic.undo)
app.command("strategies")(strategies.strategies)
app.add_typer(templates.app, name="template")
app.add_typer(tenants.app, name="tenant")
app.add_typer(trials.app, name="report")
app.command("login")(login.login)
app.command("logout")(login.logout)
app.command("whoami")(login.whoami)
app.add_typer(login.users, name="user")
app.add_typer(access.tokens, name="token")
app.command("grant")(access.grant)
app.command("revoke")(access.revoke)
app.command("access")(access.access)
app.add_typer(system.ledger, name="ledger")
app.command("doctor")(doctor.doctor)
plugins.add(app, "dev", _brought)
app.command("version")(system.show_version)


@cache
def commands() -> Any:
    """The whole tree, made once: what one run says stays in the context of that run."""
    return examples.attach(typer.main.get_command(app))


def run(arguments: Sequence[str], world: World) -> int:
    """One command; its exit code."""
    try:
        with contextlib.redirect_stdout(world.stdout), contextlib.redirect_stderr(world.stderr):
            commands().main(list(arguments), prog_name="tidegate", obj=world)
    except SystemExit as ended:
        if isinstance(ended.code, int):
            return ended.code
        return int(bool(ended.code))
    except CliError as error:
        if error.message:
            world.stderr.write(f"{_sign(error)} {error.message}\n")
        return error.code
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except Exception as error:
        if world.environ.get("TIDEGATE_DEBUG"):
            traceback.print_exc(file=world.stderr)
        message = " ".join(str(error).split())
        world.stderr.write(
            f"✖ a bug in tidegate: {type(error).__name__}: {message}; TIDEGATE_DEBUG=1 shows "
            "where\n"
        )
        return Exit.ERROR
    return Exit.OK


def _sign(error: CliError) -> str:
    match error.code:
        case Exit.TIMEOUT:
            return words.WARNING
        case Exit.INTERRUPTED:
            return words.GOING
    return words.BAD

"""`tidegate login`, `logout`, `whoami`, `tidegate user …`: local users and their passwords."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType

from tidegate.cli import context, logins, words
from tidegate.cli.errors import CliError, usage
from tidegate.cli.options import DryRun, Yes, command
from tidegate.cli.session import Session, plain
from tidegate.cli.words import age
from tidegate.core.access import EVERYWHERE
from tidegate.core.shown_address import shown_address

if TYPE_CHECKING:
    from tidegate.schemas import responses as out

users = typer.Typer(
    help="Local users. They have no role until one is granted.", no_args_is_help=True
)
Name = Annotated[str, typer.Argument(help="The user.")]


@command
def login(
    session: Session,
    user: Annotated[str, typer.Option("--user", "-u", help="Your name.", show_default=False)],
) -> None:
    """Exchange a password for a token that soon ends.

    The password is read from the terminal, or as one line from standard input. The token is kept
    for this URL only.
    """
    from tidegate.cli.api import Api  # pydantic: a while to load

    url = context.address(session.world.environ, session.url)
    password = _password(session, f"Password of {user} at {shown_address(url)}: ")
    api = Api(context.Target(url, ""), session.patience, session.world.transport)
    try:
        log_in = api.read(lambda client: client.log_in(user, password))
    finally:
        api.close()
    ends = session.world.now() + float(log_in.expires_in)
    file = logins.save(context.home(session.world.environ), url, log_in.access_token, ends)
    data = {
        "url": shown_address(url),
        "user": user,
        "expires_in": log_in.expires_in,
        "file": str(file),
    }
    text = words.icon(
        words.OK,
        f"logged in at {shown_address(url)} as {user} for {words.lasts(float(log_in.expires_in))}",
    )
    session.show(data, lambda _: f"user/{user}", lambda: text)


@command
def logout(session: Session) -> None:
    """Forget the token that `tidegate login` was given.

    It ends by itself soon; `tidegate user password` voids it at once.
    """
    environ = session.world.environ
    url = context.address(environ, session.url)
    forgotten = logins.forget(context.home(environ), url)
    data = {"url": shown_address(url), "forgotten": forgotten}
    if forgotten:
        text = f"logged out at {shown_address(url)}"
    else:
        text = f"nobody was logged in at {shown_address(url)}"
    session.show(
        data, lambda _: url, lambda: words.icon(words.OK if forgotten else words.NEUTRAL, text)
    )
    for name in ("TIDEGATE_TOKEN", "TIDEGATE_TOKEN_FILE"):
        if environ.get(name):
            session.note(
                f"{words.WARNING} {name} is set: its token goes on being sent; `unset {name}` ends "
                "that"
            )


@command
def whoami(session: Session) -> None:
    """Who the API takes you for, and what you may do where."""
    identity = session.api.read(lambda client: client.whoami())
    url = session.target.url
    session.show(
        {**plain(identity), "url": shown_address(url)},
        lambda _: f"user/{identity.name}",
        lambda: _caller(identity, url),
    )


@users.command("add")
@command
def add(session: Session, name: Name, dry_run: DryRun = False) -> None:
    """Make a user.

    The password is read from the terminal, or as one line from standard input.
    """
    password = _password(session, f"Password of {name}: ", twice=True)
    made = session.api.change(
        lambda client, options: client.add_user(name, password, options), dry_run=dry_run
    )
    if dry_run:
        session.dry_run()
    session.show(
        made,
        _name,
        lambda: words.icon(words.OK, f"{name} can log in; `tidegate grant` gives it a role"),
    )


@users.command("password")
@command
def password(session: Session, name: Name) -> None:
    """Set another password.

    Every token that the user has is void at once.
    """
    secret = _password(session, f"New password of {name}: ", twice=True)
    made = session.api.change(lambda client, options: client.set_password(name, secret, options))
    session.show(
        made,
        _name,
        lambda: words.icon(words.OK, f"{name} has a new password; tokens of before are void"),
    )


@users.command("remove")
@command
def remove(session: Session, name: Name, yes: Yes = False) -> None:
    """Take a user away, with every role."""
    session.confirm(f"Take {name} away, with every role?", yes=yes)
    made = session.api.change(lambda client, options: client.remove_user(name, options))
    session.show(made, _name, lambda: words.icon(words.OK, f"{name} is gone"))


@users.command("list")
@command
def index(session: Session) -> None:
    """Every local user."""
    results = session.api.read(lambda client: client.users())
    session.show(results, _name, lambda: _listing(results, session.world.now()))


def _caller(caller: out.WhoAmI, url: str) -> RenderableType:
    table = words.pairs()
    table.add_row("User:", caller.name)
    table.add_row("API:", url)
    places = [
        (role, "everywhere" if place == EVERYWHERE else f"in {place}")
        for place, role in caller.grants.items()
    ]
    roles = ", ".join(f"{role} {place}" for role, place in places)
    table.add_row("Roles:", roles or "none: `tidegate grant` by an admin gives one")
    if caller.tenants:
        table.add_row("Tenants:", ", ".join(caller.tenants))
    return table


def _name(user: out.UserOut) -> str:
    return f"user/{user.name}"


def _listing(results: list[out.UserOut], now: float) -> RenderableType:
    table = words.table("NAME", "AGE", "BY")
    for user in results:
        table.add_row(user.name, age(user.created_at, now), user.created_by)
    return table


def _password(session: Session, question: str, *, twice: bool = False) -> str:
    """Never an argument: those are seen by every process of the machine."""
    stdin = session.world.stdin
    stderr = session.world.stderr
    if not stdin.isatty():
        secret = stdin.readline().rstrip("\r\n")
        if not secret:
            raise usage(
                "no password: type it at a terminal, or give it as one line on standard input"
            )
        return secret
    secret = getpass.getpass(question, stderr)
    if twice and getpass.getpass("Once more: ", stderr) != secret:
        raise CliError("the two passwords differ: nothing was changed")
    return secret

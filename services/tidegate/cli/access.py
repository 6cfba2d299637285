"""`tidegate grant`, `revoke`, `access` and `tidegate token …`: who has which role where, and tokens
for pipelines."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType

from tidegate.cli import private, words
from tidegate.cli.errors import CliError, usage
from tidegate.cli.options import DryRun, Yes, command
from tidegate.cli.session import Session
from tidegate.cli.words import age
from tidegate.core.access import EVERYWHERE, Role

if TYPE_CHECKING:
    from tidegate.schemas import responses as out

tokens = typer.Typer(
    help="Tokens for pipelines: one role, one namespace, for a while.", no_args_is_help=True
)
User = Annotated[
    str | None, typer.Option("--user", help="A user: ann, oidc:ann@example.com, k8s:….")
]
Group = Annotated[
    str | None, typer.Option("--group", help="A group: oidc:ml, k8s:system:serviceaccounts:team-a.")
]
Everywhere = Annotated[
    bool, typer.Option("--everywhere", help="In every namespace, instead of one.")
]
RoleArgument = Annotated[Role, typer.Argument(help="Each may all that the one before it may.")]


@command
def grant(
    session: Session,
    role: RoleArgument,
    user: User = None,
    group: Group = None,
    everywhere: Everywhere = False,
    dry_run: DryRun = False,
) -> None:
    """Give a user or a group a role in a namespace.

    It has this one there from then on, instead of any other.
    """
    kind, subject = _subject(user, group)
    place = _place(session, everywhere)
    body = {kind: subject, "role": role.value}
    made = session.api.change(
        lambda client, options: client.grant(place, body, options), dry_run=dry_run
    )
    if dry_run:
        session.dry_run()
    text = f"{kind} {subject} is {role.value} {_where(place)}"
    session.show(made, _binding_name, lambda: words.icon(words.OK, text))


@command
def revoke(
    session: Session, user: User = None, group: Group = None, everywhere: Everywhere = False
) -> None:
    """Take a user's or a group's role in a namespace away."""
    kind, subject = _subject(user, group)
    place = _place(session, everywhere)
    made = session.api.change(
        lambda client, options: client.revoke(place, user=user, group=group, options=options)
    )
    text = f"{kind} {subject} has no role {_where(place)} any more"
    session.show(made, _binding_name, lambda: words.icon(words.OK, text))


@command
def access(session: Session, everywhere: Everywhere = False) -> None:
    """Who has which role in a namespace."""
    place = _place(session, everywhere)
    bindings = session.api.read(lambda client: client.bindings(place))
    session.show(bindings, _binding_name, lambda: _bindings(bindings, session.world.now()))


@tokens.command("create")
@command
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    role: Annotated[Role, typer.Option(help="What it may.")] = Role.EDITOR,
    lasts: Annotated[str, typer.Option(help="Until it ends: 12h, 90d.")] = "90d",
    everywhere: Everywhere = False,
) -> None:
    """Make a token; it is shown once, on standard output."""
    place = _place(session, everywhere)
    body = {"name": name, "role": role.value, "lasts": int(words.seconds(lasts))}
    made = session.api.change(lambda client, options: client.create_token(place, body, options))
    session.note(
        f"◌ {made.name} is {role.value} {_where(place)} for {lasts}; the token is shown this once:"
    )
    session.show(made, _token_name, lambda: str(made.token))


@tokens.command("list")
@command
def index(session: Session, everywhere: Everywhere = False) -> None:
    """The tokens of a namespace, without their secrets."""
    place = _place(session, everywhere)
    results = session.api.read(lambda client: client.tokens(place))
    session.show(results, _token_name, lambda: _tokens(results, session.world.now()))


@tokens.command("revoke")
@command
def revoke_token(
    session: Session,
    name: Annotated[str, typer.Argument(help="As `tidegate token list` shows it.")],
    everywhere: Everywhere = False,
    yes: Yes = False,
) -> None:
    """Void every token of this name, at once."""
    place = _place(session, everywhere)
    session.confirm(f"Void every token {name} {_where(place)}?", yes=yes)
    done = session.api.change(lambda client, options: client.revoke_token(place, name, options))
    session.show(
        done, _token_name, lambda: words.icon(words.OK, f"{done.name} opens nothing any more")
    )


@tokens.command("rotate-keys")
@command
def rotate_keys(
    session: Session,
    file: Annotated[Path, typer.Argument(help="The key ring; made where there is none.")],
) -> None:
    """Put a new key in front of a key ring.

    It signs the tokens of local users. The two before it go on verifying. Put the file where
    TIDEGATE_TOKEN_KEYS_FILE of the service points to.
    """
    try:
        from tidegate.web.keyring import BadKeyRing, rotated  # cryptography takes a while to load
    except ImportError as error:
        raise CliError(
            f"keys are made by the services' code: pip install 'tidegate[server]' ({error})"
        ) from None
    try:
        old = None
        if file.exists():
            old = file.read_text()
        kid = datetime.fromtimestamp(session.world.now(), UTC).strftime("%Y%m%dT%H%M%SZ")
        private.write(file, rotated(old, kid))
    except (OSError, BadKeyRing) as error:
        raise CliError(f"{file}: {error}") from None
    session.show(
        {"file": str(file), "kid": kid}, lambda _: kid, lambda: words.icon(words.OK, f"{kid} signs")
    )


def _subject(user: str | None, group: str | None) -> tuple[str, str]:
    if user is not None and group is None:
        return "user", user
    if group is not None and user is None:
        return "group", group
    raise usage("name --user or --group, and not both")


def _place(session: Session, everywhere: bool) -> str:
    if everywhere and session.namespace:
        raise usage("--everywhere is every namespace: leave -n out")
    if everywhere:
        return EVERYWHERE
    return session.in_namespace


def _where(place: str) -> str:
    if place == EVERYWHERE:
        return "everywhere"
    return f"in {place}"


def _binding_name(binding: out.BindingOut) -> str:
    if binding.user:
        return f"user/{binding.user}"
    return f"group/{binding.group}"


def _token_name(token: out.TokenOut | out.RevokedChange) -> str:
    return f"token/{token.name}"


def _bindings(bindings: list[out.BindingOut], now: float) -> RenderableType:
    table = words.table("KIND", "SUBJECT", "ROLE", "AGE", "BY")
    for binding in bindings:
        kind = "user" if binding.user else "group"
        table.add_row(
            kind,
            binding.user or binding.group,
            binding.role,
            age(binding.created_at, now),
            binding.created_by,
        )
    return table


def _tokens(results: list[out.TokenOut], now: float) -> RenderableType:
    table = words.table("NAME", "ROLE", "ENDS IN", "AGE", "BY")
    for token in results:
        ends = None
        if token.expires_at:
            ends = token.expires_at.timestamp()
        left = "never"
        if ends is not None:
            left = words.lasts(ends - now)
        table.add_row(
            token.name, token.role or "-", left, age(token.created_at, now), token.created_by
        )
    return table

"""`tidegate model …`: register versions, list them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType

from tidegate.cli import accepted, completion, importing, words
from tidegate.cli.options import DryRun, Limit, ModelArgument, VersionArgument, command
from tidegate.cli.session import Session, plain
from tidegate.cli.words import age
from tidegate.core.shown_address import shown_address

if TYPE_CHECKING:
    from tidegate.schemas import responses as out

app = typer.Typer(help="Models and their versions.", no_args_is_help=True)
app.command("import")(importing.bring)


@app.command("add")
@command
def add(
    session: Session,
    model_id: ModelArgument,
    version_id: VersionArgument,
    uri: Annotated[
        str, typer.Option(help="A Triton model repository root, such as s3://models/add_sub/1/.")
    ],
    description: Annotated[str, typer.Option(help="Of a model that is new.")] = "",
    dry_run: DryRun = False,
) -> None:
    """Register a version, and the model where it is new.

    The bytes are checked where they lie.
    """
    if dry_run and session.api.model(model_id) is None:
        made = _create(session, model_id, description, dry_run=True)
        session.note(
            f"model {model_id} would be new; its version can be checked once the model is there"
        )
        session.show(
            made, lambda item: f"model/{item.model_id}", lambda: _listing([(made, None)], session)
        )
        return
    if session.api.model(model_id) is None:
        _create(session, model_id, description, dry_run=False)
    session.doing = f"checking the bytes at {shown_address(uri)}"
    version = session.api.change(
        lambda client, options: client.create_version(model_id, version_id, uri, options),
        dry_run=dry_run,
    )
    session.warn(version.warnings)
    follows = f"`tidegate rollout start ENDPOINT --version {version_id}` brings it to an endpoint of {model_id}"
    session.note(accepted.line("add", follows, dry_run=dry_run))
    if dry_run:
        session.dry_run()
    session.show(version, _name, lambda: _version(version))


def _create(session: Session, model_id: str, description: str, *, dry_run: bool) -> out.ModelChange:
    return session.api.change(
        lambda client, options: client.create_model(model_id, description, options), dry_run=dry_run
    )


def _name(version: out.VersionOut) -> str:
    return f"model/{version.model_id}/{version.version_id}"


def _version(version: out.VersionOut) -> RenderableType:
    table = words.pairs()
    table.add_row("Model:", f"{version.model_id} {version.version_id}")
    table.add_row("URI:", version.uri)
    table.add_row("Digest:", version.digest)
    if version.mutable:
        table.add_row(
            "", words.icon(words.WARNING, "its bytes may change: they are checked before each step")
        )
    return table


@app.command("list")
@command
def index(
    session: Session,
    model_id: Annotated[
        str | None, typer.Argument(help="Only this model.", autocompletion=completion.models)
    ] = None,
    limit: Limit = 500,
) -> None:
    """Models with their versions."""
    if model_id is None:
        models = session.api.models(limit)
    else:
        models = [session.api.read(lambda client: client.model(model_id))]
    known = [(model, session.api.versions(model.model_id, limit)) for model in models]
    pairs: list[tuple[out.ModelOut, out.VersionOut | None]] = []
    for model, versions in known:
        pairs += [(model, version) for version in versions] or [(model, None)]
    data = [{**plain(model), "versions": versions} for model, versions in known]
    session.show(data, lambda item: f"model/{item['model_id']}", lambda: _listing(pairs, session))


def _listing(
    pairs: Sequence[tuple[out.ModelOut, out.VersionOut | None]], session: Session
) -> RenderableType:
    table = words.table("MODEL", "VERSION", "URI", "DIGEST", "AGE", "BY")
    for model, version in pairs:
        made = version or model
        table.add_row(
            model.model_id,
            version.version_id if version else "-",
            version.uri if version else "-",
            version.digest.removeprefix("sha256-")[:12] if version else "-",
            age(made.created_at, session.world.now()),
            made.created_by or "-",
        )
    return table

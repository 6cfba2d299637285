"""`tidegate model import`: a model from a folder, an archive or a URL into the object store, and
registered."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console, RenderableType
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from tidegate.cli import words
from tidegate.cli.context import Plane, plane
from tidegate.cli.errors import CliError, usage
from tidegate.cli.options import DryRun, ModelArgument, VersionArgument, command
from tidegate.cli.session import Session
from tidegate.core.intent import Batcher
from tidegate.core.ports import Unresolved
from tidegate.core.shown_address import shown_address
from tidegate.folders import cache_dir
from tidegate.staging.archives import Limits
from tidegate.staging.importer import Imported, import_model
from tidegate.staging.incoming import Progress, Ways
from tidegate.staging.sources import Access, S3Access

if TYPE_CHECKING:
    from tidegate.schemas import responses as out

Json = dict[str, Any]
_SIZE = re.compile(r"([1-9][0-9]*)(Ki|Mi|Gi|Ti)?")
_UNITS = {"": 1, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}


@command
def bring(
    session: Session,
    model_id: ModelArgument,
    version_id: VersionArgument,
    source: Annotated[
        str, typer.Argument(help="A folder or an archive: a path, s3://… or https://….")
    ],
    store: Annotated[
        str | None, typer.Option(help="Where models lie. [env: TIDEGATE_STORE]")
    ] = None,
    sha256: Annotated[
        str | None, typer.Option(help="Of an archive: what its bytes must hash to.")
    ] = None,
    max_batch_size: Annotated[
        int | None, typer.Option(min=1, help="Write dynamic batching: this many.")
    ] = None,
    max_latency: Annotated[
        int, typer.Option(min=0, help="With it: how long one waits at most, in ms.")
    ] = 1,
    max_size: Annotated[str, typer.Option(help="Refuse what is larger: 500Mi, 20Gi.")] = "100Gi",
    register: Annotated[
        bool, typer.Option("--register/--no-register", help="Register it as a version.")
    ] = True,
    description: Annotated[str, typer.Option(help="Of a model that is new.")] = "",
    dry_run: DryRun = False,
) -> None:
    """Bring a model into the object store, and register it as a version.

    It lies below `<store>/<model>/sha256-<digest>/` and never changes there. Its config.pbtxt is
    checked first. What broke off goes on where it stopped.
    """
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise usage(f"sha256 {sha256[:80]!r} is not a SHA-256: write its 64 hexadecimal digits")
    where = _plane(session)
    access = Access(files=True, s3=_s3(session.world.environ, where))
    root = f"{_store(session.world.environ, store, where).rstrip('/')}/{model_id}"
    limits = Limits(size=_bytes(max_size))
    batcher = Batcher(max_batch_size, max_latency) if max_batch_size is not None else None
    with _progress(session) as tell:
        ways = Ways(access, cache_dir(session.world.environ) / "imports", sha256, limits, tell)
        imported = import_model(source, root, access, ways=ways, batcher=batcher, dry_run=dry_run)
    if isinstance(imported, Unresolved):
        raise CliError(imported.detail)
    if dry_run or not register:
        version = None
    else:
        version = _register(session, model_id, version_id, imported.uri, description)
    if dry_run:
        session.dry_run()
    data = {
        "model_id": model_id,
        "version_id": version_id,
        **_data(imported),
        "registered": version is not None,
    }
    session.show(
        data,
        lambda item: f"model/{model_id}/{version_id}",
        lambda: _summary(data, stored=not dry_run),
    )


def _register(
    session: Session, model_id: str, version_id: str, uri: str, description: str
) -> out.VersionChange:
    if session.api.model(model_id) is None:
        session.api.change(
            lambda client, options: client.create_model(model_id, description, options)
        )
    session.doing = f"checking the bytes at {shown_address(uri)}"
    made = session.api.change(
        lambda client, options: client.create_version(model_id, version_id, uri, options)
    )
    session.warn(made.warnings)
    return made


def _plane(session: Session) -> Plane | None:
    """The local plane, where the API is its own."""
    known = session.url or session.world.environ.get("TIDEGATE_URL")
    if known:
        return None
    return plane(session.world.environ)


def _store(environ: Mapping[str, str], uri: str | None, where: Plane | None) -> str:
    store = (
        uri
        or environ.get("TIDEGATE_STORE")
        or (f"s3://{where.bucket}" if where and where.bucket else None)
    )
    if not store:
        raise usage("no store is known: give --store s3://bucket/prefix, or set TIDEGATE_STORE")
    if "://" in store:
        return store
    return Path(store).expanduser().absolute().as_uri()


def _s3(environ: Mapping[str, str], where: Plane | None) -> S3Access:
    """The plane's own S3, else as the environment says; keys are boto's business."""
    if where is not None and where.s3_url and not environ.get("AWS_ENDPOINT_URL"):
        return S3Access(where.s3_url, "us-east-1", "local", "local")
    return S3Access(endpoint=environ.get("AWS_ENDPOINT_URL"), region=environ.get("AWS_REGION"))


def _bytes(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise usage(f"max-size {text!r} is not a size: write a number with Mi or Gi, such as 20Gi")
    return int(match[1]) * _UNITS[match[2] or ""]


@contextmanager
def _progress(session: Session) -> Iterator[Callable[[Progress], None]]:
    """A bar on a terminal; elsewhere one line for each thing that begins."""
    stream = session.world.stderr
    if not stream.isatty():
        begun: set[str] = set()

        def line(now: Progress) -> None:
            if now.what not in begun:
                begun.add(now.what)
                session.note(f"◌ {now.what}{'' if now.total is None else f' {now.total:,} bytes'}")

        yield line
        return
    columns = (
        TextColumn("{task.description:>10}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    plain = bool(session.world.environ.get("NO_COLOR"))
    with Bar(*columns, console=Console(file=stream, no_color=plain), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def draw(now: Progress) -> None:
            if now.what not in tasks:
                tasks[now.what] = bar.add_task(now.what, total=now.total)
            bar.update(tasks[now.what], completed=now.done, total=now.total)

        yield draw


def _data(imported: Imported) -> Json:
    models = [{"name": name, "versions": list(versions)} for name, versions in imported.models]
    return {
        "uri": shown_address(imported.uri),
        "digest": imported.digest,
        "models": models,
        "files": imported.files,
        "size": imported.size,
    }


def _summary(data: Json, stored: bool) -> RenderableType:
    table = words.pairs()
    table.add_row("Model:", f"{data['model_id']} {data['version_id']}")
    table.add_row("URI:", Text(data["uri"], overflow="fold"))  # to be copied: never cut
    table.add_row("Digest:", data["digest"])
    held = (
        f"{model['name']} ({', '.join(map(str, model['versions']))})" for model in data["models"]
    )
    table.add_row("Holds:", f"{'; '.join(held)}: {data['files']:,} files, {data['size']:,} bytes")
    if stored and not data["registered"]:
        table.add_row(
            "Next:", f"tidegate model add {data['model_id']} {data['version_id']} --uri URI"
        )
    return table

"""`tidegate up`, `down` and `demo`: the local plane."""

import shutil
import time
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.context import home
from tidegate.cli.errors import CliError, Exit, usage
from tidegate.cli.world import World
from tidegate.core.intent import Mode
from tidegate_local.plane.launch import LaunchError, down, up
from tidegate_local.plane.options import Options
from tidegate_local.plane.remembered import RememberedError, chosen
from tidegate_local.processes import toolchain

USUAL = Options(Path())
_REPOSITORY = "model-repository"
_MADE_BY_DEMO = ".made-by-tidegate-demo"


def emptied(folder: Path) -> Path:
    """Return a new empty folder for a demo. One that an earlier demo made there is removed.

    Raises CliError (usage) where something else lies there."""
    mark = folder / _MADE_BY_DEMO
    if folder.exists() and not mark.is_file():
        reason = f"{folder} is not of a demo, and would be removed"
        raise usage(f"--report: {reason}: choose another folder for the report")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    mark.touch()
    return folder


def _supported() -> None:
    reason = toolchain.unsupported()
    if reason:
        raise CliError(reason)


def start(
    context: typer.Context,
    port: Annotated[
        int | None,
        typer.Option(help=f"port of the API; at first {USUAL.api_port}", min=1, max=65535),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help=f"how many deploy-workers; at first {USUAL.workers}", min=1)
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(help=f"how many tritonservers at most; at first {USUAL.limit}", min=1),
    ] = None,
    database_url: Annotated[
        str | None,
        typer.Option(
            help="a Postgres of your own; '' for the plane's, as at first",
            envvar="TIDEGATE_DATABASE_URL",
        ),
    ] = None,
) -> None:
    """Start the local plane in the background.

    That is Postgres, S3, Envoy, Triton, API and worker. What is not chosen here stays as it was at
    the last start.
    """
    _supported()
    world: World = context.obj
    root = home(world.environ)
    try:
        options = chosen(
            root, api_port=port, workers=workers, limit=limit, database_url=database_url
        )
        state = up(options, lambda line: typer.echo(f"◌ {line}"))
    except (LaunchError, RememberedError) as error:
        raise CliError(str(error)) from None
    typer.echo(f"✔ the local plane runs: {state['api_url']}")
    typer.echo(f"  token:     {state['token_file']} (the CLI finds it by itself)")
    typer.echo(f"  namespace: {state['namespace']}; logs: {options.home / 'logs'}")
    typer.echo(
        "  next:      tidegate model add add_sub 1 --uri "
        f"{(examples_folder() / _REPOSITORY).as_uri()}"
    )


def examples_folder() -> Path:
    """The demo's models: the wheel's own copy, in a checkout where they lie."""
    packaged = Path(__file__).resolve().parents[1] / "examples"
    if packaged.is_dir():
        return packaged
    return Path(__file__).resolve().parents[3] / "examples" / "triton"


def stop(context: typer.Context) -> None:
    """Stop the local plane.

    Endpoints come back with the next `up`.
    """
    world: World = context.obj
    try:
        ran = down(home(world.environ), lambda line: typer.echo(f"◌ {line}"))
    except LaunchError as error:
        raise CliError(str(error)) from None
    typer.echo("✔ the local plane is down" if ran else "no local plane runs")


def demo(
    mode: Annotated[Mode, typer.Option(help="how KServe would run it")] = Mode.STANDARD,
    report: Annotated[Path, typer.Option(help="where the figures go")] = Path(
        "build/demo-report.json"
    ),
    examples: Annotated[
        Path | None, typer.Option(help="a folder with models like the demo's own")
    ] = None,
) -> None:
    """The main job, end to end, on real parts.

    Good versions are promoted, bad ones taken back. About 2.5 minutes.
    """
    _supported()
    models = examples or examples_folder()
    if not (models / _REPOSITORY).is_dir():
        raise usage(
            f"--examples {models}: there is no {_REPOSITORY} in it; leave it out for the demo's "
            "own models"
        )
    # Heavy: every other command starts faster without
    from tidegate_local.demo.perform import (
        Report,
        perform,
    )

    began, figures = time.monotonic(), Report()
    folder = emptied((report.parent / "demo").resolve())

    def say(line: str) -> None:
        typer.echo(f"{time.monotonic() - began:6.1f}  {line}" if line else "")

    failure = perform(folder, mode.value, models, figures, say)
    figures.write(report, mode.value, failure, time.monotonic() - began)
    typer.echo(f"\nfigures: {report}")
    if failure is not None:
        raise CliError(f"the demo failed: {failure} (logs: {folder / 'logs'})", Exit.ERROR)
    typer.echo(f"✔ everything happened as it should, in {time.monotonic() - began:.0f} s")

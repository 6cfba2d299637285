"""`tidegate up`, `down` and `demo`: the local plane."""

import shutil
import time
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.context import home
from tidegate.cli.errors import CliError, Exit, usage
from tidegate.cli.world import World
from tidegate.client import ApiProblem, Client, Unreachable
from tidegate.core.errors import TidegateError
from tidegate.core.intent import Mode
from tidegate.local import toolchain
from tidegate.local.daemon import NAMESPACE, Options
from tidegate.local.demo.play import Stage, play
from tidegate.local.demo.report import Report
from tidegate.local.home import free_port
from tidegate.local.launch import LaunchError, down, up
from tidegate.local.link import Remote


def _supported() -> None:
    if reason := toolchain.unsupported():
        raise CliError(reason)


def start(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="port of the API")] = Options(Path()).api_port,
    workers: Annotated[int, typer.Option(help="how many deploy-workers")] = 1,
    database_url: Annotated[str, typer.Option(help="a Postgres of your own", envvar="TIDEGATE_DATABASE_URL")] = "",
) -> None:
    """Start the local plane: Postgres, S3, Envoy, Triton, API and worker, in the background."""
    _supported()
    world: World = context.obj
    options = Options(home(world.environ), api_port=port, workers=workers, database_url=database_url)
    try:
        told = up(options, lambda line: typer.echo(f"◌ {line}"))
    except LaunchError as error:
        raise CliError(str(error)) from None
    typer.echo(f"✔ the local plane runs: {told['api_url']}")
    typer.echo(f"  token:     {told['token_file']} (the CLI finds it by itself)")
    typer.echo(f"  namespace: {told['namespace']}; logs: {options.home / 'logs'}")
    typer.echo("  next:      tidegate model add add_sub 1 --uri file:///path/to/a/model-repository")


def stop(context: typer.Context) -> None:
    """Stop the local plane; endpoints come back with the next `up`."""
    world: World = context.obj
    try:
        ran = down(home(world.environ), lambda line: typer.echo(f"◌ {line}"))
    except LaunchError as error:
        raise CliError(str(error)) from None
    typer.echo("✔ the local plane is down" if ran else "no local plane runs")


def demo(
    mode: Annotated[Mode, typer.Option(help="how KServe would run it")] = Mode.STANDARD,
    report: Annotated[Path, typer.Option(help="where the figures go")] = Path("build/demo-report.json"),
    examples: Annotated[Path, typer.Option(help="the folder with the demo's models")] = Path("examples/triton"),
) -> None:
    """The main job, end to end: good versions promoted, bad ones taken back, on real parts. About 2.5 minutes."""
    _supported()
    if not (examples / "model-repository").is_dir():
        raise usage(f"--examples {examples}: there is no model-repository in it; run from the source tree")
    began, figures = time.monotonic(), Report()
    folder = (report.parent / "demo").resolve()
    shutil.rmtree(folder, ignore_errors=True)
    failure = _play(folder, mode, examples, figures, began)
    figures.write(report, mode.value, failure, time.monotonic() - began)
    typer.echo(f"\nfigures: {report}")
    if failure is not None:
        raise CliError(f"the demo failed: {failure} (logs: {folder / 'logs'})", Exit.ERROR)
    typer.echo(f"✔ everything happened as it should, in {time.monotonic() - began:.0f} s")


def _play(folder: Path, mode: Mode, examples: Path, figures: Report, began: float) -> str | None:
    """Play on a plane of its own; why it failed, None if it did not."""

    def say(line: str) -> None:
        typer.echo(f"{time.monotonic() - began:6.1f}  {line}" if line else "")

    try:
        plane = up(Options(folder, api_port=free_port()), lambda line: say(f"◌ {line}"))
        say(f"✔ the local plane runs: {plane['api_url']}")
        token = Path(plane["token_file"]).read_text().strip()
        remote = Remote(int(plane["link_port"]), folder / "run" / "link.key")
        with Client(plane["api_url"], token) as client:
            stage = Stage(client, remote, plane, examples, folder, mode.value, say, figures)
            assert stage.key.namespace == NAMESPACE
            play(stage)
    except (TidegateError, ApiProblem, Unreachable) as error:
        return str(error)
    finally:
        try:
            down(folder, lambda _: say("◌ stopping everything"))
        except LaunchError as error:
            say(f"✖ {error}")
    return None

"""`tidegate dev cluster up|down|status`: the real control plane as processes, for those who work on
Tidegate; and `tidegate dev secret`: a Secret for the local plane, which no `kubectl` reaches."""

import base64
import json
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.context import NO_PLANE, PLANE, home
from tidegate.cli.errors import CliError, Exit, usage
from tidegate.cli.world import World
from tidegate.core.errors import TidegateError
from tidegate.core.ports import Apply, Done
from tidegate_local.plane.options import NAMESPACE

app = typer.Typer(help="For those who work on Tidegate.", no_args_is_help=True)
cluster = typer.Typer(help="Real KServe and Knative as processes.", no_args_is_help=True)
app.add_typer(cluster, name="cluster")

_NEEDS = "the dev cluster needs more packages: pip install 'tidegate-local[devcluster]'"


@app.command("secret")
def secret(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="the Secret's name")],
    key: Annotated[str, typer.Option(help="where in it the value lies")] = "token",
    file: Annotated[
        Path | None, typer.Option(help="what holds the value; standard input without it")
    ] = None,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="where pods find it")
    ] = NAMESPACE,
) -> None:
    """Put a Secret into the local plane.

    Pods read it when they start; a cluster's own is made with kubectl.
    """
    from tidegate_local.plane.link import Remote

    world: World = context.obj
    root = home(world.environ)
    try:
        if file:
            text = file.read_text()
        else:
            text = world.stdin.read()
    except (OSError, ValueError) as error:
        raise usage(f"--file {file}: {error}") from None
    value = text.rstrip("\r\n")  # no header can hold a line's end
    if not value:
        raise usage("the value is empty: give it on standard input or in --file")
    try:
        port = json.loads((root / PLANE).read_text())["link_port"]
    except (OSError, ValueError, KeyError):
        raise CliError(NO_PLANE) from None
    meta = {"name": name, "namespace": namespace}
    data = {key: base64.b64encode(value.encode()).decode()}
    manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data}
    made = Remote(port, root / "run" / "link.key").write(Apply(manifest, "*", "by hand"))
    if not isinstance(made, Done):
        raise CliError(made.detail)
    typer.echo(f"✔ Secret {namespace}/{name} holds {key}")


@cluster.command("up")
def start(
    context: typer.Context,
    part: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART",
            help="gateway, prometheus, knative, keda, kserve, tools; knative and kserve by default",
        ),
    ] = None,
    build_only: Annotated[
        bool, typer.Option("--build-only", help="build what is missing, start nothing")
    ] = False,
) -> None:
    """Start it, empty, in the background.

    The first time it is built from source, which needs network and takes a while.
    """
    root = _root(context)
    try:
        from tidegate_local.devcluster import build, cluster, launch
        from tidegate_local.devcluster.control_plane import ClusterError
    except ImportError as error:
        raise CliError(f"{_NEEDS} ({error})") from None
    try:
        parts = cluster.ordered(part or cluster.USUAL)
    except ClusterError as error:
        raise usage(f"--part: {error}") from None
    try:
        build.ensure(cluster.modules(parts), _say)
        if build_only:
            typer.echo("✔ everything is built")
            return
        state = launch.up(root, parts, _say)
    except TidegateError as error:
        raise CliError(str(error)) from None
    typer.echo(f"✔ the dev cluster runs: {state['server']}")
    typer.echo(f"  next: export KUBECONFIG={state['kubeconfig']}")


@cluster.command("down")
def stop(context: typer.Context) -> None:
    """Stop it; what was in it is gone."""
    try:
        from tidegate_local.devcluster import launch

        ran = launch.down(_root(context), _say)
    except ImportError as error:
        raise CliError(f"{_NEEDS} ({error})") from None
    except TidegateError as error:
        raise CliError(str(error)) from None
    typer.echo("✔ the dev cluster is down" if ran else "no dev cluster runs")


@cluster.command("status")
def status(context: typer.Context) -> None:
    """Whether it runs, and how to reach it.

    Exit 3 where it does not.
    """
    try:
        from tidegate_local.devcluster import launch
    except ImportError as error:
        raise CliError(f"{_NEEDS} ({error})") from None
    state = launch.state(_root(context))
    if state is None:
        typer.echo("no dev cluster runs: `tidegate dev cluster up` starts one")
        raise typer.Exit(Exit.DEGRADED)
    typer.echo(
        f"{state['state']}{': ' + state['step'] if state.get('step') else ''} (pid {state['pid']})"
    )
    if state["state"] == "ready":
        typer.echo(f"  parts:      {', '.join(state['parts'])}")
        typer.echo(f"  server:     {state['server']}")
        typer.echo(f"  KUBECONFIG: {state['kubeconfig']}")


def _root(context: typer.Context) -> Path:
    world: World = context.obj
    return home(world.environ) / "devcluster"


def _say(line: str) -> None:
    typer.echo(f"◌ {line}")

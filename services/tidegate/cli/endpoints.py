"""`tidegate endpoint …`: create, get, list, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType

from tidegate.cli import accepted, completion, preflight, show_endpoint, watch
from tidegate.cli.errors import CliError, Exit, usage
from tidegate.cli.files import read_body
from tidegate.cli.options import DryRun, Endpoint, Limit, Reason, Wait, Yes, command, timeout
from tidegate.cli.session import Session
from tidegate.cli.words import model as model_of
from tidegate.core.intent import Runtime, Scaling

if TYPE_CHECKING:
    from tidegate.schemas import responses as out

app = typer.Typer(help="The durable names that clients call.", no_args_is_help=True)
CREATE_TIMEOUT = "15m"
REVISIONS = 10  # of the newest that `get` shows


@app.command("create")
@command
def create(
    session: Session,
    name: Annotated[
        str | None, typer.Argument(help="A DNS label of at most 40 characters.")
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", "-f", help="YAML or JSON; - reads standard input.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Model id.", autocompletion=completion.models)
    ] = None,
    version: Annotated[
        str | None,
        typer.Option("--version", help="Model version id.", autocompletion=completion.versions),
    ] = None,
    mode: Annotated[
        str | None, typer.Option(help="standard or knative; default: the service's setting.")
    ] = None,
    minimum: Annotated[
        int | None,
        typer.Option("--min", help=f"Replicas at least; default: {Scaling().min_replicas}."),
    ] = None,
    maximum: Annotated[
        int | None, typer.Option("--max", help="Replicas at most; default: as many as at least.")
    ] = None,
    keda: Annotated[bool, typer.Option("--keda", help="Scale with KEDA.")] = False,
    runtime: Annotated[
        str | None, typer.Option(help=f"KServe's serving runtime; default: {Runtime().name}.")
    ] = None,
    runtime_version: Annotated[
        str | None, typer.Option(help="The image tag of the runtime; default: the runtime's own.")
    ] = None,
    gpu: Annotated[int | None, typer.Option(help="GPUs per replica; default: 0.")] = None,
    protocol: Annotated[str | None, typer.Option(help="v2 or grpc-v2; default: v2.")] = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    wait: Wait = False,
    time_limit: Annotated[
        str, typer.Option("--timeout", help="Of --wait; exit 124.")
    ] = CREATE_TIMEOUT,
) -> None:
    """Make an endpoint, from a file or from options."""
    options = {
        "model_id": model,
        "model_version_id": version,
        "mode": mode,
        "runtime": runtime,
        "autoscaling": _without_nones(minReplicas=minimum, maxReplicas=maximum, keda=keda or None),
        "runtime_config": _without_nones(
            runtimeVersion=runtime_version, gpu=gpu, protocolVersion=protocol
        ),
    }
    body = _body(session, name, file, _without_nones(**options))
    seconds = timeout(time_limit)
    if reason:
        body["reason"] = reason
    session.doing = "making the endpoint"
    namespace = _namespace(session, body)
    made = session.api.change(
        lambda client, options: client.create_endpoint(body, namespace=namespace, options=options),
        dry_run=dry_run,
    )
    session.warn(made.warnings)
    for line in preflight.told(made.preflight):
        session.note(line)
    session.note(accepted.endpoint(made))
    endpoint = _finish(session, made, wait=wait, seconds=seconds)
    if wait and not dry_run and endpoint.phase == "degraded":
        raise CliError(
            f"endpoint {made.namespace}/{made.name} is degraded: {endpoint.message}", Exit.DEGRADED
        )


def _finish(
    session: Session, made: out.EndpointChange, *, wait: bool, seconds: float | None
) -> out.EndpointOut:
    """Show what was made, or with `wait` what it came to."""
    endpoint: out.EndpointOut = made
    if made.dry_run:
        session.dry_run()
    elif wait:
        endpoint = watch.endpoint(session, (made.namespace, made.name), made.generation, seconds)
    now = session.world.now()
    session.show(
        endpoint,
        show_endpoint.name,
        lambda: show_endpoint.details(endpoint, now, dry_run=made.dry_run),
    )
    return endpoint


@app.command("adopt")
@command
def adopt(
    session: Session,
    endpoint: Annotated[
        str, typer.Argument(help="NAME or NAMESPACE/NAME of the InferenceService.")
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="The model whose versions come next; default: none.",
            autocompletion=completion.models,
        ),
    ] = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    wait: Wait = False,
    time_limit: Annotated[
        str, typer.Option("--timeout", help="Of --wait; exit 124.")
    ] = CREATE_TIMEOUT,
) -> None:
    """Take an InferenceService of your own under Tidegate.

    It serves on as r0: no pod restarts, no request is lost.
    """
    key, seconds = session.key(endpoint), timeout(time_limit)
    session.doing = "adopting the endpoint"
    body = _without_nones(model_id=model, reason=reason or None)
    made = session.api.change(
        lambda client, options: client.adopt_endpoint(*key, body, options), dry_run=dry_run
    )
    session.warn(made.warnings)
    session.note(accepted.endpoint(made))
    _finish(session, made, wait=wait, seconds=seconds)


def _without_nones(**fields: Any) -> dict[str, Any]:
    """Only what was given, so that the service's defaults hold."""
    return {name: value for name, value in fields.items() if value not in (None, {})}


def _body(
    session: Session, name: str | None, file: str | None, values: dict[str, Any]
) -> dict[str, Any]:
    if file is not None:
        if name is not None or values:
            raise usage(
                "-f FILE says everything: leave NAME and the options of the endpoint out, or leave "
                "-f out"
            )
        return read_body(session, file)
    if name is None:
        raise usage(
            "name the endpoint: `tidegate endpoint create NAME --model M --version V`, or give -f "
            "FILE"
        )
    for option, field in (("--model", "model_id"), ("--version", "model_version_id")):
        if field not in values:
            raise usage(
                f"{option} is missing: name the model version that the endpoint begins with"
            )
    namespace, _, name = name.rpartition("/")
    return {"name": name, **({"namespace": namespace} if namespace else {}), **values}


def _namespace(session: Session, body: dict[str, Any]) -> str | None:
    """None: the body names it."""
    if "namespace" in body:
        if session.namespace not in (None, body["namespace"]):
            raise usage(
                f"-n {session.namespace} and the namespace {body['namespace']!r} differ: leave one "
                "out"
            )
        return None
    return session.in_namespace


@app.command("get")
@command
def get(session: Session, endpoint: Endpoint) -> None:
    """One endpoint: who serves, traffic, replicas, why."""
    key = session.key(endpoint)
    result = session.api.endpoint(key)

    def text() -> RenderableType:
        revisions = session.api.items(lambda client: client.revisions(*key), REVISIONS)
        return show_endpoint.details(result, session.world.now(), revisions)

    session.show(result, show_endpoint.name, text)


@app.command("list")
@command
def index(session: Session, limit: Limit = 500) -> None:
    """Every endpoint that you may see; with -n those of one tenant."""
    endpoints = session.api.endpoints(session.namespace, limit)
    session.show(
        endpoints, show_endpoint.name, lambda: show_endpoint.listing(endpoints, session.world.now())
    )


@app.command("delete")
@command
def delete(
    session: Session,
    endpoint: Endpoint,
    yes: Yes = False,
    reason: Reason = "",
    dry_run: DryRun = False,
) -> None:
    """Take an endpoint away.

    A running rollout is aborted first. History and numbers stay.
    """
    key = session.key(endpoint)
    seen = session.api.endpoint(key)
    if not dry_run:
        session.confirm(f"Delete {'/'.join(key)}, which serves {model_of(seen.stable)}?", yes=yes)
    gone = session.api.change(
        lambda client, options: client.delete_endpoint(*key, reason=reason, options=options),
        dry_run=dry_run,
        generation=seen.generation,
    )
    session.note(accepted.endpoint(gone))
    if dry_run:
        session.dry_run()
    session.show(
        gone,
        show_endpoint.name,
        lambda: show_endpoint.details(gone, session.world.now(), dry_run=dry_run),
    )

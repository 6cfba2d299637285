"""`tidegate tenant …`: what the specs of a tenant may name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType

from tidegate.cli import accepted, words
from tidegate.cli.errors import usage
from tidegate.cli.files import read_body
from tidegate.cli.options import DryRun, Reason, command
from tidegate.cli.session import Session
from tidegate.core.agreement import TenantMode

if TYPE_CHECKING:
    from tidegate.schemas import responses as out

app = typer.Typer(help="What the specs of a tenant may name.", no_args_is_help=True)
Namespace = Annotated[str | None, typer.Argument(help="Default: the namespace of this call.")]
_ROWS = {
    "serviceAccounts": "Service accounts",
    "secrets": "Secrets",
    "uriPrefixes": "Models below",
    "runtimes": "Runtimes",
    "imageTags": "Image tags",
    "nodeSelectors": "Node selectors",
    "tolerations": "Tolerations",
    "gpuTypes": "GPU types",
}
_MODES = {
    TenantMode.ENFORCE: "abort and pause",
    TenantMode.TRIAL: "in trial: stored, and nothing follows from them",
}


@app.command("show")
@command
def show(session: Session, tenant: Namespace = None) -> None:
    """What a tenant's specs may name, and the most that one may ask for.

    With -o yaml: what `tidegate tenant set -f` takes.
    """
    name = tenant or session.in_namespace
    result = session.api.read(lambda client: client.tenant(name))
    session.show(result, _name, lambda: _table(result))


@app.command("set")
@command
def put(
    session: Session,
    file: Annotated[
        str,
        typer.Option(
            "--file", "-f", help="YAML or JSON as `tenant show -o yaml` prints it; -: stdin."
        ),
    ],
    tenant: Namespace = None,
    reason: Reason = "",
    dry_run: DryRun = False,
) -> None:
    """Say what a tenant's specs may name. For administrators.

    The file holds the whole list. What serves goes on serving.
    """
    name, body = tenant or session.in_namespace, read_body(session, file, "allowed: …")
    allowed = body.get("allowed", body)
    generation = body.get("generation")
    sent = {"allowed": allowed, "reason": reason}
    # of the file: nobody changed it since
    seen = None
    if isinstance(generation, int):
        seen = generation
    tenant_change = session.api.change(
        lambda client, options: client.put_tenant(name, sent, options),
        dry_run=dry_run,
        generation=seen,
    )
    session.warn(tenant_change.warnings)
    session.note(
        accepted.line(
            "set", "it holds for what is asked from now on; what serves goes on", dry_run=dry_run
        )
    )
    if dry_run:
        session.dry_run()
    session.show(tenant_change, _name, lambda: _table(tenant_change))


@app.command("mode")
@command
def mode(
    session: Session,
    tenant: Annotated[str, typer.Argument(help="The namespace.")],
    value: Annotated[
        TenantMode, typer.Argument(metavar="trial|enforce", help="Whether verdicts act.")
    ],
    reason: Reason = "",
    dry_run: DryRun = False,
) -> None:
    """Put a tenant into trial, or take it out.

    In trial everything is judged and stored, and no verdict moves traffic. For its administrators.
    """
    body = {"mode": value.value, "reason": reason}
    tenant_change = session.api.change(
        lambda client, options: client.put_tenant_mode(tenant, body, options), dry_run=dry_run
    )
    session.warn(tenant_change.warnings)
    line = "it holds for rollouts that start from now on"
    session.note(accepted.line("mode", line, dry_run=dry_run))
    if dry_run:
        session.dry_run()
    session.show(tenant_change, _name, lambda: _table(tenant_change))


@app.command("accept")
@command
def accept(
    session: Session,
    tenant: Annotated[str, typer.Argument(help="The namespace.")],
    points: Annotated[
        str, typer.Argument(metavar="POINTS|none", help="Percent points, such as 4; none: nobody.")
    ],
    reason: Reason = "",
    dry_run: DryRun = False,
) -> None:
    """Say how much worse a candidate may be, and still be accepted without a person.

    At the end of a time box, where the plan says `--on-time-box accept`. For its administrators.
    """
    body = {"max_accepted_points": _points(points), "reason": reason}
    tenant_change = session.api.change(
        lambda client, options: client.put_tenant_acceptance(tenant, body, options),
        dry_run=dry_run,
    )
    session.warn(tenant_change.warnings)
    line = "it holds for rollouts that start from now on"
    session.note(accepted.line("accept", line, dry_run=dry_run))
    if dry_run:
        session.dry_run()
    session.show(tenant_change, _name, lambda: _table(tenant_change))


def _points(text: str) -> float | None:
    if text == "none":
        return None
    try:
        return float(text)
    except ValueError:
        raise usage(f"{text!r} is no number of percent points: write 4, or none") from None


def _name(tenant: out.TenantOut) -> str:
    return f"tenant/{tenant.namespace}"


def _table(tenant: out.TenantOut) -> RenderableType:
    table = words.pairs()
    allowed = tenant.allowed
    who = f"{tenant.updated_by}, generation {tenant.generation}"
    table.add_row("Tenant:", tenant.namespace)
    table.add_row("Set by:", "nobody yet: the installation's default" if tenant.default else who)
    for field, label in _ROWS.items():
        table.add_row(f"{label}:", ", ".join(getattr(allowed, field)) or "none")
    limits = [f"{name} {most}" for name, most in allowed.limits if most is not None]
    table.add_row("At most:", ", ".join(limits) or "no limit")
    table.add_row("Verdicts:", _MODES[tenant.mode])
    points = tenant.max_accepted_points
    accepts = "accepted by people only"
    if points is not None:
        accepts = f"accepted without a person up to {points:g} points worse"
    table.add_row("Bounds:", accepts)
    return table

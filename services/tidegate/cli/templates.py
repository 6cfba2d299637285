"""`tidegate template …`: the rollout templates of Kubeflow Pipelines.

What knows them is imported where it is needed: it takes longer to load than all other commands
together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli import completion, watch
from tidegate.cli.errors import CliError, Exit
from tidegate.cli.options import DryRun, Timeout, Wait, command, timeout
from tidegate.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate.template_service.kfp import Kfp
    from tidegate.template_service.rendering import Rendered
    from tidegate.template_service.submitting import Run

app = typer.Typer(help="Rollout templates for Kubeflow Pipelines.", no_args_is_help=True)
Name = Annotated[
    str,
    typer.Argument(
        metavar="TEMPLATE",
        help="Its name: `tidegate template list`.",
        autocompletion=completion.templates,
    ),
]
Values = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME=VALUE]...",
        help="Parameters; NAME=@FILE reads one.",
        autocompletion=completion.parameters,
    ),
]
Image = Annotated[
    str | None,
    typer.Option(help="What the tasks run, pinned. [env: TIDEGATE_IMAGE] Default: the catalog's."),
]
KfpUrl = Annotated[str | None, typer.Option(help="KFP's API. [env: TIDEGATE_KFP_URL]")]


@app.command("list")
@command
def index(session: Session) -> None:
    """Every template."""
    from tidegate.cli import kubeflow, show_template

    with kubeflow.explained():
        catalog = kubeflow.catalog(session)
    data = [
        entry.model_dump(include={"name", "version", "title", "description", "strategy", "tags"})
        for entry in catalog
    ]
    session.show(data, _name, lambda: show_template.listing(catalog))


@app.command("show")
@command
def show(session: Session, template: Name) -> None:
    """One template with its parameters."""
    from tidegate.cli import kubeflow, show_template

    with kubeflow.explained():
        entry = kubeflow.catalog(session).entry(template)
    data = entry.model_dump(mode="json", exclude_none=True)
    session.show(data, _name, lambda: show_template.whole(entry))


@app.command("render")
@command
def rendered(
    session: Session,
    template: Name,
    values: Values = None,
    image: Image = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Write it there.")] = None,
) -> None:
    """The template with these values as its defaults, as YAML that KFP takes.

    Every value that does not fit is named.
    """
    made = _render(session, template, values, image)
    if file is None:
        session.world.stdout.write(made.text())
        return
    try:
        file.write_text(made.text())
    except OSError as error:
        raise CliError(f"cannot write {file}: {error.strerror or error}") from None
    session.note(f"✔ {file}: {template} {made.entry.version}")


@app.command("submit")
@command
def submit(
    session: Session,
    template: Name,
    values: Values = None,
    kfp_url: KfpUrl = None,
    image: Image = None,
    experiment: Annotated[str, typer.Option(help="Made where there is none.")] = "tidegate",
    run_name: Annotated[
        str, typer.Option(help="Shown in KFP; default: template, endpoint and version.")
    ] = "",
    service_account: Annotated[
        str, typer.Option(help="That the run's pods get; default: KFP's own.")
    ] = "",
    wait: Wait = False,
    time_limit: Timeout = None,
    dry_run: DryRun = False,
) -> None:
    """Start a run of the template in KFP.

    In a KFP of several users -n names the run's namespace. With submission_id=ID, as an error named
    it, an earlier submission is looked for first, and nothing is begun twice. --dry-run shows what
    KFP would be sent, with -o json or yaml whole.
    """
    from tidegate.cli import kubeflow, show_template
    from tidegate.template_service import landing, submitting

    seconds = timeout(time_limit)
    made = _render(session, template, values, image)
    author = session.world.environ.get("USER", "tidegate")
    namespace = kubeflow.namespace(session)
    target = submitting.Target(namespace, experiment, run_name, service_account)
    with kubeflow.explained():
        submitting.check(target)
    if dry_run:
        body = submitting.request(made, target, author)
        session.dry_run()
        session.show(
            {"experiment": {"display_name": experiment, "namespace": namespace}, "run": body},
            lambda _: f"template/{template}",
            lambda: show_template.request(made, target, body),
        )
        return
    kfp = kubeflow.kfp(session, kfp_url)
    with kubeflow.explained():
        target = replace(target, namespace=submitting.place(kfp, namespace))
        kubeflow.warn_of_unknown_release(session, kfp)
        run = landing.submit(kfp, made, target, author, kubeflow.tidegate(session))
    if wait:
        run = _wait(session, kfp, run.run_id, seconds)
    _end(session, run)


@app.command("run")
@command
def show_run(
    session: Session,
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Its id, as `submit` printed it.")],
    kfp_url: KfpUrl = None,
    wait: Wait = False,
    time_limit: Timeout = None,
) -> None:
    """A run that was started here, task by task.

    The exit code follows the run: 3 once it has failed.
    """
    from tidegate.cli import kubeflow
    from tidegate.template_service import submitting

    seconds = timeout(time_limit)
    kfp = kubeflow.kfp(session, kfp_url)
    with kubeflow.explained():
        run = submitting.observe(kfp, run_id)
    if wait and not run.ended:
        run = _wait(session, kfp, run_id, seconds)
    _end(session, run)


@app.command("upload")
@command
def upload(session: Session, kfp_url: KfpUrl = None, image: Image = None) -> None:
    """Upload the catalog as pipelines of KFP; what is there already is left alone.

    In a KFP of several users -n names the namespace that gets them; without it they are shared by
    all.
    """
    from tidegate.cli import kubeflow, show_template
    from tidegate.template_service import uploading

    chosen = image or session.world.environ.get("TIDEGATE_IMAGE")
    with kubeflow.explained():
        catalog = kubeflow.catalog(session)
        kfp = kubeflow.kfp(session, kfp_url)
        place = uploading.place(kfp, kubeflow.namespace(session))
        kubeflow.warn_of_unknown_release(session, kfp)
        made = list(uploading.upload(kfp, catalog, place, chosen))
    session.show(
        made,
        lambda item: f"pipeline/{item.name}/{item.version}",
        lambda: show_template.uploads(made),
    )


def _render(
    session: Session, template: str, values: list[str] | None, image: str | None
) -> Rendered:
    from tidegate.cli import kubeflow
    from tidegate.template_service.rendering import render

    with kubeflow.explained():
        catalog = kubeflow.catalog(session)
        arguments = kubeflow.given(catalog.entry(template), values or [])
        return render(
            catalog, template, arguments, image or session.world.environ.get("TIDEGATE_IMAGE")
        )


def _wait(session: Session, kfp: Kfp, run_id: str, seconds: float | None) -> Run:
    from tidegate.cli import kubeflow, show_template
    from tidegate.template_service import submitting

    def observe() -> Run:
        with kubeflow.explained():
            return submitting.observe(kfp, run_id)

    def mark(seen: Run) -> object:
        return seen.state, [(task.name, task.state) for task in seen.tasks]

    goes_on = f"the run goes on in KFP: {run_id}"
    with watch.on_change(lambda seen: session.note(show_template.change(seen)), mark) as view:
        return watch.follow(session, observe, lambda seen: seen.ended, view, seconds, goes_on)


def _end(session: Session, run: Run) -> None:
    """Show a run; the exit code follows it. Raises CliError."""
    from tidegate.cli import show_template

    session.show(run, lambda item: f"run/{item.run_id}", lambda: show_template.run(run))
    if run.ended and run.state != "SUCCEEDED":
        message = f"run {run.run_id} {run.state.lower()}: {run.error or 'see its page in KFP'}"
        raise CliError(message, Exit.DEGRADED)


def _name(item: Mapping[str, object]) -> str:
    return f"template/{item['name']}"

"""What a shell offers while somebody types: names that the API knows, asked with a short deadline.

Never an error: where the API does not answer in time, refuses, or is not known, nothing is
offered."""

import contextlib
import io
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice
from threading import Thread
from typing import Any

import typer

from tidegate.cli.session import Session
from tidegate.cli.world import World
from tidegate.core.strategy import Kind

MOST = 200  # names that are looked at
Ask = Callable[[Session], Iterable[str]]


def endpoints(ctx: typer.Context, incomplete: str) -> list[str]:
    """Endpoints of the namespace that holds; with their namespace where none does, or where one is
    typed already."""

    def ask(session: Session) -> Iterable[str]:
        home = None
        if "/" not in incomplete:
            home = _namespace(session)
        for endpoint in session.api.endpoints(home, MOST):
            if home:
                yield str(endpoint.name)
            else:
                yield f"{endpoint.namespace}/{endpoint.name}"

    return _answers(ctx, ask)


def models(ctx: typer.Context, incomplete: str) -> list[str]:
    """Registered models."""
    return _answers(
        ctx, lambda session: (str(model.model_id) for model in session.api.models(MOST))
    )


def versions(ctx: typer.Context, incomplete: str) -> list[str]:
    """Versions of the model that is named, else of the one that the named endpoint serves."""

    def ask(session: Session) -> Iterable[str]:
        model = ctx.params.get("model") or ctx.params.get("model_id") or _serving(session, ctx)
        return (str(version.version_id) for version in session.api.versions(model, MOST))

    return _answers(ctx, ask)


def revisions(ctx: typer.Context, incomplete: str) -> list[str]:
    """Revisions of the endpoint that is named."""

    def ask(session: Session) -> Iterable[str]:
        key = session.key(_endpoint(ctx))
        return (str(revision.label) for revision in session.api.revisions(key, MOST))

    return _answers(ctx, ask)


def tenants(ctx: typer.Context, incomplete: str) -> list[str]:
    """The caller's tenants."""
    return _answers(ctx, lambda session: session.api.read(lambda client: client.whoami()).tenants)


def strategies(ctx: typer.Context, incomplete: str) -> list[str]:
    """The strategies that a rollout can be started with."""
    return [kind.value for kind in Kind if kind is not Kind.UNDO]


def templates(ctx: typer.Context, incomplete: str) -> list[str]:
    """The templates of the installed catalog."""

    def ask(session: Session) -> Iterable[str]:
        from tidegate.cli import kubeflow  # pydantic: a while to load

        return (entry.name for entry in kubeflow.catalog(session))

    return _answers(ctx, ask)


def parameters(ctx: typer.Context, incomplete: str) -> list[str]:
    """`NAME=` of each parameter of the template that is named."""

    def ask(session: Session) -> Iterable[str]:
        from tidegate.cli import kubeflow

        entry = kubeflow.catalog(session).entry(ctx.params["template"])
        return (f"{parameter.name}=" for parameter in entry.parameters)

    return _answers(ctx, ask)


def _answers(ctx: typer.Context, ask: Ask) -> list[str]:
    """What is known within the deadline of the world."""
    world = ctx.obj
    if not isinstance(world, World):
        return []
    names: list[str] = []

    def collect() -> None:
        with contextlib.suppress(Exception):
            names.extend(islice(ask(_session(world, ctx.params)), MOST))

    thread = Thread(target=collect, daemon=True)  # one that still waits ends with the process
    thread.start()
    thread.join(world.deadline)
    if thread.is_alive():
        return []
    return names


def _session(world: World, values: dict[str, Any]) -> Session:
    """A session that says nothing: the line is still being typed."""
    silent = replace(world, stderr=io.StringIO())
    return Session(
        silent, namespace=values.get("namespace"), url=values.get("url"), token=values.get("token")
    )


def _namespace(session: Session) -> str | None:
    """The namespace of this call, where it is known without a call of its own."""
    return (
        session.namespace
        or session.world.environ.get("TIDEGATE_NAMESPACE")
        or session.target.namespace
    )


def _endpoint(ctx: typer.Context) -> str:
    """The endpoint on the line. Behind an option that still lacks its value the parser leaves it
    among the rest."""
    return str(ctx.params.get("endpoint") or ctx.args[0])


def _serving(session: Session, ctx: typer.Context) -> str:
    endpoint = session.api.endpoint(session.key(_endpoint(ctx)))
    if not endpoint.stable:
        return ""
    return endpoint.stable.model_id

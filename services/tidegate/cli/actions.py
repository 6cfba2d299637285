"""`tidegate rollout promote | abort | pause | resume | approve | reject`: what a person asks of a
running rollout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from tidegate.cli import find
from tidegate.cli.find import Named
from tidegate.cli.options import DryRun, Force, Reason, Timeout, Wait, command, timeout
from tidegate.cli.rollouts import finish
from tidegate.cli.session import Session

if TYPE_CHECKING:
    from tidegate.schemas import responses as out


def _ask(
    session: Session, named: str, verb: str, reason: str, *, dry_run: bool, force: bool = False
) -> out.RolloutChange:
    rollout_id = find.running(session, named)
    return session.api.change(
        lambda client, options: client.act(
            rollout_id, verb, reason=reason, force=force, options=options
        ),
        dry_run=dry_run,
    )


@command
def promote(
    session: Session,
    named: Named,
    force: Force = False,
    reason: Reason = "",
    dry_run: DryRun = False,
    wait: Wait = False,
    time_limit: Timeout = None,
) -> None:
    """Make the candidate stable now.

    That is the answer where a person is waited for, else it needs --force.
    """
    seconds = timeout(time_limit)
    rollout_change = _ask(session, named, "promote", reason, dry_run=dry_run, force=force)
    finish(session, "promote", rollout_change, wait=wait and not dry_run, seconds=seconds)


@command
def abort(
    session: Session,
    named: Named,
    reason: Reason = "",
    dry_run: DryRun = False,
    wait: Wait = False,
    time_limit: Timeout = None,
) -> None:
    """Back to stable.

    Always works; with --wait it succeeds when the rollout is aborted.
    """
    seconds = timeout(time_limit)
    rollout_change = _ask(session, named, "abort", reason, dry_run=dry_run)
    finish(
        session, "abort", rollout_change, wait=wait and not dry_run, seconds=seconds, want="aborted"
    )


@command
def pause(session: Session, named: Named, reason: Reason = "", dry_run: DryRun = False) -> None:
    """Stop upward moves.

    A failing candidate is still rolled back.
    """
    finish(
        session,
        "pause",
        _ask(session, named, "pause", reason, dry_run=dry_run),
        wait=False,
        seconds=None,
    )


@command
def resume(session: Session, named: Named, reason: Reason = "", dry_run: DryRun = False) -> None:
    """End a pause or an override: the rollout controller goes on."""
    finish(
        session,
        "resume",
        _ask(session, named, "resume", reason, dry_run=dry_run),
        wait=False,
        seconds=None,
    )


@command
def approve(session: Session, named: Named, reason: Reason = "", dry_run: DryRun = False) -> None:
    """Say yes to the step that waits for a person."""
    finish(
        session,
        "approve",
        _ask(session, named, "approve", reason, dry_run=dry_run),
        wait=False,
        seconds=None,
    )


@command
def reject(session: Session, named: Named, reason: Reason = "", dry_run: DryRun = False) -> None:
    """Say no: back to stable."""
    finish(
        session,
        "reject",
        _ask(session, named, "reject", reason, dry_run=dry_run),
        wait=False,
        seconds=None,
    )


def register(app: typer.Typer) -> None:
    """Add them to `tidegate rollout`."""
    for name, action in (
        ("promote", promote),
        ("abort", abort),
        ("pause", pause),
        ("resume", resume),
        ("approve", approve),
        ("reject", reject),
    ):
        app.command(name)(action)

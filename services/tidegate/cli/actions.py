"""`tidegate rollout promote | abort | pause | resume | approve | reject`: what a person asks of a
running rollout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli import find, show_rollout
from tidegate.cli.errors import usage
from tidegate.cli.find import Named
from tidegate.cli.options import DryRun, Force, Reason, Timeout, Wait, command, timeout
from tidegate.cli.rollouts import finish
from tidegate.cli.session import Session

if TYPE_CHECKING:
    from tidegate.schemas import responses as out


Step = Annotated[
    int | None,
    typer.Option(
        min=1, help="The step that is answered; default, on a terminal: the one that waits, shown."
    ),
]
_STARTED = {"approve": "Approve", "promote": "Promote at"}


def _ask(
    session: Session,
    named: str,
    verb: str,
    reason: str,
    *,
    dry_run: bool,
    force: bool = False,
    step: int | None = None,
) -> out.RolloutChange:
    rollout_id = find.running(session, named)
    if verb in _STARTED and step is None and not force:
        step = _confirmed_step(session, rollout_id, named, verb)
    return session.api.change(
        lambda client, options: client.act(
            rollout_id, verb, reason=reason, force=force, step=step, options=options
        ),
        dry_run=dry_run,
    )


def _confirmed_step(session: Session, rollout_id: str, named: str, verb: str) -> int | None:
    """The step that waits for an answer, after its evidence was shown and a person said yes; None
    where none waits. Without a terminal nobody sees the evidence, so the step has to be named."""
    seen = session.api.rollout(rollout_id)
    if not _waits(seen):
        return None
    where = f"step {seen.step} of {len(seen.steps)}"
    if not session.world.stdin.isatty():
        raise usage(
            f"{where} waits, and nobody can look at it here: `tidegate rollout status {named}` "
            f"shows its evidence, then repeat with --step {seen.step}"
        )
    session.show_aside(show_rollout.status(seen, session.world.now()))
    traffic = show_rollout.candidate_traffic(seen.steps[seen.step - 1])
    session.confirm(f"{_STARTED[verb]} {where} ({traffic}) of r{seen.candidate}?", yes=False)
    return int(seen.step)


def _waits(rollout: out.RolloutOut) -> bool:
    """Whether its present step is ended by a person's answer."""
    if rollout.phase in show_rollout.ENDED or rollout.override:
        return False
    if not 0 < rollout.step <= len(rollout.steps):
        return False
    boxed = rollout.pause is not None and rollout.pause.kind == "time-box"
    return boxed or rollout.steps[rollout.step - 1].until == "approval"


@command
def promote(
    session: Session,
    named: Named,
    force: Force = False,
    step: Step = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    wait: Wait = False,
    time_limit: Timeout = None,
) -> None:
    """Make the candidate stable now.

    Where a step waits for a person that is the answer, and names it; else it needs --force.
    """
    seconds = timeout(time_limit)
    made = _ask(session, named, "promote", reason, dry_run=dry_run, force=force, step=step)
    finish(session, made, wait=wait and not dry_run, seconds=seconds)


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
    made = _ask(session, named, "abort", reason, dry_run=dry_run)
    finish(session, made, wait=wait and not dry_run, seconds=seconds, want="aborted")


@command
def pause(session: Session, named: Named, reason: Reason = "", dry_run: DryRun = False) -> None:
    """Stop upward moves.

    A failing candidate is still rolled back.
    """
    made = _ask(session, named, "pause", reason, dry_run=dry_run)
    finish(session, made, wait=False, seconds=None)


@command
def resume(session: Session, named: Named, reason: Reason = "", dry_run: DryRun = False) -> None:
    """End a pause or an override: the rollout controller goes on."""
    made = _ask(session, named, "resume", reason, dry_run=dry_run)
    finish(session, made, wait=False, seconds=None)


@command
def approve(
    session: Session,
    named: Named,
    step: Step = None,
    reason: Reason = "",
    dry_run: DryRun = False,
) -> None:
    """Say yes to the step that waits for a person.

    A terminal shows the step with its evidence and asks; elsewhere --step names it.
    """
    made = _ask(session, named, "approve", reason, dry_run=dry_run, step=step)
    finish(session, made, wait=False, seconds=None)


@command
def reject(session: Session, named: Named, reason: Reason = "", dry_run: DryRun = False) -> None:
    """Say no: back to stable."""
    made = _ask(session, named, "reject", reason, dry_run=dry_run)
    finish(session, made, wait=False, seconds=None)


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

"""`tidegate report trial`: what verdicts would have done, beside what people did."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType

from tidegate.cli import words
from tidegate.cli.options import command
from tidegate.cli.session import Session
from tidegate.cli.words import age

if TYPE_CHECKING:
    from tidegate.schemas import responses as out

app = typer.Typer(help="Reports over many rollouts.", no_args_is_help=True)


@app.callback()
def reports() -> None:
    """Reports over many rollouts."""


@app.command("trial")
@command
def trial(
    session: Session,
    since: Annotated[
        str | None, typer.Option(help="How far back: 7d, 12h; default: 30 days.")
    ] = None,
) -> None:
    """How often verdicts and people agreed, and where they did not.

    Of rollouts that started while their tenant was in trial.
    """
    start = None
    if since is not None:
        start = datetime.fromtimestamp(session.world.now() - words.seconds(since), UTC).isoformat()
    report = session.api.read(lambda client: client.trial_report(session.namespace, start))
    if not report.rollouts:
        session.note("no rollout in trial: `tidegate tenant mode NAMESPACE trial` begins with it")
    session.show(report, lambda _: "report/trial", lambda: _whole(report, session.world.now()))


def _whole(report: out.TrialReportOut, now: float) -> RenderableType:
    sums = words.pairs()
    agreed = report.both_promoted + report.both_stopped
    decided = agreed + report.false_alarms + report.missed
    sums.add_row("Agreed:", f"{agreed} of {decided}: {report.both_stopped} stopped by both")
    sums.add_row("False alarms:", f"{report.false_alarms}: would have been stopped, people kept it")
    sums.add_row("Missed:", f"{report.missed}: people stopped it, no verdict would have")
    sums.add_row("Open:", str(report.open))
    sums.add_row("Spared:", f"{report.requests_spared:,} requests of candidates that both stopped")
    table = words.table("ROLLOUT", "ENDPOINT", "AGE", "PEOPLE", "AGREEMENT", "WOULD HAVE")
    table.columns[0].no_wrap = True
    for rollout in report.rollouts:
        table.add_row(
            rollout.id[:8],
            f"{rollout.namespace}/{rollout.endpoint} r{rollout.candidate}",
            age(rollout.created_at, now),
            _people(rollout),
            rollout.agreement,
            "; ".join(each.message for each in rollout.would_have) or "gone on",
        )
    return Group(sums, "", table)


def _people(rollout: out.TrialRolloutOut) -> str:
    """What became of it."""
    if rollout.stopped_by is not None:
        return f"stopped by {rollout.stopped_by}"
    return rollout.outcome or "it runs"

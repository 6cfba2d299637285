"""`tidegate rollout report`: one rollout as one HTML file, to be kept with the change."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli import find
from tidegate.cli.errors import CliError
from tidegate.cli.options import command
from tidegate.cli.session import Session

if TYPE_CHECKING:
    from tidegate.pages.report import Record
    from tidegate.schemas import responses as out

REVISIONS = 1000  # of an endpoint that are searched for the two of a rollout
LATE_S = 5.0  # the last words about a rollout may be written after its end


@command
def report(
    session: Session,
    named: find.Named,
    file: Annotated[
        str | None,
        typer.Option(
            "--output-file",
            "-f",
            help="Where it is written; - is stdout; default: rollout-ID.html.",
        ),
    ] = None,
) -> None:
    """Write a rollout's report: one HTML file without scripts.

    Plan, charts, verdicts, who did what, and the ledger's head: the record for a change request.
    """
    from tidegate.pages.report import page  # the schemas: a while to load

    rollout = find.newest(session, named)
    text = page(record(session, rollout))
    if file == "-":
        session.world.stdout.write(text)
        return
    path = Path(file or f"rollout-{rollout.id[:8]}.html")
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CliError(
            f"cannot write {path}: {error.strerror}; give -f a file that can be written"
        ) from None
    session.note(f"wrote {path}")


def record(session: Session, rollout: out.RolloutOut) -> Record:
    """Everything that the report says, read from the API."""
    from tidegate.pages.report import Record

    key = (rollout.namespace, rollout.endpoint)
    series = session.api.read(lambda client: client.series(rollout.id))
    numbers = (rollout.base, rollout.candidate)
    revisions = session.api.revisions(key, REVISIONS)
    now = datetime.fromtimestamp(session.world.now(), UTC)
    until = rollout.ended_at or now
    begun = rollout.created_at or now
    ledger = session.api.ledger_since(key, begun)
    during = [each for each in ledger if (each.at - until).total_seconds() <= LATE_S]
    mine = [each for each in ledger if each.rollout_id == rollout.id and each not in during]
    return Record(
        rollout,
        series,
        [each for each in revisions if each.revision in numbers],
        sorted((*during, *mine), key=lambda each: each.seq),
        next(iter(ledger), None),
        until,
        now,
        session.target.url.rstrip("/"),
    )

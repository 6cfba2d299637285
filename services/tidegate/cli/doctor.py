"""`tidegate doctor`: what the installation has, what is missing, what nobody may look at, each with
the remediation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from tidegate.cli import words
from tidegate.cli.errors import CliError, Exit
from tidegate.cli.options import command
from tidegate.cli.session import Session

if TYPE_CHECKING:
    from tidegate.schemas import responses as out

_ICONS = {"ok": words.OK, "missing": words.BAD, "not checked": words.UNKNOWN}


@command
def doctor(session: Session) -> None:
    """What is there, what is missing, and what to do.

    Exit 3 when something is missing without which rollouts cannot go on by themselves.
    """
    report = session.api.read(lambda client: client.doctor())
    session.show(report, lambda _: "doctor", lambda: table(report.checks))
    lacking = [check.name for check in report.checks if check.needed and check.state == "missing"]
    if lacking:
        raise CliError(f"needed and missing: {', '.join(lacking)}", Exit.DEGRADED)


def table(checks: list[out.CheckOut]) -> Table:
    """One row for each part; what is optional and missing is no fault."""
    made = words.table("PART", "STATE", "WHAT", "DO")
    for check in checks:
        sign = _ICONS[check.state]
        if check.state == "missing" and not check.needed:
            sign = words.NEUTRAL
        way_out = ""
        if check.state != "ok":
            way_out = check.remediation
        made.add_row(check.name, words.icon(sign, check.state), check.detail, way_out)
    return made

"""`tidegate strategies`: what a rollout may be started with, as the service tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table

from tidegate.cli import words
from tidegate.cli.options import command
from tidegate.cli.session import Session

if TYPE_CHECKING:
    from tidegate.schemas import responses as out


@command
def strategies(session: Session) -> None:
    """Show the strategies of a rollout and their defaults."""
    result = session.api.read(lambda client: client.strategies())
    session.show(
        result,
        lambda _: "\n".join(choice.kind for choice in result.strategies),
        lambda: shown(result),
    )


def shown(result: out.StrategiesOut) -> Group:
    """One table of strategies, one of the fields that change them."""
    plans = words.table("STRATEGY", "BY DEFAULT", "WHAT IT DOES")
    for choice in result.strategies:
        plans.add_row(choice.kind, _plan(choice.steps), choice.description)
    fields = words.table("FIELD", "DEFAULT", "WHAT IT IS")
    for choice in result.strategies:
        _rows(fields, choice.options, f" ({choice.kind})")
    _rows(fields, result.options, "")
    return Group(plans, "", fields)


def _rows(table: Table, options: list[out.OptionOut], of: str) -> None:
    for option in options:
        table.add_row(option.name + of, _default(option), option.description)


def _plan(steps: list[out.PlannedStepOut]) -> str:
    """`1, 5, 10 %`, `copies of 100 %`, `no traffic`."""
    percents = [str(step.percent) for step in steps if step.percent]
    copies = next((step.mirror_percent for step in steps if step.mirror_percent), None)
    if copies is not None:
        return f"copies of {copies} %"
    if percents:
        return f"{', '.join(percents)} %"
    return "no traffic"


def _default(option: out.OptionOut) -> str:
    value = option.default
    if value is None:
        return "-"
    if isinstance(value, list):
        return ",".join(str(part) for part in value)
    if isinstance(value, str):
        return value
    if option.unit == "seconds":
        return words.lasts(value)
    return f"{value:g}"

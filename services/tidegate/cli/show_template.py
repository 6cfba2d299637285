"""How templates, runs and uploads look on a terminal."""

import json
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from tidegate.cli import words
from tidegate.template_service.catalog import Catalog, Entry, Parameter
from tidegate.template_service.submitting import Run
from tidegate.template_service.uploading import Uploaded

_ICONS = {"SUCCEEDED": words.OK, "FAILED": words.BAD, "CANCELED": words.BAD, "RUNNING": words.GOING}


def listing(catalog: Catalog) -> RenderableType:
    """Every template in a line."""
    table = words.table("NAME", "VERSION", "TITLE", "PARAMETERS")
    for entry in catalog:
        required = [parameter.name for parameter in entry.parameters if parameter.required]
        more = len(entry.parameters) - len(required)
        table.add_row(entry.name, entry.version, entry.title, f"{', '.join(required)} (+{more})")
    return table


def whole(entry: Entry) -> RenderableType:
    """One template with its parameters."""
    head = words.pairs()
    head.add_row("Template:", f"{entry.name} {entry.version}")
    head.add_row("", entry.description)
    table = words.table("PARAMETER", "DEFAULT", "VALUES", "")
    for parameter in entry.parameters:
        default = Text("required") if parameter.required else Text(_value(parameter.default))
        table.add_row(parameter.name, default, Text(values(parameter)), Text(parameter.description))
    return Group(head, Text(), table)


def values(parameter: Parameter) -> str:
    """What it takes, in a few words."""
    match parameter.type:
        case "STRING":
            return (
                " | ".join(choice or '""' for choice in parameter.choices)
                if parameter.choices
                else "text"
            )
        case "BOOLEAN":
            return "true | false"
        case "LIST":
            return (
                f"{parameter.min_items} to {parameter.max_items} numbers"
                if parameter.max_items
                else "list"
            )
        case "STRUCT":
            return "JSON"
    return f"{_number(parameter.minimum)} to {_number(parameter.maximum)}"


def _number(bound: float | None) -> str:
    if bound is None:
        return "…"
    return f"{bound:.0f}" if bound == int(bound) else f"{bound:g}"


def _value(value: Any) -> str:
    return "-" if value in ("", {}) else json.dumps(value) if not isinstance(value, str) else value


def run(seen: Run) -> RenderableType:
    """A run with its tasks."""
    table = words.pairs()
    table.add_row("Run:", f"{seen.name} ({seen.run_id})")
    table.add_row("Template:", f"{seen.template} {seen.version}")
    table.add_row("State:", state(seen.state, seen.error))
    for task in seen.tasks:
        table.add_row("", state(task.state, task.name))
    return table


def state(word: str, message: str = "") -> Text:
    """KFP's word with its sign."""
    return words.icon(_ICONS.get(word, words.WAITING), f"{word.lower()}  {message}".rstrip())


def change(seen: Run) -> str:
    """A run as one line of a watch: the task that it is at."""
    begun = [task for task in seen.tasks if task.state not in ("PENDING", "")]
    at = f": {begun[-1].name}" if begun else ""
    return f"{state(seen.state).plain}{at}{'  ' + seen.error if seen.error else ''}"


def uploads(made: list[Uploaded]) -> RenderableType:
    """What was uploaded, and what was there."""
    table = words.table("NAME", "VERSION", "PIPELINE", "")
    for uploaded in made:
        text = (
            words.icon(words.OK, "uploaded")
            if uploaded.created
            else words.icon(words.NEUTRAL, "was there")
        )
        table.add_row(uploaded.name, uploaded.version, uploaded.pipeline_id, text)
    return table

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
        required = [one.name for one in entry.parameters if one.required]
        more = len(entry.parameters) - len(required)
        table.add_row(entry.name, entry.version, entry.title, f"{', '.join(required)} (+{more})")
    return table


def whole(entry: Entry) -> RenderableType:
    """One template with its parameters."""
    head = words.pairs()
    head.add_row("Template:", f"{entry.name} {entry.version}")
    head.add_row("", entry.description)
    table = words.table("PARAMETER", "DEFAULT", "VALUES", "")
    for one in entry.parameters:
        default = Text("required") if one.required else Text(_value(one.default))
        table.add_row(one.name, default, Text(values(one)), Text(one.description))
    return Group(head, Text(), table)


def values(one: Parameter) -> str:
    """What it takes, in a few words."""
    match one.type:
        case "STRING":
            return " | ".join(choice or '""' for choice in one.choices) if one.choices else "text"
        case "BOOLEAN":
            return "true | false"
        case "LIST":
            return f"{one.min_items} to {one.max_items} numbers" if one.max_items else "list"
        case "STRUCT":
            return "JSON"
    return f"{_number(one.minimum)} to {_number(one.maximum)}"


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


def state(word: str, said: str = "") -> Text:
    """KFP's word with its sign."""
    return words.icon(_ICONS.get(word, words.WAITING), f"{word.lower()}  {said}".rstrip())


def change(seen: Run) -> str:
    """A run as one line of a watch: the task that it is at."""
    begun = [task for task in seen.tasks if task.state not in ("PENDING", "")]
    at = f": {begun[-1].name}" if begun else ""
    return f"{state(seen.state).plain}{at}{'  ' + seen.error if seen.error else ''}"


def uploads(made: list[Uploaded]) -> RenderableType:
    """What was uploaded, and what was there."""
    table = words.table("NAME", "VERSION", "PIPELINE", "")
    for one in made:
        said = (
            words.icon(words.OK, "uploaded")
            if one.created
            else words.icon(words.NEUTRAL, "was there")
        )
        table.add_row(one.name, one.version, one.pipeline_id, said)
    return table

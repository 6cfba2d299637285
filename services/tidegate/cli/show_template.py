"""How templates, runs and uploads look on a terminal."""

import json
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from tidegate.cli import words
from tidegate.core.bounds import Bounds
from tidegate.template_service.catalog import Catalog, Entry, Json, Parameter
from tidegate.template_service.rendering import Rendered
from tidegate.template_service.submitting import Run, Target
from tidegate.template_service.uploading import Uploaded

_ICONS = {
    "SUCCEEDED": words.OK,
    "FAILED": words.BAD,
    "CANCELED": words.BAD,
    "RUNNING": words.GOING,
    "SKIPPED": words.NEUTRAL,
}


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
        if parameter.required:
            default = Text("required")
        else:
            default = Text(_value(parameter.default))
        table.add_row(parameter.name, default, Text(values(parameter)), Text(parameter.description))
    return Group(head, Text(), table)


def values(parameter: Parameter) -> str:
    """What it takes, in a few words."""
    match parameter.type:
        case "STRING":
            if parameter.choices:
                return " | ".join(choice or '""' for choice in parameter.choices)
            return "text"
        case "BOOLEAN":
            return "true | false"
        case "LIST":
            if parameter.max_items:
                return f"{parameter.min_items} to {parameter.max_items} numbers"
            return "list"
        case "STRUCT":
            return "JSON"
    return _range(parameter.bounds)


def _range(bounds: Bounds) -> str:
    """`1 to 5`; an end that is not within is said so: `above 0, to 0.5`, `0 to below 0.5`."""
    low = _number(bounds.ge)
    high = _number(bounds.le)
    if bounds.lt is not None:
        high = f"below {_number(bounds.lt)}"
    if bounds.gt is not None:
        return f"above {_number(bounds.gt)}, to {high}"
    return f"{low} to {high}"


def _number(bound: float | None) -> str:
    if bound is None:
        return "…"
    if bound == int(bound):
        return f"{bound:.0f}"
    return f"{bound:g}"


def _value(value: Any) -> str:
    if value in ("", {}):
        return "-"
    if not isinstance(value, str):
        return json.dumps(value)
    return value


def request(made: Rendered, target: Target, body: Json) -> RenderableType:
    """What KFP would be sent for a run; the pipeline itself is in the other formats."""
    head = words.pairs()
    head.add_row("Template:", f"{made.entry.name} {made.entry.version}")
    head.add_row("Run:", Text(body["display_name"]))
    head.add_row("Description:", Text(body["description"]))
    head.add_row("Experiment:", Text(target.experiment))
    head.add_row("Namespace:", Text(target.namespace or "none (a KFP of one user)"))
    head.add_row("ServiceAccount:", Text(target.service_account or "KFP's own"))
    for image in sorted(made.images):
        head.add_row("Image:", Text(image))
    table = words.table("PARAMETER", "VALUE", "")
    for name, value in made.parameters.items():
        origin = {True: "given", False: "default"}[name in made.given]
        table.add_row(name, Text(_value(value)), origin)
    return Group(head, Text(), table)


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
    """A run as one line of a watch: the task that it is at, or was at when it ended."""
    begun = [task for task in seen.tasks if task.state not in ("PENDING", "SKIPPED")]
    at = ""
    if begun:
        at = f": {begun[-1].name}"
    return f"{state(seen.state).plain}{at}"


def uploads(made: list[Uploaded]) -> RenderableType:
    """What was uploaded, and what was there."""
    table = words.table("NAME", "VERSION", "PIPELINE", "")
    for uploaded in made:
        if uploaded.created:
            text = words.icon(words.OK, "uploaded")
        else:
            text = words.icon(words.NEUTRAL, "was there")
        table.add_row(uploaded.name, uploaded.version, uploaded.pipeline_id, text)
    return table

"""Preflight as people read it: every problem on a line of its own with its step and place; what nobody could look at;
how long the way back takes. Pure."""

from typing import Any

from tidegate.cli.words import lasts
from tidegate.core.preflight import EITHER

Json = dict[str, Any]
REFUSES = "preflight refuses this, and nothing was changed:"


def refusal(errors: list[Json]) -> str:
    """All problems, one line each."""
    return "\n".join([REFUSES, *(f"  ✖ {place(one)}{one['detail']}{_rule(one)}{_way(one)}" for one in errors)])


def place(one: Json) -> str:
    """Step, object and path, those that are known."""
    where = [one.get("step"), one.get("object"), one.get("path")]
    known = [part for part in where if part]
    return f"{': '.join(known)}: " if known else ""


def _way(one: Json) -> str:
    """What to do, where more is known than that something must change."""
    text = one["remediation"]["text"]
    return "" if text == EITHER.text else f": {text}"


def _rule(one: Json) -> str:
    return f" ({one['rule']})" if one.get("rule") else ""


def told(made: Json) -> list[str]:
    """What was looked at before something was accepted."""
    found = made.get("preflight")
    if not found:
        return []
    unseen = [one for one in found["findings"] if one["level"] == "not checked"]
    lines = [f"? not checked: {place(one)}{one['detail']}" for one in unseen]
    start = f"; pods take about {lasts(found['start_seconds'])} to start" if found["start_seconds"] else ""
    lines.append(f"✔ preflight: {found['checked']} objects would be admitted{start}")
    return [*lines, *([f"↩ undo: {found['undo']}"] if found["undo"] else [])]

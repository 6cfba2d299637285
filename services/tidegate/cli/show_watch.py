"""The watch after a promotion as people read it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from tidegate.cli import words
from tidegate.cli.words import clock, icon, lasts

if TYPE_CHECKING:
    from tidegate.schemas import responses as out

_ICONS = {
    "comparing": words.WARNING,
    "shared-outage": words.WARNING,
    "failing": words.BAD,
    "undone": words.BAD,
}


def line(watch: out.WatchOut, now: float) -> Text:
    """`r2 watched until 12:30:00 UTC (24m more)`, or what it saw."""
    text = f"r{watch.revision} {_until(watch, now)}"
    if watch.message:
        text = f"{watch.state}: {watch.message}; {_until(watch, now)}"
    if watch.released and not watch.message:
        text = f"{text}; r{watch.base} is no longer on standby: {watch.released}"
    return icon(_ICONS.get(watch.state, words.GOING), text)


def _until(watch: out.WatchOut, now: float) -> str:
    if watch.undo is not None:
        return f"r{watch.base} is stable again by rollout {watch.undo}"
    if watch.until is None:
        return "is watched once it serves everything"
    if watch.state == "ended":
        return "is not watched any more"
    left = watch.until.timestamp() - now
    more = ""
    if left > 0:
        more = f" ({lasts(left)} more)"
    return f"watched until {clock(watch.until)} UTC{more}"

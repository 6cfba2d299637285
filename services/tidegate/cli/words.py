"""Small words of the output: icons, ages, durations, percents. Pure."""

import re
from datetime import datetime
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from tidegate.cli.errors import usage
from tidegate.core import duration

if TYPE_CHECKING:
    from tidegate.schemas import responses as out

OK = "✔"
BAD = "✖"
GOING = "◌"
PAUSED = "‖"
WAITING = "◷"
WARNING = "⚠"
NEUTRAL = "•"
UNKNOWN = "?"
_STYLES = {OK: "green", BAD: "red", GOING: "cyan", PAUSED: "yellow", WARNING: "yellow"}
ROLLOUT_ICONS = {
    "starting": GOING,
    "progressing": GOING,
    "waiting": PAUSED,
    "paused": PAUSED,
    "promoting": GOING,
    "aborting": BAD,
    "promoted": OK,
    "aborted": BAD,
    "kept-stable": OK,
    "superseded": BAD,
}
ENDPOINT_ICONS = {
    "pending": WAITING,
    "ready": OK,
    "progressing": GOING,
    "degraded": BAD,
    "blocked": WARNING,
    "unreachable": WARNING,
    "deleting": GOING,
    "gone": NEUTRAL,
}
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[dhms])+|\d+(?:\.\d+)?")


def icon(sign: str, text: str = "") -> Text:
    """A sign in its colour, with its word."""
    style = _STYLES.get(sign, "")
    return Text(f"{sign} {text}".rstrip(), style=style)


def lasts(seconds: float | None) -> str:
    """A duration in at most two units: `45s`, `4m12s`, `3h05m`, `2d4h`; `-` where unknown."""
    if seconds is None:
        return "-"
    return duration.lasts(seconds)


def seconds(text: str) -> float:
    """`90`, `90s`, `1m30s`, `1.5h`, `2d` in seconds. Raises a usage error."""
    stripped = text.strip().lower()
    if not _DURATION.fullmatch(stripped):
        raise usage(
            f"duration {text!r} is not a time: write it as 60s, 5m, 1h30m or a number of seconds"
        )
    return sum(
        float(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+(?:\.\d+)?)([dhms]?)", stripped)
    )


def age(at: datetime | None, now: float) -> str:
    """How long ago a time was."""
    if at:
        return lasts(now - at.timestamp())
    return "-"


def clock(now: float | datetime) -> str:
    """A time of day in UTC, of epoch seconds or a datetime."""
    if isinstance(now, datetime):
        now = now.timestamp()
    minutes, rest = divmod(int(now) % 86400, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{rest:02d}"


def percent(value: float | None) -> str:
    """`25 %`, or `-` where nothing is known."""
    if value is None:
        return "-"
    return f"{value:g} %"


def who(author: str) -> str:
    """A rollout's controller signs with its rollout's id: the first digits are enough for
    people."""
    if author.startswith("system:rollout:"):
        return f"rollout {author.removeprefix('system:rollout:')[:8]}"
    return author


def said(author: str, message: str) -> str:
    """Who, and the reason where one was given."""
    if message:
        return f"{who(author)}: {message}"
    return who(author)


def model(revision: "out.RevisionOut | None") -> str:
    """`r2 add_sub 2`: revision, model, version."""
    if revision is None:
        return "-"
    return f"{revision.label} {revision.model_id} {revision.model_version_id}"


def one_line(text: str) -> str:
    """Line breaks and control characters as spaces: what somebody wrote must not steer the reader's
    terminal."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def table(*headers: str) -> Table:
    """A table without lines, as kubectl prints them."""
    return Table(*headers, box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="")


def pairs() -> Table:
    """Labels and values, value lines wrapped beside their label."""
    return Table.grid(padding=(0, 2, 0, 0))

"""Preflight as people read it: every problem on a line of its own with its step and place; what
nobody could look at; how long the way back takes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from tidegate.cli.words import lasts, one_line
from tidegate.core.preflight import EITHER

if TYPE_CHECKING:
    from tidegate.client import Fault
    from tidegate.schemas import responses as out

REFUSES = "preflight refuses this, and nothing was changed:"


class Placed(Protocol):
    """What has a place in a plan and in an object."""

    @property
    def step(self) -> str: ...
    @property
    def object(self) -> str: ...
    @property
    def path(self) -> str: ...


def refusal(faults: Sequence[Fault]) -> str:
    """All problems, one line each."""
    lines = (
        f"  ✖ {place(fault)}{one_line(fault.detail)}{_rule(fault)}{_way(fault)}" for fault in faults
    )
    return "\n".join([REFUSES, *lines])


def place(placed: Placed) -> str:
    """Step, object and path, those that are known."""
    known = [one_line(part) for part in (placed.step, placed.object, placed.path) if part]
    if not known:
        return ""
    return f"{': '.join(known)}: "


def _way(fault: Fault) -> str:
    """What to do, where more is known than that something must change."""
    if fault.remediation == EITHER:
        return ""
    return f": {one_line(fault.remediation.text)}"


def _rule(fault: Fault) -> str:
    if not fault.rule:
        return ""
    return f" ({one_line(fault.rule)})"


def told(looked: out.PreflightOut | None) -> list[str]:
    """What was looked at before something was accepted."""
    if looked is None:
        return []
    unseen = [finding for finding in looked.findings if finding.level == "not checked"]
    lines = [f"? not checked: {place(finding)}{finding.detail}" for finding in unseen]
    start = ""
    if looked.start_seconds:
        start = f"; pods take about {lasts(looked.start_seconds)} to start"
    lines += [f"✔ own metric {one_line(answer)}" for answer in looked.own_metrics]
    lines.append(f"✔ preflight: {looked.checked} objects would be admitted{start}")
    return [*lines, *([f"↩ undo: {looked.undo}"] if looked.undo else [])]

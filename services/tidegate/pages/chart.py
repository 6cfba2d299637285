"""Line charts over time as SVG: small, printable, readable without colour. Pure.

Every line has its name at its end and a pattern of its own; the page's style sheet gives colours
(`report.STYLE`). Who cannot see the picture reads its label, and the table below it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tidegate.core.duration import lasts
from tidegate.pages.markup import Html, element, join, number

WIDTH = 760.0
HEIGHT = 190.0
LEFT = 64.0  # for the values
RIGHT = 128.0  # for the names of lines
TOP = 22.0  # for the names of steps
BOTTOM = 24.0  # for the times
APART = 13.0  # between two names, at least
_TIMES = 6  # on the axis, at most
# seconds between two times on the axis
_NICE = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


@dataclass(frozen=True, slots=True)
class Line:
    """One line. points: (seconds, value), rising; a value of None is a gap. kind: its class in the
    style sheet. stairs: a value holds until the next."""

    name: str
    kind: str
    points: Sequence[tuple[float, float | None]]
    stairs: bool = False


@dataclass(frozen=True, slots=True)
class Threshold:
    """A level that matters, drawn from side to side."""

    name: str
    kind: str
    value: float


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the time with a name, such as a step."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Chart:
    """label: the whole in one sentence. low, high: of the value axis; what lies beyond is drawn at
    the edge. ticks: values on that axis. format: a value as text. end: seconds."""

    label: str
    lines: Sequence[Line]
    low: float
    high: float
    ticks: Sequence[float]
    format: Callable[[float], str]
    end: float
    thresholds: Sequence[Threshold] = ()
    spans: Sequence[Span] = ()


def draw(chart: Chart) -> Html:
    """The chart as one SVG element."""
    return element(
        "svg",
        element("title", chart.label),
        *(_span(chart, span, index) for index, span in enumerate(chart.spans)),
        *(_tick(chart, value) for value in chart.ticks),
        *(_time(chart, seconds) for seconds in times(chart.end)),
        *(_threshold(chart, threshold) for threshold in chart.thresholds),
        *(_line(chart, line) for line in chart.lines),
        *_names(chart),
        viewBox=f"0 0 {number(WIDTH)} {number(HEIGHT)}",
        role="img",
        class_="chart",
    )


def times(end: float) -> tuple[float, ...]:
    """Round times from 0 to `end` seconds, for the axis."""
    step = next((each for each in _NICE if end / each <= _TIMES), 0)
    if not step:
        step = math.ceil(end / _TIMES / 86400) * 86400
    return tuple(float(step * index) for index in range(int(end // step) + 1))


def nice_ceiling(value: float) -> float:
    """The least of 1, 2 or 5 times a power of ten that is not below a value above 0."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * each for each in (1, 2, 5, 10) if power * each >= value * (1 - 1e-9))


def _x(chart: Chart, seconds: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * seconds / (chart.end or 1.0)


def _y(chart: Chart, value: float) -> float:
    share = (value - chart.low) / (chart.high - chart.low)
    inside = min(max(share, 0.0), 1.0)
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * inside


def _span(chart: Chart, span: Span, index: int) -> Html:
    left = _x(chart, span.start)
    width = _x(chart, span.end) - left
    area = element(
        "rect",
        class_=f"span span-{index % 2}",
        x=left,
        y=TOP,
        width=width,
        height=HEIGHT - BOTTOM - TOP,
    )
    if width < 7 * len(span.name):
        return area
    return join((area, element("text", span.name, class_="span", x=left + 3, y=TOP - 6)), "")


def _tick(chart: Chart, value: float) -> Html:
    y = _y(chart, value)
    line = element("line", class_="grid", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y)
    text = chart.format(value)
    return join((line, element("text", text, class_="value", x=LEFT - 6, y=y + 4)), "")


def _time(chart: Chart, seconds: float) -> Html:
    text = lasts(seconds).removesuffix("00s")
    return element("text", text, class_="time", x=_x(chart, seconds), y=HEIGHT - 8)


def _threshold(chart: Chart, threshold: Threshold) -> Html:
    y = _y(chart, threshold.value)
    kind = f"threshold {threshold.kind}"
    return element("line", class_=kind, x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y)


def _line(chart: Chart, line: Line) -> Html:
    commands = []
    command = "M"  # lifts the pen
    y = 0.0
    for seconds, value in line.points:
        if value is None:
            command = "M"
            continue
        x = _x(chart, seconds)
        if command == "L" and line.stairs:
            commands.append(f"L{number(x)} {number(y)}")
        y = _y(chart, value)
        commands.append(f"{command}{number(x)} {number(y)}")
        command = "L"
    if command == "L" and line.stairs:
        commands.append(f"L{number(_x(chart, chart.end))} {number(y)}")
    return element("path", class_=f"line {line.kind}", d="".join(commands))


def _names(chart: Chart) -> list[Html]:
    """The names of lines and thresholds at their ends, moved apart where they would lie upon each
    other."""
    ends = []
    for line in chart.lines:
        values = [value for _, value in line.points if value is not None]
        if values:
            ends.append((_y(chart, values[-1]), line.name, line.kind))
    ends += [(_y(chart, each.value), each.name, each.kind) for each in chart.thresholds]
    ends.sort()
    placed = _apart([y for y, _, _ in ends])
    return [
        element("text", name, class_=f"name {kind}", x=WIDTH - RIGHT + 6, y=y + 4)
        for y, (_, name, kind) in zip(placed, ends, strict=True)
    ]


def _apart(ys: Sequence[float]) -> list[float]:
    """Rising heights, moved down and then up until each is `APART` from the next."""
    down: list[float] = []
    least = 0.0
    for y in ys:
        down.append(max(y, least))
        least = down[-1] + APART
    up: list[float] = []
    most = HEIGHT - BOTTOM
    for y in reversed(down):
        up.append(min(y, most))
        most = up[-1] - APART
    return up[::-1]

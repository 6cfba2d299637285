"""Axes have short numbers, and lines break where nothing is known."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden_files import check_golden
from tidegate.pages.chart import Chart, Line, Span, Threshold, draw, nice_ceiling, times
from tidegate.pages.markup import element


def chart(*lines: Line, **more: object) -> Chart:
    values: dict[str, object] = {"thresholds": (), **more}
    return Chart("a chart", lines, 0.0, 10.0, (0.0, 10.0), str, 100.0, **values)  # type: ignore[arg-type]


def paths(text: str) -> list[str]:
    return re.findall(r' d="([^"]*)"', text)


@given(st.floats(min_value=0.5, max_value=2e7))
def test_there_are_a_few_times_from_nothing_to_the_end(end: float) -> None:
    known = times(end)
    assert known[0] == 0
    assert known[-1] <= end
    assert len(known) <= 8


@given(st.floats(min_value=1e-6, max_value=1e6))
def test_an_axis_ends_at_a_short_number_not_far_above(value: float) -> None:
    top = nice_ceiling(value)
    assert value * (1 - 1e-6) <= top <= 2.6 * value


def test_a_gap_lifts_the_pen() -> None:
    (path,) = paths(draw(chart(Line("a", "a", [(0, 1.0), (1, 2.0), (2, None), (3, 1.0)]))))
    assert path.count("M") == 2
    assert path.count("L") == 1


def test_stairs_hold_a_value_until_the_next_and_to_the_end() -> None:
    (path,) = paths(draw(chart(Line("a", "a", [(0.0, 1.0), (50.0, 2.0)], stairs=True))))
    points = re.findall(r"[ML]([\d.]+) ([\d.]+)", path)
    assert len(points) == 4
    assert points[0][1] == points[1][1]
    assert points[2][1] == points[3][1]


@pytest.mark.parametrize("value", [-1e9, 1e9, 217.0])
def test_what_lies_beyond_is_drawn_at_the_edge(value: float) -> None:
    (path,) = paths(draw(chart(Line("a", "a", [(0, value), (1, value)]))))
    assert all(22.0 <= float(y) <= 166.0 for y in re.findall(r" ([\d.]+)", path))


def test_names_that_would_lie_upon_each_other_are_moved_apart() -> None:
    lines = [Line(f"line {n}", "a", [(0, 0.1 * n)]) for n in range(4)]
    text = draw(chart(*lines, thresholds=(Threshold("limit", "b", 0.2),)))
    ys = [float(y) for y in re.findall(r'class="name [^>]*y="([\d.]+)"', text)]
    assert len(ys) == 5
    assert all(b - a >= 12.9 for a, b in pairwise(ys))


def test_what_comes_from_outside_is_escaped() -> None:
    text = element("p", "<b>&", title='"x" <y>', class_="a", data_x=1.0, none=None)
    assert text == '<p title="&quot;x&quot; &lt;y&gt;" class="a" data-x="1">&lt;b&gt;&amp;</p>'
    assert element("p", element("b", "x")) == "<p><b>x</b></p>"


def test_a_chart_is_drawn_the_same_on_every_machine() -> None:
    lines = (
        Line("up", "fail", [(0.0, 0.0), (30.0, 4.0), (60.0, 9.0)]),
        Line("steps", "desired", [(0.0, 1.0), (50.0, 5.0)], stairs=True),
    )
    spans = (Span("step 1", 0.0, 50.0), Span("step 2", 50.0, 100.0))
    text = draw(chart(*lines, thresholds=(Threshold("limit", "fail", 6.0),), spans=spans))
    check_golden(Path(__file__).parent / "golden" / "chart.svg", text.replace("><", ">\n<") + "\n")

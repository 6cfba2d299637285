"""A report is one file without scripts that says what happened, in text and in pictures."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from tests.core.scenarios.own import CHECKOUT, QUEUE, with_own
from tests.pages.records import record
from tests.simulation.own_counters import OwnCounters
from tests.simulation.simulation import Quality
from tidegate.pages.report import Record, page

VOID = {"meta", "rect", "line", "path"}


class Reader(HTMLParser):
    """Reads a page, and knows whether its elements close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def aborted() -> Record:
    return record(Quality(bad=0.05), rate=20.0)


@pytest.fixture(scope="module")
def promoted() -> Record:
    return record(Quality(bad=0.002))


def test_a_page_needs_nothing_else_and_runs_nothing(aborted: Record) -> None:
    text = page(aborted)
    reader = Reader(text)
    assert reader.open == []
    assert not reader.names & {"script", "img", "link", "iframe", "object", "form"}
    assert not {name for name in reader.attributes if name.startswith("on")}
    assert not reader.attributes & {"src", "href"}
    assert "default-src 'none'" in text
    assert "new weights <script>alert(1)</script>" in reader.text
    assert "<script" not in text


def test_it_says_what_was_planned_decided_and_by_whom(aborted: Record) -> None:
    text = Reader(page(aborted)).text
    for words in (
        "team/fraud: canary of r2",
        "aborted",
        "errors: candidate",
        "alpha 1 % for the whole rollout",
        "fails above stable + 0 points, passes below stable + 1 points, at least 20 requests",
        "ended here",
        "not reached",
        "system:rollout:ro-1",
        "by ann",
        f"entry {aborted.ledger[-1].seq} of",
        aborted.ledger[-1].hash,
        "https://api/api/v1/rollouts/ro-1",
    ):
        assert words in text, words


def test_a_metric_that_has_something_to_show_has_two_charts_and_a_table(promoted: Record) -> None:
    text = page(promoted)
    charts = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    metrics = [each.metric.value for each in promoted.series.metrics]
    assert metrics == ["errors", "rejections", "saturation", "latency"]
    assert len(charts) == 5  # of the traffic, and two each of errors and latency
    assert text.count("<details>") == 3
    assert text.count("Neither revision had any.") == 2
    for chart in charts:
        root = ET.fromstring(chart)
        assert root.get("role") == "img"
        assert root.findtext("title")


def test_lines_stay_within_their_chart(aborted: Record) -> None:
    for chart in re.findall(r"<svg.*?</svg>", page(aborted), re.DOTALL):
        root = ET.fromstring(chart)
        _, _, width, height = map(float, (root.get("viewBox") or "").split())
        for path in root.iter("path"):
            points = re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path.get("d") or "")
            assert all(0 <= float(x) <= width and 0 <= float(y) <= height for x, y in points)
        names = [float(each.get("y") or 0) for each in root.iter("text") if _is_name(each)]
        assert all(second - first >= 12.9 for first, second in pairwise(names))
        assert max(names, default=0) <= height


def _is_name(text: ET.Element) -> bool:
    return (text.get("class") or "").startswith("name")


def test_a_rollout_without_samples_is_a_page_too(promoted: Record) -> None:
    empty = promoted.series.model_copy(update={"shares": [], "metrics": [], "pods": [], "kept": 0})
    text = Reader(page(replace(promoted, series=empty, ledger=[], head=None))).text
    assert "No samples are kept of this rollout." in text
    assert "The ledger could not be read." in text


def test_metrics_of_peoples_own_have_their_charts_and_numbers() -> None:
    own = OwnCounters()
    own.bad["checkout"] = {1: 0.01, 2: 0.012}
    own.means["queue"] = {1: 4.0, 2: 6.5}
    text = page(record(Quality(bad=0.002), plan=with_own(CHECKOUT, QUEUE), own=own))
    reader = Reader(text)
    assert reader.open == []
    assert "Share of bad requests by checkout in each step" in text
    assert "Mean of queue in each step, of candidate and stable, with its objective" in text
    assert "queue: fails above and passes below 50" in reader.text
    assert "queue: candidate 6.5, stable 4, objective 50: below the objective" in reader.text

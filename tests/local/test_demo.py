"""How the demo counts and tells, without its processes."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tidegate.core.evidence import Counters, Reading, Scrape
from tidegate.core.rollout import Outcome
from tidegate.schemas.responses import EntryOut, RolloutOut
from tidegate_local.demo import acts, counts
from tidegate_local.demo.counts import Steps
from tidegate_local.demo.play import Teller
from tidegate_local.demo.report import Report


def scrape(**answers: tuple[int, int]) -> Scrape:
    """r1=(answers, bad): over two sources."""
    readings = []
    for label, (total, bad) in answers.items():
        for source, share in (("envoy/http", 2), ("envoy/grpc", 1)):
            readings.append(
                Reading(source, int(label[1:]), Counters(total * share // 3, bad * share // 3))
            )
    return Scrape(0.0, tuple(readings))


def test_answers_are_summed_over_protocols() -> None:
    seen = scrape(r1=(900, 0), r2=(90, 30))
    assert counts.totals(seen) == {1: 900, 2: 90}
    assert counts.bad(seen) == {1: 0, 2: 30}


def test_only_intervals_that_stood_at_one_percent_count() -> None:
    steps = Steps(candidate=2)
    steps.observe(1, {1: 100, 2: 0})
    steps.observe(1, {1: 199, 2: 1})  # stood at 1 %: 100 answers, 1 of the candidate
    # The weight moves: whose 60 answers these are is not known
    steps.observe(None, {1: 250, 2: 10})
    steps.observe(5, {1: 300, 2: 20})
    steps.observe(5, {1: 395, 2: 25})
    assert {p: (s.candidate, s.all) for p, s in steps.splits.items()} == {1: (1, 100), 5: (5, 100)}
    assert steps.splits[5].percent == 5.0


def test_a_counter_that_begins_again_takes_nothing_back() -> None:
    steps = Steps(candidate=2)
    steps.observe(1, {1: 100, 2: 50})
    steps.observe(1, {1: 5, 2: 1})
    assert steps.splits[1].all == 0
    assert steps.splits[1].percent is None


def test_one_line_when_a_percent_is_left() -> None:
    messages: list[str] = []
    steps = Steps(candidate=2)
    teller = Teller(messages.append, steps)
    for phase, percent, totals in (
        ("starting", 0, {1: 10}),
        ("progressing", 1, {1: 10}),
        ("progressing", 1, {1: 109, 2: 1}),
        ("progressing", 5, {1: 109, 2: 1}),
        ("promoting", None, {1: 109, 2: 1}),
    ):
        steps.observe(percent, totals)
        now = RolloutOut.model_construct(
            phase=phase, desired_percent=percent, awaits="the cluster to follow"
        )
        teller.tell(now)
    assert messages == [
        "   starting: the cluster to follow",
        "     desired  1 %, measured  1.0 % of 100 requests",
        "   promoting: the cluster to follow",
    ]


def test_the_report_says_what_was_lost(tmp_path: Path) -> None:
    load = tmp_path / "load.json"
    load.write_text(
        json.dumps({"sent": {"http": 90, "grpc": 10}, "failed": {"http: 500": 3, "grpc: 13": 1}})
    )
    report = Report()
    assert report.load(load, {1: 0, 2: 4}) == (100, 4, 0)
    assert report.load(load, {1: 0, 2: 3}) == (100, 4, 1)


def test_the_report_measures_from_verdict_to_zero(tmp_path: Path) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    entries = [
        EntryOut.model_construct(action=action, at=start + timedelta(seconds=seconds))
        for action, seconds in (
            ("aborted", 3.5),
            ("explain", 3.0),
            ("abort", 3.0),
            ("aborted", 1.0),
        )
    ]
    ended = RolloutOut.model_construct(
        outcome=Outcome.ABORTED, outcome_message="errors", verdicts=[], candidate=2
    )
    report = Report()
    assert report.rollout(acts.BAD[0], ended, Steps(2), {1: 10, 2: 7}, entries) == 0.5
    report.write(tmp_path / "report.json", "standard", None, 1.0)
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["ok"] is True
    assert written["rollouts"][0]["requests_exposed"] == 7
    assert written["rollouts"][0]["seconds_from_verdict_to_zero"] == 0.5


def test_the_payload_is_the_published_one() -> None:
    assert acts.payload("standard")["autoscaling"] == {
        "minReplicas": 1,
        "maxReplicas": 4,
        "keda": True,
    }
    assert acts.payload("knative")["autoscaling"] == {
        "minReplicas": 1,
        "maxReplicas": 4,
        "keda": False,
    }
    assert "mode" not in acts.payload("standard")

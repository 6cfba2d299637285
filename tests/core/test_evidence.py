"""Evidence over a rollout: what counts, toward what, and what it then says."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tidegate.core.evidence import (
    EMPTY,
    Arm,
    Counters,
    Evidence,
    Metric,
    MetricKind,
    MetricVerdict,
    Reading,
    Scrape,
    Verdict,
    absorb,
    check,
    expected_seconds,
    judge,
    new_step,
    overall,
)

ERRORS = Metric(MetricKind.ERRORS)
LATENCY = Metric(MetricKind.LATENCY, latency_threshold_ms=100.0)
BOTH = (ERRORS, LATENCY)
ALPHA = 0.01


class Plane:
    """A data plane with one source that counts; every scrape is 15 s after the last."""

    def __init__(self, metrics: tuple[Metric, ...] = BOTH) -> None:
        self.now = 0.0
        # Revision: answers, bad, slow; stable has a past
        self.counts = {
            1: [500, 50, 50],
            2: [0, 0, 0],
        }
        self.evidence = absorb(Evidence.start(metrics), self.observe(), stable=1, candidate=2)

    def observe(self) -> Scrape:
        readings = tuple(
            Reading("envoy/1", revision, Counters(n, bad, ((100.0, n - slow), (float("inf"), n))))
            for revision, (n, bad, slow) in self.counts.items()
        )
        return Scrape(self.now, readings)

    def serve(
        self, candidate: tuple[int, ...], stable: tuple[int, ...], times: int = 1, **how: Any
    ) -> Evidence:
        """Verdict (n, bad, slow) per revision and interval, `times` intervals long."""
        for _ in range(times):
            self.now += 15
            for revision, more in ((2, candidate), (1, stable)):
                for position, count in enumerate(more):
                    self.counts[revision][position] += count
            self.evidence = absorb(self.evidence, self.observe(), stable=1, candidate=2, **how)
        return self.evidence

    def judge(self, metrics: tuple[Metric, ...] = BOTH) -> tuple[MetricVerdict, ...]:
        return judge(self.evidence, metrics, ALPHA)

    def errors(self) -> MetricVerdict:
        return self.judge()[0]

    def latency(self) -> MetricVerdict:
        return self.judge()[1]


def test_no_data_is_undecided() -> None:
    for evidence in (EMPTY, Evidence.start(BOTH), Plane().evidence):
        verdicts = judge(evidence, BOTH, ALPHA)
        assert [v.verdict for v in verdicts] == [Verdict.UNDECIDED] * 2
        assert "the candidate has not answered" in verdicts[0].message
        assert verdicts[0].min_requests_more == 20
    assert judge(EMPTY, (), ALPHA) == ()


def test_what_happened_before_the_rollout_does_not_count() -> None:
    plane = Plane()
    assert plane.errors().rollout.stable == Arm()


def test_a_bad_candidate_fails_in_one_scrape() -> None:
    plane = Plane()
    plane.serve((200, 41), (1800, 5))
    verdict = plane.errors()
    assert verdict.verdict is Verdict.FAIL
    assert (
        "candidate 41 of 200 (20.5 %), stable 5 of 1800 (0.3 %): worse than stable at alpha 0.5 %"
        in verdict.message
    )
    assert overall(plane.judge()) is Verdict.FAIL


def test_a_good_candidate_passes_and_says_before_how_long_it_will_take() -> None:
    plane = Plane()
    plane.serve((100, 0, 1), (900, 4, 9))
    early = plane.errors()
    assert early.verdict is Verdict.UNDECIDED
    assert early.requests_more is not None
    windows = 4 * 60 - 15
    assert early.seconds_more == pytest.approx(max(early.requests_more * 15 / 100, windows))
    assert f"about {early.requests_more} more candidate requests" in early.message
    plane.serve((100, 0, 1), (900, 4, 9), times=40)
    assert [v.verdict for v in plane.judge()] == [Verdict.PASS] * 2
    assert "below stable + 1 points" in plane.errors().message
    assert overall(plane.judge()) is Verdict.PASS


def test_where_requests_are_plenty_a_pass_only_waits_for_its_windows() -> None:
    plane = Plane()
    plane.serve((5000, 20, 1), (5000, 20, 9), times=4)
    early = plane.errors()
    assert (early.verdict, early.requests_more) == (Verdict.UNDECIDED, 0)
    assert early.seconds_more == pytest.approx(180)
    assert "enough requests, 3m00s more: no window of 60 s decides alone" in early.message
    plane.serve((5000, 20, 1), (5000, 20, 9), times=13)
    assert plane.errors().verdict is Verdict.PASS


def test_a_candidate_at_the_margin_has_no_pass_in_sight() -> None:
    plane = Plane()
    plane.serve((200, 5), (1800, 24), times=4)
    verdict = plane.errors()
    assert verdict.requests_more is None
    assert "no pass in sight" in verdict.message


def test_without_stable_answers_nothing_is_shown_and_the_reason_is_said() -> None:
    plane = Plane()
    plane.serve((200, 100), (0, 0), times=5)
    verdict = plane.errors()
    assert verdict.verdict is Verdict.UNDECIDED
    assert "stable has not answered" in verdict.message


def test_min_requests_hold_a_pass_back() -> None:
    requests = (replace(ERRORS, min_requests=5000),)
    plane = Plane(requests)
    plane.serve((100, 0), (900, 4), times=40)
    (verdict,) = plane.judge(requests)
    assert verdict.log_e_pass > verdict.threshold_pass
    assert (verdict.verdict, verdict.min_requests_more) == (Verdict.UNDECIDED, 1000)
    assert "1000 more to the minimum of 5000" in verdict.message


def test_where_both_hold_fail_wins() -> None:
    """Half a point worse: shown to be worse, and shown to be less than a point worse."""
    plane = Plane()
    plane.serve((5000, 45), (5000, 20), times=40)
    verdict = plane.errors()
    assert verdict.log_e_pass > verdict.threshold_pass
    assert verdict.verdict is Verdict.FAIL


def test_a_young_pod_excuses_latency_but_not_errors() -> None:
    plane = Plane()
    plane.serve((200, 100, 200), (1800, 5, 5), cold="its pod is new")
    assert plane.errors().verdict is Verdict.FAIL
    assert plane.latency().rollout.candidate == Arm()


def test_an_interval_without_ready_stable_counts_toward_fail_only() -> None:
    plane = Plane()
    plane.serve((100, 0), (900, 300), times=30, toward_pass=False)
    verdict = plane.errors()
    assert verdict.log_e_pass == 0
    assert verdict.min_requests_more == 20
    plane.serve((100, 90), (900, 1), toward_pass=False)
    assert plane.errors().verdict is Verdict.FAIL


def test_an_interval_in_which_the_weights_changed_only_moves_the_base_line() -> None:
    plane = Plane()
    before = plane.serve((5, 0), (15, 0))
    after = plane.serve((500, 250), (1500, 100), comparable=False)
    assert after.tracks == before.tracks
    assert (before.split.candidate.n, after.split.candidate.n) == (5, 0)
    plane.serve((10, 0), (10, 0))
    assert plane.errors().rollout.candidate == Arm(15, 0)
    assert plane.evidence.split.stable == Arm(10, 0)


def test_a_new_step_restarts_pass_and_keeps_fail() -> None:
    plane = Plane()
    plane.serve((100, 2, 1), (900, 4, 9), times=30)
    before = plane.judge()
    plane.evidence = new_step(plane.evidence)
    for old, new in zip(before, plane.judge(), strict=True):
        assert new.log_e_fail == old.log_e_fail
        assert new.log_e_pass == pytest.approx(0)
        assert new.step.candidate == Arm()
        assert new.rollout == old.rollout
    assert plane.evidence.split.candidate == Arm()


def test_an_equal_or_older_scrape_changes_nothing() -> None:
    plane = Plane()
    evidence = plane.serve((100, 2), (900, 4))
    again = absorb(evidence, plane.observe(), stable=1, candidate=2)
    plane.now -= 60
    back = absorb(again, plane.observe(), stable=1, candidate=2)
    assert evidence == again == back


def test_a_shared_outage_in_the_largest_step_fails_nobody() -> None:
    plane = Plane()
    for share in (1, 5, 10, 25):
        plane.serve((10 * share, 0), (1000 - 10 * share, 4), times=10)
    plane.serve((500, 250), (500, 250), times=10)
    verdict = plane.errors()
    # The pooled totals would fail
    assert verdict.rollout.candidate.rate > 4 * verdict.rollout.stable.rate
    assert verdict.verdict is not Verdict.FAIL


def test_a_torn_reading_is_told() -> None:
    plane = Plane()
    plane.serve((3, 9), (10, 0))
    assert "1 torn readings cut down" in plane.errors().message


def test_a_missing_bucket_is_told() -> None:
    requests = (replace(LATENCY, latency_threshold_ms=250.0),)
    plane = Plane(requests)
    plane.serve((10, 0), (10, 0))
    (verdict,) = plane.judge(requests)
    assert verdict.message == "latency: no bucket ends at 250 ms; choose one of 100"
    assert verdict.verdict is Verdict.UNDECIDED


def test_a_fail_is_told_even_if_the_last_scrape_had_no_histogram() -> None:
    plane = Plane()
    plane.serve((200, 0, 100), (1800, 0, 5))
    bare = Scrape(plane.now + 15, (Reading("envoy/1", 2, Counters(300, 0)),))
    plane.evidence = absorb(plane.evidence, bare, stable=1, candidate=2)
    assert plane.latency().verdict is Verdict.FAIL
    assert "worse than stable" in plane.latency().message


def test_an_objective_needs_no_stable() -> None:
    requests = (replace(ERRORS, objective=0.02),)
    good = Plane(requests)
    bad = Plane(requests)
    good.serve((200, 1), (0, 0), times=20)
    bad.serve((200, 20), (0, 0))
    assert [plane.judge(requests)[0].verdict for plane in (good, bad)] == [
        Verdict.PASS,
        Verdict.FAIL,
    ]
    assert "below the objective" in good.judge(requests)[0].message


def test_a_metric_that_was_never_measured_has_no_evidence() -> None:
    plane = Plane((ERRORS,))
    plane.serve((100, 0, 50), (900, 4, 9))
    assert plane.latency().step.candidate == Arm()


arms = st.tuples(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300)).map(
    lambda x: (x[0], min(x[0], x[1]), min(x[0], x[2]))
)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(arms, arms, st.booleans(), st.booleans()), max_size=6))
def test_evidence_survives_json(
    intervals: list[tuple[tuple[int, ...], tuple[int, ...], bool, bool]],
) -> None:
    plane = Plane((*BOTH, replace(ERRORS, fail_margin=0.01), replace(ERRORS, objective=0.01)))
    for candidate, stable, cold, toward_pass in intervals:
        plane.serve(candidate, stable, cold=cold * "new pods", toward_pass=toward_pass)
    adapter = TypeAdapter(Evidence)
    assert adapter.validate_json(adapter.dump_json(plane.evidence)) == plane.evidence


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(arms, arms), min_size=1, max_size=6))
def test_the_totals_do_not_depend_on_the_order_or_on_the_cut(
    intervals: list[tuple[tuple[int, ...], tuple[int, ...]]],
) -> None:
    forward = Plane()
    backward = Plane()
    once = Plane()
    for candidate, stable in intervals:
        forward.serve(candidate, stable)
    for candidate, stable in reversed(intervals):
        backward.serve(candidate, stable)
    total = [tuple(map(sum, zip(*side, strict=True))) for side in zip(*intervals, strict=True)]
    once.serve(total[0], total[1])
    for plane in (backward, once):
        assert plane.errors().rollout.candidate == forward.errors().rollout.candidate
        assert plane.latency().rollout.stable == forward.latency().rollout.stable


@pytest.mark.parametrize(
    ("metric", "field"),
    [
        (replace(ERRORS, fail_margin=-0.1), "fail_margin"),
        (replace(ERRORS, pass_margin=0.0), "pass_margin"),
        (replace(ERRORS, objective=1.0), "objective"),
        (replace(ERRORS, latency_threshold_ms=5.0), "latency_threshold_ms"),
        (replace(LATENCY, latency_threshold_ms=-1.0), "latency_threshold_ms"),
        (replace(LATENCY, latency_threshold_ms=None, objective=0.1), "objective"),
        (replace(ERRORS, min_requests=0), "min_requests"),
    ],
)
def test_a_wrong_metric_is_named(metric: Metric, field: str) -> None:
    (problem,) = check(metric)
    assert problem.field == f"metric.{field}"


def test_right_metrics_have_no_problems() -> None:
    assert check(ERRORS) == check(LATENCY) == ()


def test_dry_run_knows_how_long_a_step_takes() -> None:
    min_requests = expected_seconds(ERRORS, 10, 1, ALPHA, needs_pass=False)
    small, large = (expected_seconds(ERRORS, 10, percent, ALPHA) for percent in (10, 50))
    assert min_requests == pytest.approx(200)
    assert small is not None
    assert large is not None
    assert 300 < large < small < 3600
    assert expected_seconds(ERRORS, 0, 10, ALPHA) is None
    assert expected_seconds(ERRORS, 10, 0, ALPHA) is None
    assert expected_seconds(replace(ERRORS, objective=0.001), 10, 10, ALPHA) is None

"""A user's own experiment: which counts are refused and why, and what becomes of those that are
not."""

from dataclasses import replace

import pytest

from tidegate.core import strategy
from tidegate.core.analysis import check as check_metric
from tidegate.core.evidence import (
    Evidence,
    Metric,
    MetricKind,
    Verdict,
    judge,
    new_experiment,
    new_step,
)
from tidegate.core.experiments import Counts, Sample, check, learn, unfit
from tidegate.core.intent import CandidateTraffic, HeaderMatch
from tidegate.core.rollout import Outcome, Progress, Rollout, StepProgress
from tidegate.core.strategy import Kind, Step, Strategy, Until

OWN = Metric(MetricKind.EXPERIMENT, pass_margin=0.0)
PLAN = replace(strategy.ab(until=Until.PASS), metrics=(Metric(MetricKind.ERRORS), OWN))
ROLLOUT = Rollout("ro-1", PLAN, 1, 2, "ann")
STARTED = Progress(step=StepProgress(index=0, since=1000.0))
NOW = 2000.0


def counts(
    revision: int = 2, good: int = 40, units: int = 500, start: float = 1000, end: float = 1100
) -> Counts:
    return Counts(revision, good, units, start, end)


def sample(
    number: int, candidate: int, stable: int, start: float = 1000.0, units: int = 1000
) -> Sample:
    end = start + 100
    return Sample(
        number, counts(2, candidate, units, start, end), counts(1, stable, units, start, end)
    )


def refusals(new: Counts, *known: Counts, progress: Progress = STARTED) -> dict[str, str]:
    return {
        problem.field: problem.sentence for problem in check(new, known, ROLLOUT, progress, NOW)
    }


def test_counts_within_the_step_are_kept() -> None:
    assert refusals(counts()) == {}
    assert refusals(counts(1), counts(2)) == {}  # the other revision's, over the same interval
    # The interval that follows
    assert refusals(counts(start=1100, end=1200), counts(2), counts(1)) == {}


@pytest.mark.parametrize(
    ("new", "field", "message"),
    [
        (counts(revision=3), "/revision", "use r1 or r2"),
        (counts(good=501), "/successes", "more than the 500 units"),
        (counts(start=1100), "/interval_end", "after interval_start"),
        (counts(start=999), "/interval_start", "before this step's split settled at 1000.000"),
        (counts(end=2100), "/interval_end", "100 s in the future"),
    ],
)
def test_counts_that_make_no_sense_are_refused_by_field(
    new: Counts, field: str, message: str
) -> None:
    assert message in refusals(new)[field]


def test_a_clock_a_little_ahead_is_forgiven() -> None:
    assert refusals(counts(end=NOW + 4)) == {}


def test_before_the_split_settled_nothing_counts() -> None:
    assert (
        "has not settled"
        in refusals(counts(), progress=Progress(step=StepProgress(index=0)))["/interval_start"]
    )


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (counts(good=41), "was counted already, as 40 of 500"),
        (counts(start=1050, end=1150), "overlaps r2 from 1000.000 to 1100.000"),
        (counts(start=1020, end=1080), "overlaps r2"),
        (counts(1, start=1050, end=1150), "send equal intervals for both revisions"),
        (counts(1, end=1200), "send equal intervals for both revisions"),
    ],
)
def test_no_unit_counts_twice(new: Counts, message: str) -> None:
    assert message in refusals(new, counts())["/interval_start"]


def track(progress: Progress) -> tuple[int, int]:
    """Candidate units toward fail and toward pass."""
    (result,) = (t for t in progress.analysis.evidence.tracks if t.metric == OWN)
    return result.rollout.candidate.n, result.step.candidate.n


def test_each_sample_is_judged_once_whatever_comes_again() -> None:
    first = sample(7, 60, 50)
    second = sample(9, 60, 50, 1100)
    once = learn(ROLLOUT, STARTED, (first,))
    assert learn(ROLLOUT, once, (first,)) == once
    both = learn(ROLLOUT, once, (second, first))
    assert both == learn(ROLLOUT, STARTED, (second, first))
    assert (track(both), both.analysis.sample) == ((2000, 2000), 9)


def test_counts_of_an_earlier_step_count_toward_fail_only() -> None:
    later = replace(STARTED, step=replace(STARTED.step, index=1, since=1500.0))
    assert track(learn(ROLLOUT, later, (sample(1, 60, 50),))) == (1000, 0)


@pytest.mark.parametrize(
    "progress", [Progress(), replace(STARTED, end=replace(STARTED.end, toward=Outcome.ABORTED))]
)
def test_nothing_is_judged_before_the_rollout_or_after_its_decision(progress: Progress) -> None:
    assert learn(ROLLOUT, progress, (sample(1, 60, 50),)) == progress


def test_a_lost_split_does_not_begin_the_experiment_again_but_a_step_does() -> None:
    learned = learn(ROLLOUT, STARTED, (sample(1, 60, 50),))
    back = replace(
        learned, analysis=replace(learned.analysis, evidence=new_step(learned.analysis.evidence))
    )
    assert track(back) == (1000, 1000)
    assert track(
        replace(
            learned,
            analysis=replace(learned.analysis, evidence=new_experiment(learned.analysis.evidence)),
        )
    ) == (1000, 0)


def answer(metric: Metric, candidate: int, stable: int) -> Verdict:
    """What so many successes of 10,000 units say, seen twice."""
    rollout = replace(ROLLOUT, strategy=replace(PLAN, metrics=(metric,)))
    samples = [sample(n + 1, candidate, stable, 1000.0 + 100 * n, 10_000) for n in range(2)]
    evidence: Evidence = learn(rollout, STARTED, samples).analysis.evidence
    return judge(evidence, (metric,), 0.01)[0].verdict


@pytest.mark.parametrize(
    ("pass_margin", "candidate", "stable", "says"),
    [
        (0.01, 500, 500, Verdict.PASS),  # not worse by a point
        (0.0, 500, 500, Verdict.UNDECIDED),  # equal is not better
        (0.0, 620, 500, Verdict.PASS),
        (-0.02, 620, 500, Verdict.UNDECIDED),  # better, but not by two points
        (-0.02, 900, 500, Verdict.PASS),
        (0.01, 380, 500, Verdict.FAIL),
        (0.0, 9500, 9500, Verdict.UNDECIDED),
        (0.0, 9700, 9500, Verdict.PASS),
        (0.01, 9300, 9500, Verdict.FAIL),
    ],
)
def test_success_is_good_at_any_rate(
    pass_margin: float, candidate: int, stable: int, says: Verdict
) -> None:
    assert answer(Metric(MetricKind.EXPERIMENT, pass_margin=pass_margin), candidate, stable) is says


def test_a_margin_for_fail_forgives_as_much() -> None:
    forgiving = Metric(MetricKind.EXPERIMENT, fail_margin=0.02)
    assert answer(forgiving, 380, 500) is not Verdict.FAIL
    assert answer(forgiving, 150, 500) is Verdict.FAIL


def test_the_metric_of_an_experiment_has_no_objective() -> None:
    assert [p.field for p in check_metric(replace(OWN, objective=0.1))] == ["metric.objective"]
    assert check_metric(replace(OWN, pass_margin=-0.05)) == ()
    assert [p.field for p in check_metric(replace(OWN, pass_margin=-0.5))] == ["metric.pass_margin"]


HEADER = (HeaderMatch("x-beta", "yes"),)


@pytest.mark.parametrize(
    ("plan", "results"),
    [
        (PLAN, []),
        (strategy.ab(match=HEADER), []),
        (replace(PLAN, kind=Kind.CANARY), [(None, "analysis/metrics/experiment")]),
        (replace(strategy.ab(match=HEADER), metrics=PLAN.metrics), [(0, "match")]),
        (strategy.ab(match=HEADER, until=Until.PASS), [(0, "until")]),
        (strategy.ab(match=HEADER, until=Until.NO_FAIL), [(0, "until")]),
        (strategy.ab(until=Until.PASS), [(0, "until")]),
        (replace(strategy.canary(), steps=(Step(CandidateTraffic(match=HEADER), Until.PASS),)), [(0, "until")]),
        (replace(strategy.canary(), steps=(Step(CandidateTraffic(match=HEADER)),)), []),
    ],
    ids=[
        "by experiment", "header, a person", "a canary", "header with experiment", "header until pass",
        "header until no fail", "no experiment until pass", "canary's header step until pass", "canary's header step",
    ],
)  # fmt: skip
def test_what_a_comparison_cannot_say_is_refused(
    plan: Strategy, results: list[tuple[int | None, str]]
) -> None:
    assert [(index, field) for index, field, *_ in unfit(plan)] == results


def test_chance_decides_unless_a_header_does() -> None:
    assert strategy.unit(PLAN) is strategy.Unit.REQUEST
    assert strategy.unit(strategy.ab(match=HEADER)) is None

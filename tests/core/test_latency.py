"""Latency over every bucket: what a slower candidate shows, and what the world shows that is none.

Latencies are log-normal with a median of 8 ms, counted into the buckets of an Envoy.
"""

from dataclasses import replace

import numpy as np
import pytest

from tests.core.values import intent, split
from tidegate.core import evidence as evidences
from tidegate.core import strategy
from tidegate.core.evidence import (
    Counters,
    Evidence,
    MetricKind,
    MetricVerdict,
    Reading,
    Scrape,
    Verdict,
    judge,
    overall,
)
from tidegate.core.gathering import gather
from tidegate.core.observation import Live, Observation
from tidegate.core.on_fail import OnFail
from tidegate.core.rollout import Progress, Rollout, Routed, StepProgress
from tidegate.core.traffic import Traffic

BOUNDS = (0.5, 1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0)
PLAN = strategy.canary()
ROLLOUT = Rollout("ro-1", PLAN, 1, 2, "ann")
SCRAPE_S = 5.0


class TwoRevisions:
    """Two revisions under constant traffic. pods: of stable and candidate. slower: factor of the
    candidate's latencies; far: a share of them that takes 60 ms. first: so many first answers of
    each of its pods take a second. batches_from: requests per second of a pod below which an
    answer of either revision takes 40 ms more."""

    def __init__(
        self,
        rate: float = 100.0,
        percent: int = 50,
        pods: tuple[int, int] = (1, 1),
        seed: int = 1,
        rollout: Rollout = ROLLOUT,
    ) -> None:
        self.rng = np.random.default_rng(seed)
        self.rate = rate
        self.percent = percent
        self.pods = pods
        self.rollout = rollout
        self.slower = 1.0
        self.far = 0.0
        self.first = 0
        self.batches_from = 0.0
        self.now = 0.0
        self.youngest = {1: -1000.0, 2: -1.0}
        self.counts = {1: np.zeros(len(BOUNDS) + 1, int), 2: np.zeros(len(BOUNDS) + 1, int)}
        self.progress = Progress(
            step=StepProgress(index=0), routed=Routed(traffic=split(percent), since=-1.0)
        )
        self.serve(0)

    @property
    def traffic(self) -> Traffic:
        return split(self.percent)

    def serve(self, intervals: int = 1) -> None:
        """Let time pass; each interval ends with a scrape."""
        if intervals == 0:
            self._scrape()
        for _ in range(intervals):
            self.now += SCRAPE_S
            self._count(1, 100 - self.percent, self.pods[0])
            self._count(2, self.percent, self.pods[1])
            self._scrape()

    def _count(self, revision: int, percent: int, pods: int) -> None:
        n = int(self.rng.poisson(SCRAPE_S * self.rate * percent / 100))
        ms = 8.0 * np.exp(0.5 * self.rng.standard_normal(n))
        if self.rate * percent / 100 < self.batches_from * pods:
            ms += 40.0
        if revision == 2:
            ms *= self.slower
            ms = np.where(self.rng.random(n) < self.far, 60.0, ms)
            ms[: self.first] = 1000.0
            self.first = max(0, self.first - n)
        self.counts[revision] += [int((ms <= bound).sum()) for bound in BOUNDS] + [n]

    def _scrape(self) -> None:
        readings = tuple(
            Reading("envoy", revision, Counters(int(counts[-1]), 0, self._buckets(counts)))
            for revision, counts in self.counts.items()
        )
        live = (
            Live(1, self.pods[0], self.pods[0], self.youngest[1]),
            Live(2, self.pods[1], self.pods[1], self.youngest[2]),
        )
        self.progress = gather(
            self.rollout,
            self.progress,
            intent(self.percent),
            Observation(live, self.traffic, settled=True),
            Scrape(self.now, readings),
        )

    @staticmethod
    def _buckets(counts: np.ndarray) -> tuple[tuple[float, int], ...]:
        ends = (*BOUNDS, float("inf"))
        return tuple((end, int(count)) for end, count in zip(ends, counts, strict=True))

    @property
    def evidence(self) -> Evidence:
        return self.progress.analysis.evidence

    def verdict(self) -> MetricVerdict:
        """On latency."""
        verdicts = judge(self.evidence, self.rollout.strategy.metrics, 0.01)
        return next(each for each in verdicts if each.metric.kind is MetricKind.LATENCY)

    def until_fail(self, limit: int = 400) -> int | None:
        """The candidate's answers until a fail, None where there is none."""
        for _ in range(limit):
            self.serve()
            if self.verdict().verdict is Verdict.FAIL:
                return int(self.counts[2][-1])
        return None


def test_latency_is_judged_where_nobody_says_otherwise_and_pauses() -> None:
    (latency,) = [q for q in PLAN.metrics if q.kind is MetricKind.LATENCY]
    assert (latency.latency_threshold_ms, latency.consequence) == (None, OnFail.PAUSE)
    assert (latency.can_pass, latency.aborts) == (False, False)


def test_twice_as_slow_is_found_within_sixty_answers_at_ten_percent() -> None:
    exposed = []
    for seed in range(30):
        world = TwoRevisions(rate=20.0, percent=10, pods=(9, 1), seed=seed)
        world.slower = 2.0
        exposed.append(world.until_fail())
    assert None not in exposed
    # Stable's nine pods need their first answers as well
    assert np.median([n for n in exposed if n is not None]) <= 60


def test_a_few_slow_answers_are_found_too() -> None:
    world = TwoRevisions()
    world.far = 0.1
    exposed = world.until_fail()
    assert exposed is not None
    assert exposed < 500
    verdict = world.verdict()
    assert not verdict.gross
    assert "above 25 ms" in verdict.message
    assert "slower than stable (e = " in verdict.message
    assert overall((verdict,)) is Verdict.UNDECIDED  # it pauses


def test_a_difference_that_nobody_minds_is_no_fail_however_sure_it_is() -> None:
    world = TwoRevisions(rate=4000.0)
    world.far = 0.01
    world.serve(60)
    verdict = world.verdict()
    assert verdict.log_e_fail > verdict.threshold_fail
    assert verdict.verdict is Verdict.UNDECIDED


@pytest.mark.parametrize(("slower", "gross"), [(2.0, False), (8.0, True)])
def test_only_a_gross_slowdown_aborts(slower: float, gross: bool) -> None:
    world = TwoRevisions()
    world.slower = slower
    assert world.until_fail() is not None
    verdict = world.verdict()
    assert verdict.gross is gross
    assert (overall((verdict,)) is Verdict.FAIL) is gross


def test_medians_on_both_sides_of_a_bound_are_not_gross() -> None:
    world = TwoRevisions()
    world.slower = 1.5
    world.serve(40)
    assert not world.verdict().gross


@pytest.mark.parametrize("rate", [1.0, 10.0, 100.0])
def test_twenty_slow_first_answers_of_a_good_model_count_for_nobody(rate: float) -> None:
    for seed in range(10):
        world = TwoRevisions(rate=rate, seed=seed)
        world.first = 20
        assert world.until_fail(40) is None


@pytest.mark.long
@pytest.mark.parametrize("rate", [1.0, 10.0, 100.0])
def test_of_five_hundred_good_models_with_slow_first_answers_none_fails(rate: float) -> None:
    for seed in range(500):
        world = TwoRevisions(rate=rate, seed=seed)
        world.first = 20
        assert world.until_fail(60) is None, seed


def test_a_pod_that_became_ready_within_an_interval_is_new() -> None:
    world = TwoRevisions()
    world.serve(3)
    counted = world.verdict().rollout.candidate.n
    assert counted > 0
    world.youngest[2] = world.now + 4.0  # read a second later, and counted by ten before
    world.first = 20
    world.serve()
    assert world.verdict().rollout.candidate.n == counted
    assert "the pods of r2 have given" in world.verdict().message
    world.serve(2)
    assert world.verdict().rollout.candidate.n > counted
    assert world.until_fail(40) is None


def test_pods_that_change_often_are_named() -> None:
    world = TwoRevisions(rate=10.0)
    for _ in range(5):
        world.serve(1)
        world.youngest[1] = world.now + 1.0
    assert "it got a new pod 3 times" in world.verdict().message


def test_a_candidate_that_fills_no_batch_is_compared_only_where_it_does() -> None:
    world = TwoRevisions(percent=1)
    world.batches_from = 20.0
    assert world.until_fail(60) is None
    assert "pods get unlike shares: one of r1 99 %, one of r2 1 %" in world.verdict().message
    alike = TwoRevisions(percent=50)
    alike.batches_from = 20.0
    assert alike.until_fail(60) is None
    assert alike.verdict().rollout.candidate.n > 1000


def test_a_plan_may_abort_for_it_and_then_it_shares_alpha() -> None:
    *others, latency = PLAN.metrics
    metrics = (*others, replace(latency, on_fail=OnFail.ABORT))
    world = TwoRevisions(rollout=replace(ROLLOUT, strategy=replace(PLAN, metrics=metrics)))
    world.far = 0.1
    assert world.until_fail() is not None
    verdict = world.verdict()
    assert overall((verdict,)) is Verdict.FAIL
    assert verdict.threshold_fail == pytest.approx(np.log(300))


def test_a_plan_that_only_wants_to_be_told_is_told_of_a_gross_slowdown_too() -> None:
    *others, latency = PLAN.metrics
    metrics = (*others, replace(latency, on_fail=OnFail.NOTIFY))
    world = TwoRevisions(rollout=replace(ROLLOUT, strategy=replace(PLAN, metrics=metrics)))
    world.slower = 8.0
    assert world.until_fail() is not None
    verdict = world.verdict()
    assert (verdict.gross, verdict.consequence) == (True, OnFail.NOTIFY)
    errors = judge(world.evidence, metrics, 0.01)[0]
    assert errors.threshold_fail == pytest.approx(np.log(200)), "nothing is kept for a gross one"
    assert overall((verdict,)) is not Verdict.FAIL


def test_who_accepts_a_slower_candidate_has_not_accepted_a_gross_one() -> None:
    world = TwoRevisions()
    world.slower = 2.0
    assert world.until_fail() is not None
    analysis = world.progress.analysis
    accepted = evidences.tested_anew(analysis.evidence, PLAN.metrics)
    world.progress = replace(world.progress, analysis=replace(analysis, evidence=accepted))
    world.serve(40)
    assert world.verdict().verdict is Verdict.UNDECIDED
    assert "which a resume has accepted" in world.verdict().message
    world.slower = 30.0
    assert world.until_fail() is not None
    assert overall((world.verdict(),)) is Verdict.FAIL


def test_a_good_candidate_is_hardly_ever_slower() -> None:
    fails = sum(TwoRevisions(rate=20.0, seed=seed).until_fail(40) is not None for seed in range(40))
    assert fails <= 2

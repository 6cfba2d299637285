"""Which readings of people's own metrics become evidence, and what their verdict says."""

from dataclasses import replace

import pytest

from tidegate.core.evalues import Arm, Block
from tidegate.core.evidence import Evidence, Metric, MetricKind, Track, Verdict, judge
from tidegate.core.own.gathering import Interval, gathered
from tidegate.core.own.readings import OwnReading, Tally
from tidegate.core.own.spec import BurnRate, Own, ReadyMade
from tidegate.core.scrapes import Scrape

SHARE = Metric(MetricKind.OWN, own=Own("checkout", "g", "t"))
MEAN = Metric(MetricKind.OWN, objective=0.25, own=Own("latency_p90", mean="m", most=200.0))
QUEUE = Metric(
    MetricKind.OWN,
    objective=0.25,
    own=Own("triton_queue_time", most=200.0, ready=ReadyMade.QUEUE_TIME),
)
NOW = Interval(1, 2, 0.0, True, True, 60.0)


def counted(at: float, ours: tuple[int, int], theirs: tuple[int, int], spread: float = 0.0):
    tallies = (Tally("a", 1, *theirs), Tally("b", 2, *ours))
    return OwnReading("checkout", at, at - spread, at, tallies)


def valued(at: float, value: float, seconds: float = 15.0) -> OwnReading:
    return OwnReading("latency_p90", at, at, at, values=((1, 3.0), (2, value)), seconds=seconds)


def learn(metric: Metric, *steps: OwnReading | tuple[OwnReading, Interval]) -> Track:
    """The track after readings, each with the interval that holds then."""
    evidence = Evidence.start((metric,))
    for step in steps:
        reading, interval = step if isinstance(step, tuple) else (step, NOW)
        scrape = Scrape(reading.asked, (), own=(reading,))
        evidence = gathered(evidence, evidence, scrape, interval)
    return evidence.tracks[0]


def verdict(track: Track) -> Verdict:
    evidence = Evidence(tracks=(track,))
    return judge(evidence, (track.metric,), 0.01)[0].verdict


def test_an_interval_lies_between_two_readings() -> None:
    track = learn(SHARE, counted(100, (90, 100), (900, 900)), counted(115, (98, 110), (990, 990)))
    assert track.rollout == Block(Arm(10, 2), Arm(90, 0), 15.0)


def test_an_interval_waits_until_every_source_was_scraped_again() -> None:
    """Pods are scraped at other moments: until all of them were, one side would stand alone."""
    first = counted(100, (0, 0), (0, 0), spread=10.0)
    half = counted(108, (9, 10), (0, 0), spread=10.0)
    whole = counted(121, (9, 10), (90, 90), spread=10.0)
    assert learn(SHARE, first, half).rollout == Block()
    assert learn(SHARE, first, half, whole).rollout == Block(Arm(10, 1), Arm(90, 0), 21.0)


def test_nothing_counts_over_a_change_of_the_split() -> None:
    first = counted(100, (0, 0), (0, 0))
    later = counted(115, (9, 10), (90, 90))
    last = counted(130, (19, 20), (180, 180))
    moved = replace(NOW, one_split=False)
    settled = replace(NOW, since=118.0)
    assert learn(SHARE, first, (later, moved)).rollout == Block()
    # Nor is a sample from before the change a base line after it
    assert learn(SHARE, first, (later, moved), (later, settled), (last, settled)).rollout == Block()


def test_a_metric_that_is_not_read_has_no_base_line() -> None:
    away = OwnReading("checkout", 115, trouble="Prometheus does not answer")
    first = counted(100, (0, 0), (0, 0))
    track = learn(SHARE, first, away, counted(130, (50, 500), (90, 90)))
    assert track.rollout == Block()
    assert learn(SHARE, first, away).trouble == "Prometheus does not answer"


@pytest.mark.parametrize("metric", [SHARE, MEAN])
def test_what_cannot_be_read_now_passes_nothing(metric: Metric) -> None:
    if metric is SHARE:
        readings = [counted(15.0 * n, (50 * n, 50 * n), (50 * n, 50 * n)) for n in range(1, 60)]
    else:
        readings = [valued(15.0 * n, 2.0) for n in range(1, 60)]
    track = learn(metric, *readings)
    track = replace(track, step=track.step + Block(Arm(100)))
    assert verdict(track) is Verdict.PASS
    name = metric.label
    away = OwnReading(name, 9000.0, trouble="r2: the value is NaN")
    evidence = Evidence(tracks=(track,))
    after = gathered(evidence, evidence, Scrape(9000.0, (), own=(away,)), NOW).tracks[0]
    result = judge(Evidence(tracks=(after,)), (metric,), 0.01)[0]
    assert result.verdict is Verdict.UNDECIDED
    assert result.message == f"{name}: r2: the value is NaN"


def test_values_of_intervals_that_overlap_count_once() -> None:
    track = learn(MEAN, valued(100, 180.0), valued(105, 180.0), valued(115, 180.0))
    assert track.own.ours.count == 2
    early = replace(NOW, since=90.0)
    assert learn(MEAN, (valued(100, 180.0), early)).own.ours.count == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_a_value_that_no_mean_can_have_says_nothing(value: float) -> None:
    track = learn(MEAN, valued(100, value))
    assert track.fail.log_e == 0
    assert track.trouble.startswith("the value is ")


def test_a_value_above_the_largest_is_cut_off() -> None:
    assert learn(MEAN, valued(100, 1e9)).fail == learn(MEAN, valued(100, 200.0)).fail


def test_a_queue_time_is_the_quotient_of_what_triton_counted() -> None:
    def reading(at: float, us: int, requests: int) -> OwnReading:
        tallies = (Tally("a", 1, us // 2, requests), Tally("b", 2, us, requests))
        return OwnReading("triton_queue_time", at, at, at, tallies)

    track = learn(QUEUE, reading(100, 0, 0), reading(115, 3_000_000, 100))
    assert (track.own.ours.mean, track.own.theirs.mean) == (30.0, 15.0)
    assert track.rollout.candidate == Arm(100, 0)
    nobody = learn(QUEUE, reading(100, 0, 0), reading(115, 0, 0))
    assert nobody.own.ours.mean is None


def burning(*intervals: tuple[int, int]) -> Track:
    burn = BurnRate(0.99, 10.0, (600.0, 30.0))
    own = Own("slo", "g", "t", burn=burn)
    metric = Metric(MetricKind.OWN, objective=burn.share, own=own)
    readings = [replace(counted(0, (0, 0), (0, 0)), name="slo")]
    for number, (bad, units) in enumerate(intervals, start=1):
        part, whole = readings[-1].tallies[1].part, readings[-1].tallies[1].whole
        ours = (part + units - bad, whole + units)
        readings.append(replace(counted(15.0 * number, ours, (0, 0)), name="slo"))
    return learn(metric, *readings)


def test_a_burn_rate_fails_while_every_window_burns() -> None:
    assert verdict(burning(*[(40, 100)] * 12)) is Verdict.FAIL
    over = burning(*[(40, 100)] * 12, *[(0, 100)] * 6)
    result = judge(Evidence(tracks=(over,)), (over.metric,), 0.01)[0]
    assert result.verdict is Verdict.UNDECIDED
    assert "but below 10 times the budget of 1 % in the last 30s" in result.message

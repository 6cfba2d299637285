"""Which metrics are read in a pass."""

from dataclasses import replace

from tests.core.values import intent
from tidegate.core.evidence import Evidence, Metric, MetricKind, Track
from tidegate.core.own.due import due
from tidegate.core.own.readings import OwnReading, OwnTrack
from tidegate.core.own.spec import BurnRate, Own
from tidegate.core.rollout import End, Judgement, Outcome, Progress, Rollout, StepProgress
from tidegate.core.strategy import Strategy, canary

SHARE = Metric(MetricKind.OWN, own=Own("checkout", "g", "t"))
MEAN = Metric(MetricKind.OWN, objective=0.25, own=Own("p90", mean="m"))
ANSWERS = Metric(MetricKind.OWN, objective=0.01, own=Own("slo", burn=BurnRate(0.999)))
PLAN: Strategy = replace(canary(), metrics=(SHARE, MEAN, ANSWERS))
STEP = StepProgress(index=0)
ROLLOUT = Rollout("ro-1", PLAN, 1, 2, "ann")


def names(progress: Progress, now: float, candidate: int = 2) -> list[str]:
    requests = due(ROLLOUT, progress, intent(10, candidate=candidate), now)
    assert all(each.revisions == (1, 2) for each in requests)
    return [each.own.name for each in requests]


def knowing(**tracks: OwnTrack) -> Progress:
    every = (Track(metric, own=tracks.get(metric.label, OwnTrack())) for metric in (SHARE, MEAN))
    return Progress(step=STEP, analysis=Judgement(Evidence(tracks=tuple(every))))


def test_those_that_were_never_read_come_first_and_answers_need_no_reading() -> None:
    assert names(Progress(step=STEP), 1000.0) == ["checkout", "p90"]
    assert names(knowing(checkout=OwnTrack(asked=900.0)), 1000.0) == ["p90", "checkout"]


def test_a_quarter_of_a_window_lies_between_two_readings() -> None:
    read = OwnTrack(asked=1000.0)
    assert names(knowing(checkout=read, p90=read), 1014.0) == []
    assert names(knowing(checkout=read, p90=read), 1015.0) == ["checkout", "p90"]


def test_a_mean_is_read_when_its_interval_is_over() -> None:
    last = OwnReading("p90", 1000.0, 1000.0, 1000.0, seconds=60.0)
    known = knowing(p90=OwnTrack(last, 1000.0), checkout=OwnTrack(asked=1059.0))
    assert names(known, 1059.0) == []
    assert names(known, 1060.0) == ["p90"]


def test_a_clock_that_was_put_back_delays_nothing() -> None:
    assert names(knowing(checkout=OwnTrack(asked=5000.0)), 1000.0) == ["p90", "checkout"]


def test_nothing_is_read_once_it_is_decided_or_while_another_is_the_candidate() -> None:
    assert names(Progress(step=STEP, end=End(Outcome.ABORTED)), 1000.0) == []
    assert names(Progress(step=STEP), 1000.0, candidate=3) == []


def test_nothing_is_read_while_the_candidate_starts() -> None:
    assert names(Progress(), 1000.0) == []

"""People's own metrics are tried before a rollout needs them."""

from dataclasses import replace

import pytest

from tests.core.values import KEY
from tidegate.core import strategy
from tidegate.core.evidence import Metric, MetricKind
from tidegate.core.intent import Intent, Mode, Scaling
from tidegate.core.own.readings import OwnReading, Tally
from tidegate.core.own.spec import BurnRate, Own, ReadyMade
from tidegate.core.ports import Snapshot
from tidegate.core.preflight import Level, Request
from tidegate.core.rollout import Rollout
from tidegate.deploy_worker.preflight import own_metrics

OWN = (
    Own("checkout", "g", "t"),
    Own("triton_queue_time", ready=ReadyMade.QUEUE_TIME),
    Own("wait", mean="m"),
    Own("slo", burn=BurnRate(0.999)),
)
POD = {
    "kind": "Pod",
    "metadata": {"name": "fraud-r1-a", "labels": {"tidegate.dev/revision": "r1"}},
}


def request(*metrics: Own) -> Request:
    plan = strategy.canary()
    own = tuple(Metric(MetricKind.OWN, objective=0.25, own=each) for each in metrics)
    rollout = Rollout("ro", replace(plan, metrics=(*plan.metrics, *own)), 1, 2, "ann")
    return Request(Intent(KEY, 1, Mode.STANDARD, 1, scaling=Scaling(1, 2)), (), rollout)


class Source:
    """Answers as it is told, by name."""

    def __init__(self, **readings: OwnReading) -> None:
        self.readings = readings

    def read(self, key, pods, requests):
        assert (key, dict(pods)) == (KEY, {1: ("fraud-r1-a",)})
        assert all(each.revisions == (1,) for each in requests)
        return tuple(self.readings[each.own.name] for each in requests)


def tried(asked: Request, source: Source):
    """(findings, answers)."""
    readings = own_metrics.tried(asked, source, Snapshot(KEY, (POD,)), 100.0)
    return list(own_metrics.findings(readings)), own_metrics.answers(asked, readings)


def test_each_says_what_it_answered() -> None:
    source = Source(
        checkout=OwnReading("checkout", 100, 90, 99, (Tally("a", 1, 8120, 8144),)),
        triton_queue_time=OwnReading(
            "triton_queue_time",
            100,
            90,
            99,
            (Tally("a", 1, 40_000, 10), Tally("b", 1, 20_000, 10)),
        ),
        wait=OwnReading("wait", 100, 99, 99, values=((1, 0.25),), seconds=60.0),
    )
    findings, answers = tried(request(*OWN), source)
    assert findings == []
    assert answers == (
        "checkout: r1 counted 8,120 good of 8,144 at 1 source",
        "triton_queue_time: r1 3 over 20 requests at 2 sources",
        "wait: r1 0.25 in the last 60 s",
    )


@pytest.mark.parametrize(("refused", "level"), [(True, Level.PROBLEM), (False, Level.WARNING)])
def test_what_is_not_answered_is_told_and_what_never_can_be_refuses(
    refused: bool, level: Level
) -> None:
    reading = OwnReading("wait", 100, trouble="r1: no series", refused=refused)
    findings, answers = tried(request(OWN[2]), Source(wait=reading))
    assert [(each.level, each.detail) for each in findings] == [(level, "wait: r1: no series")]
    assert answers == ("wait: r1: no series",)


def test_a_plan_without_any_asks_nothing() -> None:
    assert tried(request(OWN[3]), Source()) == ([], ())
    assert own_metrics.answers(replace(request(), rollout=None), ()) == ()

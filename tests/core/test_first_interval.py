"""Counts are used from the first full interval after a change of weights, and after the resume of
a candidate that was too small."""

import pytest

from tests.core.values import intent, seen, split
from tests.simulation.simulation import Quality, Simulation
from tidegate.core import strategy
from tidegate.core.evidence import Counters, Reading, Scrape
from tidegate.core.gathering import gather
from tidegate.core.intent import Mode
from tidegate.core.progression import decide
from tidegate.core.rollout import (
    Action,
    ActionKind,
    CandidatePods,
    Outcome,
    Pause,
    PauseKind,
    Progress,
    Rollout,
    Routed,
    StepProgress,
)

EVERYTHING = [Quality(bad=1.0), Quality(rejected=1.0)]


class Watched(Simulation):
    """Scrapes since the first that shows an answer of the candidate."""

    scrapes = 0

    def scrape(self) -> Scrape:
        if self.counts.get(2, [0])[0]:
            self.scrapes += 1
        return super().scrape()


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("quality", EVERYTHING, ids=["errors", "rejections"])
def test_a_candidate_that_is_all_bad_is_gone_two_scrapes_after_the_change(
    mode: Mode, quality: Quality
) -> None:
    """At 10 % of 100 requests a second, with a reconcile and a scrape a second."""
    rollout = Watched(mode, rate=100.0, interval=1.0)
    rollout.deploy()
    rollout.start(strategy.canary((10, 50), bake=20), rollout.revision(quality))
    while rollout.progress().end.toward is None:
        assert rollout.scrapes <= 3, rollout.diary[-5:]
        rollout.run(1.0)
    assert rollout.progress().end.toward is Outcome.ABORTED
    assert rollout.scrapes <= 3, "the one that crosses the change, and two"


ROLLOUT = Rollout("ro-1", strategy.canary((10, 50), bake=30), 1, 2, "ann")
AT_10 = seen(split(10), r1=1, r2=1)


def reconciled(
    progress: Progress, now: float, answers: int, *actions: Action, read: float | None = None
) -> Progress:
    """One reconcile at 10 %, with a scrape that was read at `read`, or now."""
    counters = Counters(answers, 0)
    readings = tuple(Reading("envoy", revision, counters) for revision in (1, 2))
    scrape = Scrape(read or now, readings)
    progress = gather(ROLLOUT, progress, intent(10), AT_10, scrape)
    return decide(ROLLOUT, progress, actions, intent(10), AT_10, now).progress


def test_paused_time_is_not_baked_and_not_measured_after_the_resume_of_one_too_small() -> None:
    progress = Progress(
        at=100.0,
        step=StepProgress(index=0, baked=25.0),
        routed=Routed(split(10), 50.0),
        pods=CandidatePods(alive=True),
        pause=Pause(PauseKind.TOO_SMALL, "system", "r2 is too small"),
    )
    progress = reconciled(progress, 105.0, 100)
    resume = Action(1, ActionKind.RESUME, "bob", "larger")
    progress = reconciled(progress, 120.0, 200, resume, read=118.0)
    assert (progress.pause, progress.step.baked) == (None, 0.0)
    progress = reconciled(progress, 125.0, 300, read=123.0)
    assert progress.step.baked == 5.0
    assert progress.analysis.evidence.split.candidate.n == 0, "it began before the resume"
    progress = reconciled(progress, 130.0, 400, read=128.0)
    assert progress.step.baked == 10.0
    assert progress.analysis.evidence.split.candidate.n == 100
    assert progress.analysis.evidence.tracks[0].step.candidate.n == 100

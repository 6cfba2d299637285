"""Counts are used from the first full interval after a change of weights."""

import pytest

from tests.simulation.simulation import Quality, Simulation
from tidegate.core import strategy
from tidegate.core.evidence import Scrape
from tidegate.core.intent import Mode
from tidegate.core.rollout import Outcome

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

"""A candidate that turns requests away, and clients whose own requests are wrong."""

from tests.core.scenarios.book import CANARY, scenario
from tests.simulation.simulation import Quality, Simulation
from tidegate.core.rollout import ActionKind


@scenario()
def a_candidate_that_rejects_everything(t: Simulation) -> None:
    t.deploy()
    t.start(CANARY, t.revision(Quality(rejected=1.0)))
    t.until_over()


@scenario()
def clients_own_mistakes_fail_nobody(t: Simulation) -> None:
    t.deploy()
    t.quality[1] = Quality(bad=0.002, rejected=0.1)
    t.note("(a tenth of the requests are wrong)")
    t.start(CANARY, t.revision(Quality(bad=0.002, rejected=0.1)))
    t.until_over()


@scenario()
def a_candidate_that_is_too_small(t: Simulation) -> None:
    t.deploy()
    candidate = t.revision(Quality(bad=0.002, saturated=0.3))
    t.start(CANARY, candidate)
    t.run(60)
    t.quality[candidate] = Quality(bad=0.002)
    t.note("(r2 gets more capacity)")
    t.action(ActionKind.RESUME, reason="it is larger now")
    t.until_over()

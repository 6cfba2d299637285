"""What the world does to a comparison: a bad minute of stable, noise of each revision's own, cold
pods, batches that do not fill, and a candidate that is only slower."""

import math
from dataclasses import replace

from tests.core.scenarios.book import CANARY, begin, reach, scenario
from tests.simulation.simulation import Quality, Simulation
from tidegate.core import strategy
from tidegate.core.on_fail import OnFail
from tidegate.core.rollout import ActionKind

CV = 0.3


@scenario()
def a_bad_minute_of_stable_promotes_nobody(t: Simulation) -> None:
    t.deploy()
    t.quality[1] = Quality(bad=0.005)
    t.start(CANARY, t.revision(Quality(bad=0.015)))
    reach(t, 1)
    t.quality[1] = Quality(bad=0.2)
    t.note("(one of the pods of r1 fails)")
    t.run(60)
    t.quality[1] = Quality(bad=0.005)
    t.note("(it is well again)")
    t.until_over()


@scenario()
def each_revision_has_noise_of_its_own(t: Simulation) -> None:
    t.deploy()
    candidate = t.revision(Quality(bad=0.02))
    t.start(strategy.canary(), candidate)
    sigma = math.sqrt(math.log(1 + CV**2))
    while t.progress().outcome is None:
        for revision in (1, candidate):
            factor = t.random.lognormvariate(-(sigma**2) / 2, sigma)
            t.quality[revision] = Quality(bad=0.02 * factor)
        t.run(60)


@scenario()
def a_pods_first_answers_are_slow(t: Simulation) -> None:
    t.deploy()
    t.start(CANARY, t.revision(Quality(bad=0.002, first_slow=20)))
    t.until_over()


@scenario()
def a_candidate_at_one_percent_fills_no_batch(t: Simulation) -> None:
    t.deploy()
    batching = Quality(bad=0.002, batches_from=20.0)
    t.quality[1] = batching
    t.start(strategy.canary((1, 50), bake=60), t.revision(batching))
    t.until_over()


@scenario()
def a_candidate_that_is_slower_pauses_and_is_accepted(t: Simulation) -> None:
    t.deploy()
    t.start(CANARY, t.revision(Quality(bad=0.002, slow=0.06)))
    t.run(300)
    t.action(ActionKind.RESUME, reason="the new model is larger")
    t.until_over()


@scenario()
def a_candidate_that_is_grossly_slower(t: Simulation) -> None:
    begin(t, until=0)
    t.quality[2] = Quality(bad=0.002, slow=0.9)
    t.note("(nearly all answers of r2 are slow)")
    t.until_over()


@scenario()
def a_slower_candidate_is_overridden_and_then_accepted(t: Simulation) -> None:
    t.deploy()
    t.start(CANARY, t.revision(Quality(bad=0.002, slow=0.06)))
    t.run(120)
    t.lift(60)
    t.run(60)
    t.action(ActionKind.RESUME, reason="back to the plan")
    t.run(30)
    t.action(ActionKind.RESUME, reason="the new model is larger")
    t.until_over()


@scenario()
def a_gross_slowdown_that_people_only_want_to_be_told_of(t: Simulation) -> None:
    *others, latency = CANARY.metrics
    metrics = (*others, replace(latency, on_fail=OnFail.NOTIFY))
    t.deploy()
    t.start(replace(CANARY, metrics=metrics), t.revision(Quality(bad=0.002, slow=0.9)))
    t.until_over()

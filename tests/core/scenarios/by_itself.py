"""What the rollout controller does by itself: go on, and go back."""

from dataclasses import replace

from tests.core.scenarios.book import CANARY, begin, scenario
from tests.simulation.kubelet import Behaviour
from tests.simulation.simulation import Quality, Simulation
from tidegate.core import strategy
from tidegate.core.evidence import Metric, MetricKind
from tidegate.core.intent import Mode, Scaling
from tidegate.core.strategy import Deadlines, Until


@scenario()
def a_good_canary(t: Simulation) -> None:
    begin(t, strategy.canary(bake=20))
    t.until_over()
    t.run(1900)


@scenario()
def a_fifth_of_the_answers_fails(t: Simulation) -> None:
    t.deploy()
    t.start(CANARY, t.revision(Quality(bad=0.2)))
    t.until_over()
    t.run(120)


@scenario()
def too_slow(t: Simulation) -> None:
    latency = Metric(MetricKind.LATENCY, latency_threshold_ms=100.0)
    t.deploy()
    t.start(
        replace(CANARY, metrics=(Metric(MetricKind.ERRORS), latency)), t.revision(Quality(slow=0.3))
    )
    t.until_over()


@scenario()
def never_ready(t: Simulation) -> None:
    t.lab.kubelet.hang("model-2/")
    begin(t)
    t.until_over()
    t.run(60)


@scenario()
def crashes_while_loading(t: Simulation) -> None:
    t.lab.kubelet.crash("model-2/", "model.py: No module named 'sklearn'")
    begin(t)
    t.until_over()
    t.run(60)


@scenario()
def the_candidate_dies_once(t: Simulation) -> None:
    begin(t, until=0)
    t.lab.kubelet.hang("model-2/")
    t.note("(the pods of r2 stop being ready)")
    t.run(30)
    t.lab.kubelet.heal("model-2/")
    t.note("(they are ready again)")
    t.until_over()


@scenario()
def the_candidate_dies_twice(t: Simulation) -> None:
    begin(t, until=0)
    for _ in range(2):
        t.lab.kubelet.hang("model-2/")
        t.note("(the pods of r2 stop being ready)")
        t.run(20)
        t.lab.kubelet.heal("model-2/")
        t.note("(they are ready again)")
        t.run(25)
    t.until_over()


@scenario()
def stable_dies(t: Simulation) -> None:
    begin(t, until=0)
    t.lab.kubelet.hang("model-1/")
    t.note("(the pods of r1 stop being ready)")
    t.run(60)
    t.lab.kubelet.heal("model-1/")
    t.note("(they are ready again)")
    t.until_over()


@scenario()
def nobody_calls(t: Simulation) -> None:
    t.rate = 0.0
    begin(t, replace(CANARY, deadlines=Deadlines(data=600.0, decision=1200.0)))
    t.until_over()


@scenario()
def a_shared_outage_fails_nobody(t: Simulation) -> None:
    begin(t, until=1)
    t.quality |= {1: Quality(bad=0.6), 2: Quality(bad=0.6)}
    t.note("(a database that both need is down)")
    t.run(60)
    t.quality |= {1: Quality(bad=0.002), 2: Quality(bad=0.002)}
    t.note("(it is back)")
    t.until_over()


@scenario()
def the_worker_is_away_for_an_hour(t: Simulation) -> None:
    begin(t, strategy.canary((10, 50), bake=120), until=0)
    t.outage(3600)
    t.until_over()


@scenario()
def the_clock_jumps(t: Simulation) -> None:
    begin(t, strategy.canary((10, 50), bake=120), until=0)
    t.note("(the clock jumps two hours ahead)")
    t.lab.clock.advance(7200)
    t.last_traffic_at = t.lab.clock()
    t.run(20)
    t.note("(the clock jumps ten minutes back)")
    t.lab.clock.advance(-600)
    t.last_traffic_at = t.lab.clock()
    t.until_over()


@scenario()
def two_rollouts_in_a_row(t: Simulation) -> None:
    begin(t)
    t.until_over()
    t.run(30)
    t.start(CANARY, t.revision(Quality(bad=0.2)))
    t.until_over()
    t.run(30)
    t.start(CANARY, t.revision())
    t.until_over()
    t.run(1900)


@scenario()
def stable_has_four_replicas(t: Simulation) -> None:
    t.scaling = Scaling(4, 6)
    t.lab.kubelet.behave("model-2/", Behaviour(delay=30.0))
    begin(t, strategy.canary((10, 25, 50), bake=20))
    t.until_over()
    t.run(1900)


@scenario(Mode.STANDARD)
def stable_grows_during_the_rollout(t: Simulation) -> None:
    load = {"fraud-r1-predictor": 2}
    t.lab.plane.world.load = lambda deployment: load.get(deployment["metadata"]["name"], 0)
    t.scaling = Scaling(1, 10)
    begin(t, strategy.canary((25, 50), bake=60), until=0)
    load["fraud-r1-predictor"] = 8
    t.note("(the load grows: stable needs 8 replicas)")
    t.run(30)
    load["fraud-r1-predictor"] = 2
    t.note("(the load falls again)")
    t.until_over()
    t.run(60)


@scenario(Mode.STANDARD)
def a_shadow(t: Simulation) -> None:
    begin(t, strategy.shadow(100, bake=60))
    t.until_over()
    t.run(60)


@scenario(Mode.STANDARD)
def a_shadow_that_must_pass(t: Simulation) -> None:
    plan = strategy.shadow(20)
    begin(t, replace(plan, steps=(replace(plan.steps[0], until=Until.PASS, bake=20.0),)))
    t.until_over()


@scenario(Mode.STANDARD)
def a_shadow_whose_copies_fail(t: Simulation) -> None:
    t.deploy()
    t.start(strategy.shadow(20, bake=60), t.revision(Quality(bad=0.2)))
    t.until_over()


@scenario(Mode.STANDARD)
def a_shadow_that_is_too_slow(t: Simulation) -> None:
    latency = Metric(MetricKind.LATENCY, latency_threshold_ms=100.0)
    t.deploy()
    plan = replace(strategy.shadow(20, bake=60), metrics=(Metric(MetricKind.ERRORS), latency))
    t.start(plan, t.revision(Quality(slow=0.3)))
    t.until_over()


@scenario(Mode.STANDARD)
def the_candidate_never_gets_enough_replicas(t: Simulation) -> None:
    t.scaling = Scaling(4, 4)
    begin(t, strategy.canary((10, 50), bake=20), until=0)
    t.lab.kubelet.full("model-2/")
    t.note("(no capacity for more pods of r2)")
    t.until_over()


@scenario(Mode.KNATIVE)
def the_candidate_scales_to_zero(t: Simulation) -> None:
    t.scaling = Scaling(0, 4)
    t.rate = 0.0
    begin(t, replace(CANARY, deadlines=Deadlines(data=600.0)))
    t.run(300)
    t.rate = 100.0
    t.note("(requests arrive)")
    t.until_over()

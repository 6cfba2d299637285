"""Metrics that people bring: counters of their business, means, burn rates, and sources that do not
answer."""

from dataclasses import replace

from tests.core.scenarios.book import CANARY, scenario
from tests.simulation.simulation import Simulation
from tidegate.core.evidence import Metric, MetricKind
from tidegate.core.intent import Mode
from tidegate.core.on_fail import OnFail
from tidegate.core.own.spec import BurnRate, Own
from tidegate.core.rollout import ActionKind
from tidegate.core.strategy import Deadlines, Strategy

CHECKOUT = Metric(
    MetricKind.OWN,
    own=Own("checkout", 'ok_total{pod=~"$pods"}', 'orders_total{pod=~"$pods"}'),
)
QUEUE = Metric(
    MetricKind.OWN,
    objective=0.25,
    own=Own("queue", mean='sum(queue_ms{pod=~"$pods"})', most=200.0),
)
BURN = Metric(
    MetricKind.OWN,
    objective=BurnRate(0.999).share,
    own=Own("slo", burn=BurnRate(0.999, windows=(300.0, 60.0))),
)


def with_own(*metrics: Metric) -> Strategy:
    """The canary that is judged by these, too."""
    plan = replace(CANARY, metrics=(*CANARY.metrics, *metrics), noise_window=20.0)
    return replace(plan, deadlines=replace(plan.deadlines, data=300.0))


@scenario()
def an_own_metric_fails(t: Simulation) -> None:
    t.own.bad["checkout"] = {1: 0.01, 2: 0.1}
    t.deploy()
    t.start(with_own(CHECKOUT), t.revision())
    t.until_over()


@scenario(Mode.STANDARD)
def own_metrics_pass(t: Simulation) -> None:
    t.own.bad["checkout"] = {1: 0.01, 2: 0.01}
    t.own.means["queue"] = {1: 4.0, 2: 5.0}
    t.deploy()
    t.start(with_own(CHECKOUT, QUEUE), t.revision())
    t.until_over()


@scenario(Mode.STANDARD)
def an_own_metric_that_is_no_number_waits_for_its_deadline(t: Simulation) -> None:
    t.own.trouble["queue"] = "r2: the value is NaN"
    t.deploy()
    t.start(replace(with_own(QUEUE), deadlines=Deadlines(data=120.0, decision=60.0)), t.revision())
    t.until_over()


@scenario(Mode.STANDARD)
def an_own_metric_that_is_not_read_any_more_passes_nothing(t: Simulation) -> None:
    t.own.bad["checkout"] = {1: 0.01, 2: 0.01}
    t.deploy()
    t.start(with_own(CHECKOUT), t.revision())
    t.run(120)
    t.own.trouble["checkout"] = "Prometheus does not answer within 2 s"
    t.note("(Prometheus is slow)")
    t.run(200)
    t.own.trouble.clear()
    t.note("(Prometheus answers again)")
    t.until_over()


@scenario(Mode.STANDARD)
def a_mean_above_its_objective_pauses(t: Simulation) -> None:
    t.own.means["queue"] = {1: 4.0, 2: 180.0}
    t.deploy()
    t.start(with_own(replace(QUEUE, on_fail=OnFail.PAUSE)), t.revision())
    t.run(150)
    t.own.means["queue"][2] = 6.0
    t.note("(r2 has more instances now)")
    t.action(ActionKind.RESUME, reason="instance groups were missing")
    t.until_over()


@scenario(Mode.STANDARD)
def an_error_budget_burns(t: Simulation) -> None:
    t.deploy()
    candidate = t.revision()
    t.quality[1] = replace(t.quality[1], bad=0.0002)
    t.quality[candidate] = replace(t.quality[candidate], bad=0.04)
    plan = with_own(BURN)
    errors = replace(plan.metrics[0], on_fail=OnFail.NOTIFY)
    t.start(replace(plan, metrics=(errors, *plan.metrics[1:])), candidate)
    t.until_over()

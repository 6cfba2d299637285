"""Plans that follow the traffic: made from what was measured, bounded in requests and in time."""

from dataclasses import replace

from tests.core.scenarios.book import CANARY, begin, scenario
from tests.simulation.simulation import Quality, Simulation
from tidegate.core import strategy
from tidegate.core.accepting import boxed
from tidegate.core.ladder import following_traffic, ladder
from tidegate.core.load import Rates
from tidegate.core.rollout import ActionKind
from tidegate.core.strategy import Strategy
from tidegate.core.time_box import OnTimeBox, TimeBox

HALF_AN_HOUR = 1800.0


def measured(t: Simulation, rate: float, base: float, most: int | None = None) -> Strategy:
    """The canary that is made at these rates, told to the diary; both revisions are as good."""
    t.rate = rate
    t.quality |= {1: Quality(bad=base), 2: Quality(bad=base)}
    made = ladder(strategy.canary(), Rates(rate, base), most)
    percents = ", ".join(
        f"{step.candidate_traffic.percent} % until {step.until}" for step in made.steps
    )
    t.note(f"(the plan: {percents})")
    t.note(f"(because: {made.because})")
    for warning in made.warnings:
        t.note(f"(warning: {warning})")
    return following_traffic(strategy.canary(), made)


def start_measured(t: Simulation, rate: float, base: float, most: int | None = None) -> None:
    t.deploy()
    candidate = t.revision(Quality(bad=base))
    t.start(measured(t, rate, base, most), candidate)


@scenario()
def one_request_in_five_seconds(t: Simulation) -> None:
    t.interval = 60.0
    start_measured(t, 0.2, 0.005)
    t.until_over(86_400)


@scenario()
def five_requests_a_second(t: Simulation) -> None:
    t.interval = 20.0
    start_measured(t, 5.0, 0.005)
    t.until_over()


@scenario()
def a_thousand_requests_a_second_at_a_high_base(t: Simulation) -> None:
    start_measured(t, 1000.0, 0.02)
    t.until_over()


@scenario()
def nobody_calls_within_the_time_box(t: Simulation) -> None:
    t.rate = 0.0
    begin(t, boxed(CANARY, TimeBox(600.0, OnTimeBox.ACCEPT, 10.0)))
    t.run(1000)


def quiet(t: Simulation, box: TimeBox, bad: float = 0.0) -> None:
    """An endpoint with a request every two seconds, whose last step cannot pass in the time box."""
    t.rate = 0.5
    t.interval = 20.0
    t.deploy()
    t.quality[1] = Quality()
    t.start(boxed(strategy.canary((50,), bake=60), box), t.revision(Quality(bad=bad)))


@scenario()
def a_time_box_ends_and_a_person_accepts_its_bound(t: Simulation) -> None:
    quiet(t, TimeBox(HALF_AN_HOUR))
    t.run(2100)
    t.action(ActionKind.APPROVE, reason="4 points are fine for this one")
    t.until_over()


@scenario()
def a_time_box_ends_and_a_person_waits_again(t: Simulation) -> None:
    quiet(t, TimeBox(600.0))
    t.run(900)
    t.action(ActionKind.RESUME)
    t.run(900)
    t.action(ActionKind.ABORT)
    t.until_over()


@scenario()
def a_time_box_aborts(t: Simulation) -> None:
    quiet(t, TimeBox(HALF_AN_HOUR, OnTimeBox.ABORT))
    t.until_over()


@scenario()
def a_time_box_is_accepted_by_the_tenants_policy(t: Simulation) -> None:
    quiet(t, TimeBox(HALF_AN_HOUR, OnTimeBox.ACCEPT, 5.0))
    t.until_over()


@scenario()
def a_bound_beyond_the_tenants_policy_pauses(t: Simulation) -> None:
    quiet(t, TimeBox(HALF_AN_HOUR, OnTimeBox.ACCEPT, 1.0))
    t.run(2100)


@scenario()
def as_many_requests_as_it_may_have_without_a_verdict(t: Simulation) -> None:
    begin(t, replace(CANARY, max_exposed=4000))
    t.run(300)
    t.action(ActionKind.RESUME, reason="two minutes more")
    t.run(600)
    t.action(ActionKind.ABORT)
    t.until_over()


@scenario()
def a_verdict_within_the_bound_lets_it_go_on(t: Simulation) -> None:
    start_measured(t, 100.0, 0.005, 6000)
    t.until_over()

"""Rollouts that a pipeline drives, and what happens when it is gone."""

from dataclasses import replace

from tests.core.scenarios.book import scenario
from tests.simulation.simulation import Simulation
from tidegate.core import strategy
from tidegate.core.guard import Guard, OnHeartbeatTimeout
from tidegate.core.rollout import ActionKind
from tidegate.core.strategy import Deadlines, Strategy

SLOW = strategy.canary((10, 50), bake=300)  # longer than the pipeline's timeout
HEARTBEAT_TIMEOUT_S = 120.0


def driven(t: Simulation, on_heartbeat_timeout: OnHeartbeatTimeout, plan: Strategy = SLOW) -> None:
    """A rollout whose pipeline sends heartbeats for two minutes and is then killed."""
    t.deploy()
    t.start(plan, t.revision(), "pipeline", guard=Guard(on_heartbeat_timeout, HEARTBEAT_TIMEOUT_S))
    t.beating_pipeline(120)
    t.note("(the pipeline is killed)")


@scenario()
def a_pipeline_sends_heartbeats_to_the_end(t: Simulation) -> None:
    t.deploy()
    t.start(
        SLOW, t.revision(), "pipeline", guard=Guard(OnHeartbeatTimeout.ABORT, HEARTBEAT_TIMEOUT_S)
    )
    t.beating_pipeline(3600)


@scenario()
def a_pipeline_is_gone_and_the_rollout_goes_on(t: Simulation) -> None:
    driven(t, OnHeartbeatTimeout.CONTINUE)
    t.until_over()


@scenario()
def a_pipeline_is_gone_and_the_rollout_aborts(t: Simulation) -> None:
    driven(t, OnHeartbeatTimeout.ABORT)
    t.until_over()


@scenario()
def a_pipeline_is_gone_and_comes_back(t: Simulation) -> None:
    driven(t, OnHeartbeatTimeout.PAUSE)
    t.run(300)
    t.note("(its pod runs again)")
    t.beating_pipeline(3600)


@scenario()
def a_pipeline_is_gone_for_good(t: Simulation) -> None:
    driven(t, OnHeartbeatTimeout.PAUSE, replace(SLOW, deadlines=Deadlines(decision=600.0)))
    t.until_over()


@scenario()
def a_person_goes_on_without_the_pipeline(t: Simulation) -> None:
    driven(t, OnHeartbeatTimeout.PAUSE)
    t.run(300)
    t.action(ActionKind.RESUME, reason="the run was cancelled by mistake")
    t.until_over()


@scenario()
def a_pipeline_hands_over_to_a_person(t: Simulation) -> None:
    t.deploy()
    t.start(
        strategy.blue_green(),
        t.revision(),
        "pipeline",
        guard=Guard(OnHeartbeatTimeout.ABORT, HEARTBEAT_TIMEOUT_S),
    )
    t.beating_pipeline(60)
    t.heartbeat(release=True)
    t.note("(the pipeline has done its part)")
    t.run(1200)
    t.action(ActionKind.PROMOTE, reason="cut over")
    t.until_over()


@scenario()
def the_worker_is_away_longer_than_the_gap(t: Simulation) -> None:
    t.deploy()
    t.start(
        SLOW, t.revision(), "pipeline", guard=Guard(OnHeartbeatTimeout.ABORT, HEARTBEAT_TIMEOUT_S)
    )
    t.beating_pipeline(120)
    t.outage(1800)
    t.note("(the pipeline sent heartbeats all the while)")
    t.beating_pipeline(3600)

"""Standard mode without the Gateway API: a Service leads to one revision, and everything moves at
once."""

from dataclasses import replace

from tests.core.scenarios.book import begin, reach, scenario
from tests.simulation.simulation import Simulation
from tidegate.core import strategy
from tidegate.core.drivers import driver_for
from tidegate.core.intent import Mode
from tidegate.core.rollout import ActionKind
from tidegate_local.played.api import SERVICE


@scenario(Mode.STANDARD, gateway=False)
def without_a_gateway_a_first_deployment_and_its_end(t: Simulation) -> None:
    t.deploy()
    t.note(f"there is {t.left()}")
    t.delete()
    t.run(120)
    t.note(f"there is {t.left()}")


@scenario(Mode.STANDARD, gateway=False)
def without_a_gateway_blue_green_and_undo(t: Simulation) -> None:
    begin(t, strategy.blue_green())
    t.run(120)
    t.action(ActionKind.PROMOTE, reason="cut over")
    t.until_over()
    t.run(600)
    t.start(strategy.undo(), 1, "bob", "sales fell")
    t.until_over()
    t.run(1900)


@scenario(Mode.STANDARD, gateway=False)
def without_a_gateway_aborted_before_anything_moved(t: Simulation) -> None:
    begin(t, strategy.blue_green(), until=0)
    t.action(ActionKind.ABORT, reason="wrong model")
    t.until_over()
    t.run(120)


@scenario(Mode.STANDARD, gateway=False)
def without_a_gateway_aborted_while_promoting(t: Simulation) -> None:
    begin(t, strategy.blue_green())
    t.run(60)
    t.action(ActionKind.PROMOTE, reason="cut over")
    while t.intent.stable != 2:
        t.run(t.interval)
    t.action(ActionKind.ABORT, reason="not this one")
    t.until_over()
    t.run(120)


@scenario(Mode.STANDARD, gateway=False)
def without_a_gateway_by_hand(t: Simulation) -> None:
    begin(t, strategy.manual())
    t.run(60)
    t.action(ActionKind.PROMOTE, reason="tried it at its own address")
    t.until_over()
    t.run(1900)


@scenario(Mode.STANDARD, gateway=False)
def without_a_gateway_somebody_bends_the_service(t: Simulation) -> None:
    begin(t, strategy.blue_green())
    reach(t, 0)
    t.note("(somebody adds a label to the Service's selector)")
    t.lab.objects.edit(SERVICE, t.key.namespace, "fraud", {"spec": {"selector": {"team": "sales"}}})
    t.run(30)
    t.note("(somebody deletes the Service)")
    t.lab.objects.delete(SERVICE, t.key.namespace, "fraud")
    t.run(30)


@scenario(Mode.STANDARD, gateway=False)
def without_a_gateway_another_store_writes_nothing(t: Simulation) -> None:
    t.deploy()
    t.platform = replace(t.platform, store="00000000-0000-0000-0000-000000000002")
    t.driver = driver_for(Mode.STANDARD, t.platform)
    t.note("(from here on it is another store that looks)")
    t.run(30)
    t.delete()
    t.run(60)
    t.note(f"there is {t.left()}")

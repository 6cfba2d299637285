"""Random interleavings: whatever happens, no write breaks an invariant, and from every state an
abort reaches stable."""

import pytest

from tests.simulation.chaos import STRANGER, Chaos
from tidegate.core.intent import Mode
from tidegate.core.rollout import ActionKind
from tidegate_local.played.api import HTTP_ROUTE, ISVC

SEEDS = 20
MANY = 2000
LONGER = 160  # deeds of a longer walk, which begins with a rollout
LONGER_SEEDS = (53, 54, 55)  # 53: an old status of KServe's was taken for the new head's


def explore(mode: Mode, seed: int, *, foreign: bool, gateway: bool = True) -> None:
    """One random life of an endpoint; a broken invariant tells the whole scenario."""
    simulation = Chaos(mode, seed, foreign=foreign, gateway=gateway)
    try:
        simulation.deploy()
        simulation.watch.at_rest()
        simulation.act(simulation.dice.randint(20, 120))
        come_home(simulation)
    except AssertionError as broken:
        raise AssertionError(
            "\n".join([*simulation.diary, f"seed {seed}, {mode}: {broken}"])
        ) from broken


def explore_longer(mode: Mode, seed: int, *, adopted: bool = False) -> None:
    """As `explore`, many more deeds in one life. adopted: it begins with somebody else's service."""
    simulation = Chaos(mode, seed)
    try:
        if adopted:
            simulation.adopt()
        else:
            simulation.deploy()
        simulation.start(simulation.plan(), simulation.revision())
        simulation.act(LONGER)
        come_home(simulation)
    except AssertionError as broken:
        lines = [*simulation.diary, f"seed {seed}, {mode}, longer: {broken}"]
        raise AssertionError("\n".join(lines)) from broken


def come_home(simulation: Chaos) -> None:
    """Abort, then quiet: stable has everything, and planning again writes nothing."""
    if simulation.running:
        simulation.action(ActionKind.ABORT)
    if simulation.intent.stable is None:
        simulation.deploy_again()
    for number in simulation.revisions:
        if number != simulation.intent.candidate:
            simulation.lab.kubelet.heal(f"model-{number}/")
    simulation.quiet(450.0)
    intent = simulation.intent
    assert not simulation.running, [progress.message for _, progress in simulation.rollouts]
    assert intent.candidate is None
    assert intent.standby == ()
    if simulation.gateway:
        shares = simulation.lab.shares("fraud")
    else:
        shares = simulation.lab.led_to("fraud")
    assert shares == {f"r{intent.stable}": 100.0}
    assert simulation.one_pass() == 0, "planning again writes"
    uri = f"s3://models/model-{intent.stable}/"
    head = "fraud"
    if simulation.mode is Mode.STANDARD:
        head = f"fraud-r{intent.stable}"
    assert simulation.lab.get(ISVC, head)["spec"]["predictor"]["model"]["storageUri"] == uri
    if simulation.mode is Mode.STANDARD:
        assert simulation.lab.names(ISVC) == [head]
    stranger = simulation.lab.get(HTTP_ROUTE, "fraudster")
    assert stranger["spec"] == STRANGER["spec"]
    assert stranger["metadata"]["generation"] == 1


@pytest.mark.parametrize("foreign", [False, True], ids=["alone", "meddled"])
@pytest.mark.parametrize("mode", list(Mode))
def test_some_lives(mode: Mode, foreign: bool) -> None:
    for seed in range(SEEDS):
        explore(mode, seed, foreign=foreign)


@pytest.mark.parametrize("mode", list(Mode))
def test_some_longer_lives(mode: Mode) -> None:
    for seed in LONGER_SEEDS:
        explore_longer(mode, seed)


def test_a_longer_life_of_an_adopted_service() -> None:
    explore_longer(Mode.KNATIVE, 53, adopted=True)


@pytest.mark.long
@pytest.mark.parametrize("mode", list(Mode))
def test_many_longer_lives(mode: Mode) -> None:
    for seed in range(MANY // 5):
        explore_longer(mode, seed)


@pytest.mark.parametrize("foreign", [False, True], ids=["alone", "meddled"])
def test_some_lives_without_a_gateway(foreign: bool) -> None:
    for seed in range(SEEDS):
        explore(Mode.STANDARD, seed, foreign=foreign, gateway=False)


@pytest.mark.long
@pytest.mark.parametrize("foreign", [False, True], ids=["alone", "meddled"])
def test_many_lives_without_a_gateway(foreign: bool) -> None:
    for seed in range(SEEDS, MANY):
        explore(Mode.STANDARD, seed, foreign=foreign, gateway=False)


@pytest.mark.long
@pytest.mark.parametrize("foreign", [False, True], ids=["alone", "meddled"])
@pytest.mark.parametrize("mode", list(Mode))
def test_many_lives(mode: Mode, foreign: bool) -> None:
    for seed in range(SEEDS, MANY):
        explore(mode, seed, foreign=foreign)

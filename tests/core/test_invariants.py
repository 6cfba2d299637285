"""Random interleavings: whatever happens, no write breaks an invariant, and from every state an abort gets home."""

import pytest

from tests.simulation.chaos import STRANGER, Chaos
from tidegate.core.intent import Mode
from tidegate.core.rollout import ActionKind
from tidegate_local.played.api import HTTP_ROUTE, ISVC

SEEDS = 20
MANY = 2000


def explore(mode: Mode, seed: int, *, foreign: bool, gateway: bool = True) -> None:
    """One random life of an endpoint; a broken invariant tells the whole story."""
    trial = Chaos(mode, seed, foreign=foreign, gateway=gateway)
    try:
        trial.deploy()
        trial.watch.at_rest()
        trial.act(trial.dice.randint(20, 120))
        come_home(trial)
    except AssertionError as broken:
        raise AssertionError("\n".join([*trial.diary, f"seed {seed}, {mode}: {broken}"])) from broken


def come_home(trial: Chaos) -> None:
    """Abort, then quiet: stable has everything, and planning again writes nothing."""
    if trial.running:
        trial.action(ActionKind.ABORT)
    if trial.intent.stable is None:
        trial.deploy_again()
    for number in trial.revisions:
        if number != trial.intent.candidate:
            trial.lab.kubelet.heal(f"model-{number}/")
    trial.quiet(450.0)
    intent = trial.intent
    assert not trial.running, [progress.why for _, progress in trial.rollouts]
    assert intent.candidate is None
    assert intent.standby == ()
    shares = trial.lab.shares("fraud") if trial.gateway else trial.lab.led_to("fraud")
    assert shares == {f"r{intent.stable}": 100.0}
    assert trial.one_pass() == 0, "planning again writes"
    uri = f"s3://models/model-{intent.stable}/"
    head = f"fraud-r{intent.stable}" if trial.mode is Mode.STANDARD else "fraud"
    assert trial.lab.get(ISVC, head)["spec"]["predictor"]["model"]["storageUri"] == uri
    if trial.mode is Mode.STANDARD:
        assert trial.lab.names(ISVC) == [head]
    stranger = trial.lab.get(HTTP_ROUTE, "fraudster")
    assert stranger["spec"] == STRANGER["spec"]
    assert stranger["metadata"]["generation"] == 1


@pytest.mark.parametrize("foreign", [False, True], ids=["alone", "meddled"])
@pytest.mark.parametrize("mode", list(Mode))
def test_some_lives(mode: Mode, foreign: bool) -> None:
    for seed in range(SEEDS):
        explore(mode, seed, foreign=foreign)


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

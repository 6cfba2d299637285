"""Random walks from a promotion on: revisions turn bad and well, pods crash, people act, while the
watch looks. `Watch.undone_by_itself` of the simulation holds what an undo by itself may be."""

from collections import Counter
from dataclasses import replace

import pytest

from tests.core.test_invariants import come_home
from tests.simulation.chaos import Chaos, Deed
from tests.simulation.simulation import Quality
from tidegate.core import strategy
from tidegate.core.intent import Mode
from tidegate.core.result import Result
from tidegate.core.rollout import ActionKind
from tidegate.core.watch_values import OnWatchFail, WatchPlan, WatchState

SEEDS = 12
MANY = 400
DEEDS = 150
WATCHED = WatchPlan(900.0, OnWatchFail.UNDO)
BADS = (0.0, 0.0, 0.3, 0.9)


class Watched(Chaos):
    """Chance from a minute after a promotion on, which rarely starts another rollout."""

    def __init__(self, mode: Mode, seed: int) -> None:
        super().__init__(mode, seed)
        self.states: Counter[WatchState] = Counter()
        self.deeds = [
            *self._world(),
            Deed(150, self._pass),
            Deed(6, self._turn),
            Deed(1, self._begin),
            Deed(1, self._twice),
            Deed(1, self._percent),
        ]

    def plan(self) -> strategy.Strategy:
        """Always watched as `WATCHED`."""
        plan = super().plan()
        return replace(plan, watch=WatchPlan(120.0, OnWatchFail.UNDO))

    def store(self, result: Result) -> None:
        """As always, and count."""
        super().store(result)
        watches = (decided.progress.watch for decided in result.decisions)
        self.states.update(watch.state for watch in watches if watch is not None)

    def promote(self) -> None:
        """r2 over r1."""
        self.deploy()
        plan = replace(strategy.blue_green(), watch=WATCHED)
        self.start(replace(plan, deadlines=super().plan().deadlines), self.revision())
        while self.progress().outcome is None:
            if self.progress().step.index == 0:
                self.action(ActionKind.PROMOTE)
            self.run(self.interval)

    def _pass(self) -> None:
        self.lab.settle(self.interval)
        self.one_pass()

    def _turn(self) -> None:
        for number in self.dice.choice(([1], [2], [1, 2], list(self.revisions))):
            self.quality[number] = Quality(bad=self.dice.choice(BADS))


def explore(mode: Mode, seed: int) -> Counter[WatchState]:
    """One walk; a broken invariant tells the whole of it."""
    simulation = Watched(mode, seed)
    try:
        simulation.promote()
        simulation.act(DEEDS)
        for number in simulation.revisions:
            simulation.quality[number] = Quality()
        simulation.quiet(1800.0)
        come_home(simulation)
    except AssertionError as broken:
        lines = [*simulation.diary, f"seed {seed}, {mode}: {broken}"]
        raise AssertionError("\n".join(lines)) from broken
    return simulation.states


@pytest.mark.parametrize("mode", list(Mode))
def test_walks_from_a_promotion(mode: Mode) -> None:
    states: Counter[WatchState] = Counter()
    for seed in range(SEEDS):
        states += explore(mode, seed)
    missed = [state for state in WatchState if not states[state]]
    assert not [state for state in missed if state is not WatchState.FAILING], missed


@pytest.mark.long
@pytest.mark.parametrize("mode", list(Mode))
def test_many_walks_from_a_promotion(mode: Mode) -> None:
    for seed in range(SEEDS, MANY):
        explore(mode, seed)

"""What a rollback left for failing: kept forward, change by change, apart from what the core reads
backward from the stored intents."""

from itertools import pairwise

from tests.simulation.simulation import Simulation
from tidegate.core.rollout import Outcome, Rollout
from tidegate.core.strategy import Ending, Kind

RECENT_S = 600.0  # an undo has to name its revision for so long


class Left:
    """served: the revisions that were stable in this life of the endpoint and were left by nobody
    who rolled back. failing: those that a rollback left."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._intents = 0
        self._before: dict[str, bool] = {}
        self.failing: set[int] = set()
        self.served: set[int] = set()

    def read(self) -> None:
        """Take in the intents since the last call."""
        intents = self._simulation.intents[self._intents :]
        self._intents = max(len(self._simulation.intents) - 1, 0)
        for old, new in pairwise(intents):
            if old.stable != new.stable:
                self._change(old.stable, new.stable, new.author)

    def _change(self, old: int | None, new: int | None, author: str) -> None:
        if old is None or new is None:
            self.failing.clear()
            self.served.clear()
            return
        rollout = self._rollout(author)
        arrives = rollout is None or new == rollout.candidate
        undoes = rollout is not None and rollout.strategy.kind is Kind.UNDO
        if undoes and not arrives:  # the undo is aborted: both are again what they were before
            self._mark(new, failing=self._before.pop(author, False))
            return
        if undoes:
            self._before[author] = old in self.failing
        self._mark(old, failing=undoes == arrives)

    def _mark(self, revision: int, *, failing: bool) -> None:
        self.failing.discard(revision)
        self.served.discard(revision)
        if failing:
            self.failing.add(revision)
        else:
            self.served.add(revision)

    def _rollout(self, author: str) -> Rollout | None:
        rollouts = (rollout for rollout, _ in self._simulation.rollouts)
        return next((each for each in rollouts if author == f"system:rollout:{each.id}"), None)

    def check(self, answer: str) -> None:
        """The answer to an undo that names no revision. Raises AssertionError."""
        start = "accepted: back to r"
        if not answer.startswith(start):
            return
        self.read()
        number = int(answer.removeprefix(start))
        assert number not in self.failing, f"r{number} was left by a rollback"
        assert number in self.served, f"r{number} never was stable: {self.served}"
        assert not self._rolled_back_lately(), "it has to name its revision now"

    def _rolled_back_lately(self) -> bool:
        """Whether the newest rollout before this undo rolled back within RECENT_S."""
        *before, _ = self._simulation.rollouts
        ended = [each for each in before if each[1].outcome is not None]
        if not ended:
            return False
        rollout, progress = ended[-1]
        seconds = self._simulation.lab.clock() - (progress.end.at or 0.0)
        back = rollout.strategy.kind is Kind.UNDO or progress.outcome is Outcome.ABORTED
        judged = rollout.strategy.ending is Ending.PROMOTE
        kept = progress.outcome is Outcome.KEPT_STABLE and judged
        return seconds <= RECENT_S and (back or kept)

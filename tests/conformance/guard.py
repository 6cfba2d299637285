"""What must hold at every tick of the data plane, in the fake and in the real cluster alike."""

from tests.conformance.states import Split, in_words
from tidegate.core.intent import Intent


class Guard:
    """Raises AssertionError at the first tick that must never be. cap: the most that each revision
    was meant to get. given: what it had when it was last up. excused: somebody meddles, so shares
    are not our doing until the step has come to rest."""

    def __init__(self) -> None:
        self.excused = False
        self._intent: Intent | None = None
        self._cap: dict[int, float] = {}
        self._given: dict[int, float] = {}
        self._bad: dict[int, float] = {}

    def intended(self, intent: Intent, split: Split) -> None:
        """From now on this is wanted; `split` is what the data plane has."""
        self._intent = intent
        if intent.stable is not None:
            self._cap[intent.stable] = 100
        if intent.candidate is not None:
            self._cap[intent.candidate] = max(
                self._cap.get(intent.candidate, 0), intent.candidate_traffic.percent
            )
        desired = (intent.stable, intent.candidate)
        self._bad = {n: percent for n, percent in split.items() if n not in desired}
        lowered = (
            intent.candidate is not None
            and split.get(intent.candidate, 0) > intent.candidate_traffic.percent
        )
        if lowered and intent.candidate is not None:
            self._bad[intent.candidate] = split[intent.candidate]

    def tick(self, split: Split, up: frozenset[int]) -> None:
        """The data plane was told this split; `up`: who would answer, by the observation that our
        writes were planned on."""
        if split:
            assert sum(split.values()) == 100, (
                f"shares sum to {sum(split.values()):g}: {in_words(split)}"
            )
        if self.excused or self._intent is None:
            return
        for number, percent in split.items():
            self._no_more_than_meant(number, percent)
            self._not_to_the_unready(number, percent, up)
        for number in self._bad:
            self._bad[number] = min(self._bad[number], split.get(number, 0))

    def _no_more_than_meant(self, number: int, percent: float) -> None:
        cap = self._cap.get(number, 0)
        assert percent <= cap, (
            f"r{number} has {percent:g} %, it was never meant to have more than {cap:g} %"
        )
        had = self._bad.get(number)
        assert had is None or percent <= had, (
            f"r{number} is on its way out and rises from {had:g} to {percent:g} %"
        )

    def _not_to_the_unready(self, number: int, percent: float, up: frozenset[int]) -> None:
        assert self._intent is not None
        if number in up:
            self._given[number] = percent
        elif number != self._intent.stable:  # toward stable always works
            value = self._given.get(number, 0)
            assert percent <= value, (
                f"r{number} is not ready and rises from {value:g} to {percent:g} %"
            )

"""A candidate that alone rejects requests: by a mesh's policy, another token, a quota.

The meter's own counting turns codes into counters here, so that what it drops is seen too.
"""

import pytest

from tests.simulation.simulation import Simulation
from tidegate.core import strategy
from tidegate.core.answers import Spoken
from tidegate.core.evidence import Reading, Scrape
from tidegate.core.intent import Mode
from tidegate.core.rollout import ActionKind, Outcome, PauseKind
from tidegate.deploy_worker.meters.counting import Counted, readings
from tidegate.deploy_worker.meters.profiles import Kind, Meaning
from tidegate.deploy_worker.meters.slots import Slots
from tidegate.deploy_worker.meters.targets import Target

GATEWAY = Target(("gateway", "", "", ""))
FINE: dict[Spoken, int] = {"http": 200, "grpc": 0}
SLOTS = Slots((1, 2), frozenset({1, 2}), 0.0)
BEGAN = 0.0  # long before the first scrape
REJECTIONS: list[tuple[Spoken, int]] = [
    ("http", 400),  # an input was renamed
    ("http", 401),
    ("http", 403),
    ("http", 404),
    ("grpc", 1),  # CANCELLED
    ("grpc", 3),  # INVALID_ARGUMENT
    ("grpc", 7),  # PERMISSION_DENIED
    ("grpc", 16),  # UNAUTHENTICATED
]
SATURATED: list[tuple[Spoken, int]] = [("http", 429), ("grpc", 8)]  # RESOURCE_EXHAUSTED


class Rejecting(Simulation):
    """r1 answers every request well, r2 every request with one code."""

    def __init__(self, spoken: Spoken, code: int) -> None:
        super().__init__(Mode.STANDARD)
        self.spoken = spoken
        self.code = code

    def scrape(self) -> Scrape:
        codes = {1: FINE[self.spoken], 2: self.code}
        counts = tuple(
            (Meaning(Kind.ANSWER, revision, self.spoken, codes[revision]), answers)
            for revision, (answers, *_) in self.counts.items()
        )
        now = self.lab.clock()
        seen: tuple[Reading, ...] = readings(
            [Counted(GATEWAY, BEGAN, None, now, "gateway", counts, counts)], SLOTS
        )
        return Scrape(now, seen)


def begun(spoken: Spoken, code: int) -> Rejecting:
    """A canary of r2."""
    rollout = Rejecting(spoken, code)
    rollout.deploy()
    rollout.start(strategy.canary((10, 50), bake=20), rollout.revision())
    return rollout


@pytest.mark.parametrize(("spoken", "code"), REJECTIONS)
def test_a_candidate_that_rejects_everything_is_gone_after_one_interval(
    spoken: Spoken, code: int
) -> None:
    rollout = begun(spoken, code)
    progress = rollout.until_over(1200)
    assert progress.outcome is Outcome.ABORTED
    assert progress.end.message.startswith("rejections: candidate 50 of 50 (100.0 %)")


@pytest.mark.parametrize(("spoken", "code"), SATURATED)
def test_a_candidate_that_is_too_small_pauses(spoken: Spoken, code: int) -> None:
    rollout = begun(spoken, code)
    rollout.run(120)
    progress = rollout.progress()
    assert progress.end.toward is None
    assert progress.pause is not None
    assert progress.pause.kind is PauseKind.TOO_SMALL
    assert "r2 is too small: it answered 50 of 50 requests" in progress.pause.message


@pytest.mark.parametrize(("spoken", "code"), SATURATED)
def test_a_resume_alone_promotes_nothing_that_still_turns_everything_away(
    spoken: Spoken, code: int
) -> None:
    rollout = Rejecting(spoken, code)
    rollout.deploy()
    rollout.start(strategy.canary((50,), bake=20), rollout.revision())
    rollout.run(600)
    rollout.action(ActionKind.RESUME, reason="it is larger now")
    rollout.run(60)
    progress = rollout.progress()
    assert progress.end.toward is None
    assert progress.pause is not None
    assert progress.pause.kind is PauseKind.TOO_SMALL

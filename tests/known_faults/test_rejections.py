"""A candidate that alone rejects requests: by a mesh's policy, another token, a quota.

The meter's own counting turns codes into counters here, so that what it drops is seen too.
"""

import pytest

from tests.simulation.simulation import Quality, Simulation
from tidegate.core import strategy
from tidegate.core.answers import Spoken
from tidegate.core.evidence import Reading, Scrape
from tidegate.core.intent import Mode
from tidegate.core.rollout import Outcome
from tidegate.deploy_worker.meters.counting import Counted, readings
from tidegate.deploy_worker.meters.profiles import Kind, Meaning
from tidegate.deploy_worker.meters.targets import Target

GATEWAY = Target(("gateway", "", "", ""))
FINE: dict[Spoken, int] = {"http": 200, "grpc": 0}
CODES: list[tuple[Spoken, int]] = [
    ("http", 401),
    ("http", 403),
    ("http", 429),
    ("grpc", 7),  # PERMISSION_DENIED
    ("grpc", 8),  # RESOURCE_EXHAUSTED
    ("grpc", 16),  # UNAUTHENTICATED
]
WRONG = Quality(bad=1.0)  # replaced by the code below; without that the rollout would abort


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
            for revision, (answers, _, _) in self.counts.items()
        )
        now = self.lab.clock()
        results: tuple[Reading, ...] = readings([Counted(GATEWAY, None, now, "gateway", counts)])
        return Scrape(now, results)


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="401, 403 and 429, and their gRPC kin, count as good answers, so r2 is promoted",
)
@pytest.mark.parametrize(("spoken", "code"), CODES)
def test_a_candidate_that_rejects_everything_is_not_promoted(spoken: Spoken, code: int) -> None:
    rollout = Rejecting(spoken, code)
    rollout.deploy()
    rollout.start(strategy.canary((10, 50), bake=20), rollout.revision(WRONG))
    assert rollout.until_over(1200).outcome is not Outcome.PROMOTED

"""The size of stable and candidate while a real HorizontalPodAutoscaler stands over them."""

import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.cluster.desk import Desk, model
from tidegate.core.intent import CandidateTraffic, EndpointKey, Mode, Runtime, Scaling
from tidegate.core.rollout import ActionKind, Outcome, Rollout
from tidegate.core.strategy import Deadlines, Ending, Kind, Step, Strategy, Until
from tidegate.store import Started, endpoints, intents, revisions, rollouts

pytestmark = [pytest.mark.cluster, pytest.mark.real]
BY_HAND = Strategy(
    Kind.CANARY,
    tuple(Step(CandidateTraffic(percent=percent), Until.APPROVAL, 0.0) for percent in (25, 50)),
    Ending.PROMOTE,
    deadlines=Deadlines(undo=0.5),
)
BLUE_GREEN = Strategy(
    Kind.BLUE_GREEN,
    (Step(CandidateTraffic(replicas_percent=100), Until.APPROVAL, 0.0),),
    Ending.PROMOTE,
    deadlines=Deadlines(undo=0.5),
)


class Sizes:
    """One endpoint of 1 to 6 replicas, scaled by an HPA."""

    def __init__(self, desk: Desk, key: EndpointKey) -> None:
        self.desk = desk
        self.key = key
        self.kube = desk.dev.kube
        with desk.store.begin() as tx:
            endpoints.create(
                tx,
                key,
                mode=Mode.STANDARD,
                spec={},
                model=model(1),
                runtime=Runtime(),
                scaling=Scaling(1, 6),
                author="ann",
                message="first",
            )
        self.until(lambda: desk.phase(key) == "ready")

    def until(self, fact: Callable[[], object]) -> None:
        self.desk.until(
            fact, instead=lambda: (self.desk.status(self.key), self.pods(1), self.pods(2))
        )

    def autoscaler(self, number: int, replicas: int) -> None:
        """As the HPA does when the load changes: through the scale subresource, within its own
        bounds."""
        path = self.kube.path(
            "apps/v1", "Deployment", self.key.namespace, f"fraud-r{number}-predictor"
        )
        self.kube.patch(f"{path}/scale", {"spec": {"replicas": replicas}})
        self.until(lambda: self.pods(number) == replicas)

    def pods(self, number: int) -> int:
        """Available replicas of a revision."""
        path = self.kube.path(
            "apps/v1", "Deployment", self.key.namespace, f"fraud-r{number}-predictor"
        )
        return int(((self.kube.get(path) or {}).get("status") or {}).get("availableReplicas", 0))

    def least(self, number: int) -> int:
        """The minReplicas of its HPA: the floor that was written, through KServe."""
        path = self.kube.path(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            self.key.namespace,
            f"fraud-r{number}-predictor",
        )
        return int((self.kube.get(path) or {"spec": {"minReplicas": 0}})["spec"]["minReplicas"])

    def start(self, strategy: Strategy) -> str:
        """A rollout of r2."""
        made = str(uuid.uuid4())
        with self.desk.store.begin() as tx:
            revisions.add_revision(tx, self.key, model(2), Runtime(), author="ann")
            assert isinstance(
                rollouts.start(tx, self.key, Rollout(made, strategy, 1, 2, "ann")), Started
            )
        return made

    def step(self, rollout: str) -> int:
        """The step that it is in; -1 before the first."""
        with self.desk.store.read() as tx:
            stored_rollout = rollouts.get(tx, rollout)
        assert stored_rollout is not None
        return stored_rollout.progress.step.index


@pytest.fixture
def sizes(desk: Desk, key: EndpointKey) -> Sizes:
    return Sizes(desk, key)


def test_stable_grows_during_a_canary_and_the_candidate_follows(sizes: Sizes) -> None:
    """25 % of 1 replica needs 1, of 4 needs ceil(4 × 0.25 × 1.2) = 2; 50 % of 4 needs 3. Stable is
    held at its 4."""
    rollout = sizes.start(BY_HAND)
    sizes.until(lambda: sizes.desk.shares(sizes.key) == {1: 75, 2: 25})
    assert (sizes.least(1), sizes.least(2)) == (1, 1)
    sizes.autoscaler(1, 4)
    sizes.until(lambda: (sizes.least(1), sizes.least(2)) == (4, 2))
    sizes.until(lambda: sizes.pods(2) == 2)
    sizes.desk.action(rollout, ActionKind.APPROVE)
    sizes.until(lambda: sizes.desk.shares(sizes.key) == {1: 50, 2: 50})
    assert sizes.pods(2) == 3
    sizes.desk.action(rollout, ActionKind.PROMOTE)
    sizes.until(lambda: sizes.desk.shares(sizes.key) == {2: 100})
    assert sizes.pods(2) >= 4, "all of the traffic needs the size that stable had"
    sizes.until(lambda: sizes.desk.outcome(rollout) is Outcome.PROMOTED)
    sizes.until(lambda: sizes.least(2) == 1)  # the autoscaler alone decides again


def test_blue_green_has_both_at_full_size_before_a_person_decides(sizes: Sizes) -> None:
    sizes.autoscaler(1, 3)
    rollout = sizes.start(BLUE_GREEN)
    sizes.until(lambda: (sizes.pods(1), sizes.pods(2)) == (3, 3))
    assert sizes.desk.shares(sizes.key) == {1: 100}
    sizes.until(lambda: sizes.step(rollout) == 0)
    sizes.desk.action(rollout, ActionKind.APPROVE)
    sizes.until(lambda: sizes.desk.shares(sizes.key) == {2: 100})
    assert sizes.pods(2) == 3, "nothing had to start for it"
    sizes.until(lambda: sizes.desk.outcome(rollout) is Outcome.PROMOTED)


def test_replica_bounds_that_are_edited_reach_both_revisions(sizes: Sizes) -> None:
    rollout = sizes.start(BY_HAND)
    sizes.until(lambda: sizes.desk.shares(sizes.key) == {1: 75, 2: 25})
    with sizes.desk.store.begin() as tx:
        stored = intents.current_intent(tx, sizes.key)
        assert stored is not None
        wider = replace(stored.intent, scaling=Scaling(2, 8), author="ann", message="more")
        intents.append_intent(tx, wider, stored.intent.generation)
    sizes.until(lambda: (sizes.pods(1), sizes.pods(2)) == (2, 1))
    sizes.desk.action(rollout, ActionKind.ABORT)
    sizes.until(lambda: sizes.desk.outcome(rollout) is Outcome.ABORTED)
    assert sizes.desk.shares(sizes.key) == {1: 100}

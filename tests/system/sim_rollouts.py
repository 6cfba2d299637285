"""Rollouts on the simulated plane, put into the store as the API does, and what must be true at
their end."""

import uuid
from dataclasses import dataclass, replace

from tests.system.sim import SimPlane
from tests.waiting import PATIENCE, until
from tidegate.core.analysis import Metric, MetricKind
from tidegate.core.evidence import Scrape
from tidegate.core.intent import EndpointKey, Intent, Mode, Model, Runtime, Scaling
from tidegate.core.rollout import Outcome, Rollout
from tidegate.core.scrapes import between
from tidegate.core.strategy import Deadlines, Strategy, canary
from tidegate.store import (
    Created,
    Started,
    Store,
    StoredRollout,
    endpoints,
    intents,
    ledger,
    revisions,
    rollouts,
)

FAST = replace(canary((10, 50), bake=0.15), deadlines=Deadlines(undo=0.2), noise_window=0.05)
PROMOTED = [(1, None, 0), (1, 2, 0), (1, 2, 10), (1, 2, 50), (2, None, 0), (2, None, 0)]
ABORTED = [(1, None, 0), (1, 2, 0), (1, 2, 10), (1, None, 0)]
SHARES = {
    Outcome.PROMOTED: [{1: 100}, {1: 90, 2: 10}, {1: 50, 2: 50}, {2: 100}],
    Outcome.ABORTED: [{1: 100}, {1: 90, 2: 10}, {1: 100}],
}

ERRORS = Metric(MetricKind.ERRORS)


@dataclass(frozen=True, slots=True)
class SimRollout:
    """One endpoint with a running rollout of r2."""

    store: Store
    plane: SimPlane
    key: EndpointKey
    rollout_id: str

    def stored(self) -> StoredRollout:
        """The rollout as the store has it."""
        with self.store.read() as tx:
            rollout = rollouts.get(tx, self.rollout_id)
        assert rollout is not None
        return rollout

    def intents(self) -> list[Intent]:
        """Oldest first."""
        with self.store.read() as tx:
            return [
                stored.intent for stored in reversed(intents.history(tx, self.key, limit=100).items)
            ]

    def is_over(self) -> bool:
        """Nothing is left to do for the rollout, and who lost is gone from the cluster."""
        stored = self.stored()
        left = 2
        if stored.outcome is Outcome.PROMOTED:
            left = 1
        return stored.progress.end.tidy and f"{self.key.name}-r{left}" not in self._services()

    def wait(self, seconds: float = PATIENCE) -> StoredRollout:
        """Until it is over."""
        until(self.is_over, f"{self.key} is over", seconds, instead=self._stands)
        return self.stored()

    def _stands(self) -> str:
        progress = self.stored().progress
        return f"step {progress.step.index}, {progress.message}"

    def _services(self) -> list[str]:
        results = self.plane.observe(self.key).objects
        return [item["metadata"]["name"] for item in results if item["kind"] == "InferenceService"]


def begin(
    store: Store, plane: SimPlane, name: str, *, bad: float = 0.0, strategy: Strategy = FAST
) -> SimRollout:
    """An endpoint and a rollout of its second revision, both still to be acted on."""
    key = EndpointKey("team", name)
    rollout_id = str(uuid.uuid4())
    plane.bad[key, 2] = bad
    with store.begin() as tx:
        made = endpoints.create(
            tx,
            key,
            mode=Mode.STANDARD,
            spec={"name": name},
            model=_model(1),
            runtime=Runtime(),
            scaling=Scaling(),
            author="ann",
            message="first",
        )
        assert isinstance(made, Created)
        revisions.add_revision(tx, key, _model(2), Runtime(), author="ann")
        started = rollouts.start(tx, key, Rollout(rollout_id, strategy, 1, 2, "ann"))
        assert isinstance(started, Started)
    return SimRollout(store, plane, key, rollout_id)


def _model(number: int) -> Model:
    return Model("fraud", str(number), f"s3://models/model-{number}", f"sha256-{number}")


def check_as_if_nothing_happened(rollout: SimRollout, outcome: Outcome) -> None:
    """The same generations, the same splits, evidence that is the meter's, and a ledger that
    verifies."""
    assert rollout.stored().outcome is outcome
    results = rollout.intents()
    desired = ABORTED
    if outcome is Outcome.PROMOTED:
        desired = PROMOTED
    assert [(i.stable, i.candidate, i.candidate_traffic.percent) for i in results] == desired
    assert [i.generation for i in results] == list(range(1, len(results) + 1))
    check_cluster(rollout, outcome)
    check_evidence(rollout)
    check_ledger(rollout)


def check_cluster(rollout: SimRollout, outcome: Outcome) -> None:
    """Generations on the cluster only rose and none is missing (the rollout began before the first
    was written, so that one may be); clients saw exactly the splits of the plan."""
    stamped = [stamp.generation for stamp in rollout.plane.routes[rollout.key]]
    assert stamped == sorted(stamped)
    assert {1, *stamped} == {intent.generation for intent in rollout.intents()}
    assert rollout.plane.history(rollout.key) == SHARES[outcome]


def check_evidence(rollout: SimRollout) -> None:
    """What the last step counted is what the meter counted between its two ends: no block twice,
    none lost."""
    evidence = rollout.stored().progress.analysis.evidence
    scrapes = rollout.plane.scrapes[rollout.key]
    assert evidence.last is not None
    track = next(item for item in evidence.tracks if item.metric.kind is MetricKind.ERRORS)
    last = _nearest(scrapes, evidence.last.at)
    first = _nearest(scrapes, evidence.last.at - track.step.seconds)
    assert track.step.candidate == between(first, last, 2, ERRORS).arm
    assert track.step.stable == between(first, last, 1, ERRORS).arm
    assert track.step.candidate.n > 0
    answers = sum(reading.counters.answers for reading in last.readings if reading.revision == 2)
    assert track.rollout.candidate.n <= answers


def check_ledger(rollout: SimRollout) -> None:
    """The chain is whole, and holds each intent and each of the rollout controller's decisions
    once."""
    stored = rollout.stored()
    results = rollout.intents()
    with rollout.store.read() as tx:
        assert isinstance(ledger.verify(tx, stored.endpoint_id), ledger.Verified)
        lines = ledger.read(tx, stored.endpoint_id, limit=100).items
    written = [line.body["intent"]["generation"] for line in lines if line.action == "intent"]
    assert sorted(written) == [intent.generation for intent in results]
    mine = [
        line.action
        for line in lines
        if line.actor == f"system:rollout:{rollout.rollout_id}" and line.action != "intent"
    ]
    doubles = {action for action in mine if action != "step" and mine.count(action) > 1}
    assert not doubles, mine


def _nearest(scrapes: list[Scrape], at: float) -> Scrape:
    scrape = min(scrapes, key=lambda item: abs(item.at - at))
    assert abs(scrape.at - at) < 1e-3
    return scrape

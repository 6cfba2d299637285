"""A few endpoints in both modes, worked on by worker processes; each rollout is a rollout of the
next revision."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.cluster.faults.rules import Intents, wrong
from tests.cluster.faults.ticks import Ticks
from tests.waiting import until
from tidegate.core.intent import (
    CandidateTraffic,
    EndpointKey,
    Intent,
    Mode,
    Model,
    Runtime,
    Scaling,
)
from tidegate.core.rollout import ActionKind, Outcome, Rollout
from tidegate.core.strategy import Deadlines, Ending, Kind, Step, Strategy, Until
from tidegate.store import Started, Store, endpoints, intents, revisions, rollouts
from tidegate_local.devcluster.kube import Kube

ISVC = "serving.kserve.io/v1beta1"
PERCENT = 25
BY_HAND = Strategy(
    Kind.CANARY,
    (Step(CandidateTraffic(percent=PERCENT), Until.APPROVAL, 0.0),),
    Ending.PROMOTE,
    deadlines=Deadlines(undo=0.5),
)


def model(number: int) -> Model:
    """Any version."""
    return Model("add_sub", str(number), f"s3://models/add_sub/{number}/", f"sha256-{number}")


@dataclass(slots=True)
class FleetRollout:
    """One endpoint and its present rollout."""

    store: Store
    key: EndpointKey
    mode: Mode
    stable: int = 1
    candidate: int = 1
    rollout: str = ""
    deleted: bool = False

    def create(self) -> None:
        """The endpoint, with r1."""
        with self.store.begin() as tx:
            endpoints.create(
                tx,
                self.key,
                mode=self.mode,
                spec={},
                model=model(1),
                runtime=Runtime(),
                scaling=Scaling(1, 1),
                author="ann",
                message="first",
            )

    def start(self) -> None:
        """A rollout of a new revision that waits for a person at PERCENT."""
        self.rollout = str(uuid.uuid4())
        with self.store.begin() as tx:
            made = revisions.add_revision(
                tx, self.key, model(self.candidate + 1), Runtime(), author="ann"
            )
            self.candidate = made.number
            desired = Rollout(self.rollout, BY_HAND, self.stable, self.candidate, "ann")
            assert isinstance(rollouts.start(tx, self.key, desired), Started)

    def end(self, kind: ActionKind) -> None:
        """Approve or abort it."""
        with self.store.begin() as tx:
            rollouts.add_action(tx, self.rollout, kind, author="ben")

    def delete(self) -> None:
        """Nothing shall serve."""
        self.deleted = True
        with self.store.begin() as tx:
            stored = intents.current_intent(tx, self.key)
            assert stored is not None
            old = stored.intent
            gone = Intent(
                self.key, 0, old.mode, None, scaling=old.scaling, author="ann", message="over"
            )
            intents.append_intent(tx, gone, old.generation)

    @property
    def waits(self) -> bool:
        """The candidate has its share, and a person is awaited."""
        return self.shares() == {self.stable: 100 - PERCENT, self.candidate: PERCENT}

    def settled(self) -> bool:
        """The rollout is over, tidied up, and the endpoint ready; `stable` then is who serves."""
        with self.store.read() as tx:
            rollout = rollouts.get(tx, self.rollout)
        if rollout is None or rollout.outcome is None or not rollout.progress.end.tidy:
            return False
        if rollout.outcome is Outcome.PROMOTED:
            serves = self.candidate
        else:
            serves = self.stable
        if self.status().get("phase") != "ready" or self.shares() != {serves: 100}:
            return False
        self.stable = serves
        return True

    def outcome(self) -> Outcome | None:
        """How the rollout ended."""
        with self.store.read() as tx:
            rollout = rollouts.get(tx, self.rollout)
        if not rollout:
            return None
        return rollout.outcome

    def status(self) -> dict[str, Any]:
        """As the API would tell it."""
        with self.store.read() as tx:
            endpoint = endpoints.get(tx, self.key)
        if not endpoint:
            return {}
        return dict(endpoint.status)

    def shares(self) -> dict[int, int]:
        """Observed shares above 0, by revision."""
        traffic = self.status().get("traffic") or {"rules": []}
        return {
            s["revision"]: s["percent"]
            for rule in traffic["rules"]
            for s in rule["shares"]
            if s["percent"]
        }

    def intents(self) -> Intents:
        """All there ever were, by generation."""
        result: dict[int, Intent] = {}
        page: str | None = None
        with self.store.read() as tx:
            while not result or page is not None:
                read = intents.history(tx, self.key, page_token=page)
                result |= {stored.intent.generation: stored.intent for stored in read.items}
                page = read.next_token
        return result

    def services(self) -> set[str]:
        """The InferenceServices that must be there when nothing runs."""
        return {f"{self.key.name}-r{self.stable}" if self.mode is Mode.STANDARD else self.key.name}


@dataclass(slots=True)
class Fleet:
    """All rollouts of one module. `alive` raises when a part that must run does not."""

    kube: Kube
    ticks: Ticks
    alive: Callable[[], None]
    rollouts: list[FleetRollout] = field(default_factory=list)

    def until(
        self,
        fact: Callable[[FleetRollout], Any],
        seconds: float = 150.0,
        of: list[FleetRollout] | None = None,
    ) -> None:
        """Until the fact holds for each rollout."""
        chosen = of
        if of is None:
            chosen = self.rollouts

        def all_do() -> bool:
            self.alive()
            return all(fact(fleet_rollout) for fleet_rollout in chosen)

        until(
            all_do,
            "all rollouts",
            seconds,
            0.1,
            instead=lambda: {str(t.key): t.status() for t in chosen if not fact(t)},
        )

    def create(
        self, keys: list[tuple[EndpointKey, Mode]], store: Store, seconds: float = 150.0
    ) -> list[FleetRollout]:
        """Endpoints, until they are ready."""
        made = [FleetRollout(store, key, mode) for key, mode in keys]
        for fleet_rollout in made:
            fleet_rollout.create()
        self.rollouts.extend(made)
        self.until(
            lambda t: t.status().get("phase") == "ready" and t.shares() == {1: 100}, seconds, made
        )
        return made

    def start(self, *, wait: bool = True) -> None:
        """A rollout of each; with `wait`, until a person is awaited."""
        for fleet_rollout in self.rollouts:
            fleet_rollout.start()
        if wait:
            self.until(lambda t: t.waits)

    def decide(self) -> dict[EndpointKey, Outcome]:
        """Every second one is approved, the others are aborted."""
        desired = {}
        for number, fleet_rollout in enumerate(self.rollouts):
            fleet_rollout.end(ActionKind.ABORT if number % 2 else ActionKind.APPROVE)
            desired[fleet_rollout.key] = Outcome.ABORTED if number % 2 else Outcome.PROMOTED
        return desired

    def check(self, desired: dict[EndpointKey, Outcome], seconds: float = 150.0) -> None:
        """Each comes to its intent, nothing is left over, and no tick was wrong."""
        self.until(FleetRollout.settled, seconds)
        assert {
            fleet_rollout.key: fleet_rollout.outcome() for fleet_rollout in self.rollouts
        } == desired
        self._tidy()
        assert self.wrong() == {}

    def delete(self, seconds: float = 150.0) -> None:
        """Everything goes, with all that was made of it."""
        for fleet_rollout in self.rollouts:
            fleet_rollout.delete()
        self.until(lambda fleet_rollout: fleet_rollout.status().get("phase") == "gone", seconds)
        self._tidy()

    def _tidy(self) -> None:
        """Nothing is left over. A worker may still be killed, and be wanted again, while it tidies
        up."""

        def nothing_is_left() -> bool:
            self.alive()
            return not self.orphans()

        until(nothing_is_left, "nothing is left", 150.0, 0.1, instead=self.orphans)

    def wrong(self) -> dict[str, list[str]]:
        """Breaches of what must be true at every tick, by endpoint."""
        result = {}
        for fleet_rollout in self.rollouts:
            ticks = self.ticks.of(fleet_rollout.key.namespace)
            if fleet_rollout.mode is Mode.STANDARD:
                service = fleet_rollout.key.name
            else:
                service = f"{fleet_rollout.key.name}-predictor"
            seen = [
                tick
                for tick in ticks
                if tick.kind in ("HTTPRoute", "Ingress") and tick.name == service
            ]
            assert len(seen) > len(fleet_rollout.intents()), (
                "the log shows less than what was asked for"
            )
            result[str(fleet_rollout.key)] = wrong(
                fleet_rollout.key, ticks, fleet_rollout.intents()
            )
        return {key: messages for key, messages in result.items() if messages}

    def orphans(self) -> set[str]:
        """Objects that nobody wants any more, and those that are missing, in our namespaces."""
        return {
            f"{kind} {space}/{name}" for space in self._spaces() for kind, name in self._odd(space)
        }

    def _spaces(self) -> set[str]:
        return {fleet_rollout.key.namespace for fleet_rollout in self.rollouts}

    def _odd(self, namespace: str) -> set[tuple[str, str]]:
        here = [
            fleet_rollout
            for fleet_rollout in self.rollouts
            if fleet_rollout.key.namespace == namespace and not fleet_rollout.deleted
        ]
        standard = [fleet_rollout for fleet_rollout in here if fleet_rollout.mode is Mode.STANDARD]
        desired = {
            ("InferenceService", name)
            for fleet_rollout in here
            for name in fleet_rollout.services()
        }
        desired |= {("HTTPRoute", fleet_rollout.key.name) for fleet_rollout in standard}
        desired |= {
            ("Deployment", f"{fleet_rollout.key.name}-r{fleet_rollout.stable}-predictor")
            for fleet_rollout in standard
        }
        desired |= {
            ("ConfigMap", f"{fleet_rollout.key.name}-tidegate")
            for fleet_rollout in here
            if fleet_rollout.mode is Mode.KNATIVE
        }
        return desired ^ self._there(namespace)

    def _there(self, namespace: str) -> set[tuple[str, str]]:
        results = set()
        kinds = (
            (ISVC, "InferenceService"),
            ("gateway.networking.k8s.io/v1", "HTTPRoute"),
            ("v1", "ConfigMap"),
        )
        for version, kind in (*kinds, ("apps/v1", "Deployment")):
            for item in self.kube.items(version, kind, namespace):
                labels = item["metadata"].get("labels") or {}
                ours = "tidegate.dev/endpoint" in labels or kind in (
                    "InferenceService",
                    "HTTPRoute",
                )
                if ours and "serving.knative.dev/revision" not in labels:
                    results.add((kind, item["metadata"]["name"]))
        return results

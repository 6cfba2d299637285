"""Whether every write was foretold: what `reachable` said when a rollout, or a person's own intent,
began, against what `plan` then writes.

Counters are taken out on both sides: generations, replica floors (they follow stable's size, which
moves) and the order of backendRefs without a weight (it follows history). Each of those is held to
its own bound instead.
"""

import json
from typing import TYPE_CHECKING, Any

from tidegate.core import reachable
from tidegate.core.drivers import planned
from tidegate.core.drivers.rendering import INITIAL_SCALE
from tidegate.core.intent import Intent
from tidegate.core.ports import Apply, Manifest, Write
from tidegate.core.reachable import ReachableIntent
from tidegate.core.rollout import Rollout

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation


class Foretold:
    """What was said so far over one life. strange: a share that only strangers write; a route that
    holds it, so that the candidate gets no more than it has, cannot be foretold."""

    def __init__(self, simulation: "Simulation", strange: int) -> None:
        self._simulation = simulation
        self._strange = strange
        self._said: set[str] = set()
        self._intents = 0

    def rollout(self, rollout: Rollout) -> None:
        """Ask as preflight does, before a rollout starts."""
        self._hear(reachable.reachable_intents(rollout, self._simulation.intent))

    def write(self, write: Write) -> None:
        """Raises AssertionError for a write that nobody foretold."""
        self._by_hand()
        if isinstance(write, Apply) and not _holds(write.manifest, self._strange):
            text = counted_out(write.manifest)
            assert text in self._said, f"not foretold ({write.message}): {text}"
            floor = _floor(write.manifest)
            assert floor <= max(1, self._highest()), (
                f"{floor} replicas, {self._highest()} are allowed"
            )

    def _by_hand(self) -> None:
        """People's own intents: each is asked about when it is appended, as a first step of its
        own."""
        for intent in self._simulation.intents[self._intents :]:
            if not intent.author.startswith("system:rollout:") and intent.stable is not None:
                self._hear((ReachableIntent("by hand", intent), *self._around(intent)))
        self._intents = len(self._simulation.intents)

    def _around(self, intent: Intent) -> tuple[ReachableIntent, ...]:
        """A change of scaling, or a percent set by a person, in the middle of a rollout: its ways
        are asked about again."""
        intents: list[ReachableIntent] = []
        for rollout, progress in self._simulation.rollouts:
            if not progress.end.tidy:
                intents += reachable.reachable_intents(
                    rollout, intent, intent.candidate_traffic.percent
                )
        return tuple(intents)

    def _hear(self, intents: tuple[ReachableIntent, ...]) -> None:
        simulation = self._simulation
        snapshot = simulation.lab.cluster.observe(simulation.key)
        for planned_object in simulation.driver.reachable(intents, simulation.revisions, snapshot):
            self._said.add(counted_out(planned_object.manifest))

    def _highest(self) -> int:
        return max(
            max(i.scaling.max_replicas, i.scaling.min_replicas) for i in self._simulation.intents
        )


def counted_out(manifest: Manifest) -> str:
    """A manifest without its counters, as text."""
    content: dict[str, Any] = json.loads(json.dumps(planned.plain(manifest)))
    spec = content.get("spec", {})
    predictor = spec.get("predictor", {})
    predictor.pop("minReplicas", None)
    predictor.get("annotations", {}).pop(INITIAL_SCALE, None)
    if not predictor.get("annotations", True):
        del predictor["annotations"]
    for rule in spec.get("rules", ()):
        weighted = [ref for ref in rule["backendRefs"] if ref["weight"]]
        rule["backendRefs"] = sorted(weighted, key=lambda ref: str(ref["name"]))
    return json.dumps(content, sort_keys=True)


def _holds(manifest: Manifest, weight: int) -> bool:
    rules = manifest.get("spec", {}).get("rules", ())
    return any(ref["weight"] == weight for rule in rules for ref in rule["backendRefs"])


def _floor(manifest: Manifest) -> int:
    predictor = manifest.get("spec", {}).get("predictor", {})
    start = predictor.get("annotations", {}).get(INITIAL_SCALE, 0)
    return max(int(predictor.get("minReplicas", 0)), int(start))

"""Knative mode: one InferenceService and `canaryTrafficPercent`; what it says next is
`order.next_write`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tidegate.core.capacity import needed
from tidegate.core.drivers import entries, knative_state, note, planned, pod_state
from tidegate.core.drivers.adoption import NUMBER, present, restored, untouched
from tidegate.core.drivers.base import Memory, Revisions, Writes
from tidegate.core.drivers.knative_state import ALL, PERCENT
from tidegate.core.drivers.order import next_write
from tidegate.core.drivers.predictor import predictor
from tidegate.core.drivers.rendering import (
    ENDPOINT,
    ENTRY,
    INITIAL_SCALE,
    REVISION,
    Platform,
    annotations,
    covers,
    labels,
    ours,
    uid_of,
)
from tidegate.core.drivers.weights import Capacity, trust
from tidegate.core.drivers.writes import remove
from tidegate.core.intent import EndpointKey, Intent, Mode, Revision
from tidegate.core.observation import Observation, Stamp
from tidegate.core.ports import Apply, Manifest, Remove, Snapshot
from tidegate.core.reachable import ReachableIntent
from tidegate.core.traffic import desired


class KnativeDriver:
    """See the module."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def read(self, key: EndpointKey, revisions: Revisions, snapshot: Snapshot) -> Observation:
        """Live revisions from Knative Revisions and pods, traffic from KServe's status, by revision
        name."""
        snapshot = present(snapshot, key, revisions, Mode.KNATIVE)
        isvc = snapshot.get("InferenceService", key.name)
        noted = note.read(key, snapshot)
        observation = Observation(
            stamp=Stamp(generation=noted.generation, store=noted.store, mark=noted.mark)
        )
        if note.find(key, snapshot) is None and snapshot.get(note.KIND, note.name(key)) is not None:
            return Observation(conflict=f"{note.KIND} {key.namespace}/{note.name(key)}")
        if isvc is None:
            return observation
        if not ours(isvc, key):
            return replace(observation, conflict=f"InferenceService {key}")
        at = knative_state.pointers(isvc, snapshot)
        traffic = knative_state.traffic(isvc, snapshot)
        whole = traffic is not None and sum(s.percent for s in traffic.rules[0].shares) == 100
        # The status names the traffic before the ingress is programmed; the route is ready when it
        # is.
        routed = pod_state.condition(isvc, "PredictorRouteReady").get("status") == "True"
        settled = whole and at.caught_up and routed
        live = tuple(
            sorted(
                knative_state.live(isvc, snapshot, revisions),
                key=lambda live_revision: live_revision.revision,
            )
        )
        status = isvc.get("status") or {}
        address = (status.get("address") or {}).get("url") or status.get("url")
        if any(live_revision.revision == at.head for live_revision in live):
            unmade = None
        else:
            unmade = pod_state.unmade(isvc, snapshot)
        return replace(
            observation, live=live, traffic=traffic, settled=settled, address=address, unmade=unmade
        )

    def writes(
        self,
        intent: Intent,
        revisions: Revisions,
        snapshot: Snapshot,
        seen: Observation,
        memory: Memory,
        now: float,
    ) -> Writes:
        """At most one write: the order is everything."""
        as_is, snapshot = snapshot, present(snapshot, intent.key, revisions, Mode.KNATIVE)
        isvc = snapshot.get("InferenceService", intent.key.name)
        noted = note.find(intent.key, snapshot)
        theirs = untouched(isvc, revisions, as_is)
        if intent.stable is None:
            return Writes(_dismantle(None if theirs else isvc, noted), memory=memory)
        if seen.stamp.generation != intent.generation:
            stamp = Apply(
                note.render(intent, self._platform),
                uid_of(snapshot, note.KIND, note.name(intent.key)),
                f"generation {intent.generation}",
            )
            return Writes((stamp,), ("the generation is noted first",), memory)
        memory, share, reason, wake_at = self._share(intent, seen, memory, now)
        if isvc is None:
            template = _template(intent, intent.stable, None, snapshot, memory)
            first = self._isvc(intent, revisions[intent.stable], None, None, template)
            return Writes((Apply(first, None, f"r{intent.stable} is deployed"),), memory=memory)
        then = next_write(share, knative_state.pointers(isvc, snapshot))
        template = _template(intent, then.head, isvc, snapshot, memory)
        desired = self._isvc(intent, revisions[then.head], then.percent, isvc, template)
        waiting = tuple(message for message in (then.waiting, reason) if message)
        if covers(isvc, desired) or (theirs and then.head == NUMBER):
            return Writes((), waiting, memory, wake_at)
        message = f"r{then.head} at " + (
            "the head" if then.percent is None else f"{then.percent} %"
        )
        return Writes(
            (Apply(desired, isvc["metadata"]["uid"], message, adopts=theirs),),
            waiting,
            memory,
            wake_at,
        )

    def reachable(
        self, reachable_intents: Sequence[ReachableIntent], revisions: Revisions, snapshot: Snapshot
    ) -> tuple[planned.Planned, ...]:
        """See Driver."""
        return planned.distinct(self._reached(reachable_intents, revisions, snapshot))

    def _reached(
        self, reachable_intents: Sequence[ReachableIntent], revisions: Revisions, snapshot: Snapshot
    ) -> Iterator[planned.Planned]:
        for reachable_intent in reachable_intents:
            intent = reachable_intent.intent
            seen = self.read(reachable_intent.intent.key, revisions, snapshot)
            live = snapshot.get("InferenceService", intent.key.name)
            noted = note.render(intent, self._platform)
            memory = Memory(size=max([1, *(live_revision.ready for live_revision in seen.live)]))
            yield planned.Planned(
                noted,
                reachable_intent.step,
                "the generation is noted first",
                reachable_intent.index,
            )
            for number, percent, rule in _heads(intent):
                # A head keeps its first size; one that enters gets its own
                for before in (
                    live,
                    None,
                ):
                    template = _template(intent, number, before, snapshot, memory)
                    desired = self._isvc(intent, revisions[number], percent, before, template)
                    yield planned.Planned(
                        desired, reachable_intent.step, rule, reachable_intent.index
                    )

    def _share(
        self, intent: Intent, seen: Observation, memory: Memory, now: float
    ) -> tuple[Memory, Intent, str, float | None]:
        """The intent with the share that the candidate may have now: none while it has no ready
        pod."""
        memory = Memory(size=_rollout_size(intent, seen, memory), lost=memory.lost)
        target = desired(intent)
        if intent.candidate is None or target is None:
            return replace(memory, lost=()), intent, "", None
        memory, trusted, message, wake_at = trust(
            intent, target, seen, Capacity(memory, self._platform.steady, now)
        )
        if trusted:
            return memory, intent, "", None
        return (
            memory,
            replace(intent, candidate_traffic=replace(intent.candidate_traffic, percent=0)),
            message,
            wake_at,
        )

    def _isvc(
        self,
        intent: Intent,
        head: Revision,
        percent: int | None,
        live: Manifest | None,
        template: Mapping[str, str],
    ) -> dict[str, Any]:
        kept = None
        if head.adopted:
            kept = restored(head.adopted)
        spec = kept or predictor(head, intent.scaling, Mode.KNATIVE, self._platform)
        spec["labels"] = {**spec.get("labels", {}), ENDPOINT: intent.key.name, REVISION: head.label}
        if template:
            spec["annotations"] = {**spec.get("annotations", {}), **template}
        if percent is not None or (live is not None and PERCENT in live["spec"]["predictor"]):
            spec[PERCENT] = ALL if percent is None else percent
        return {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {
                "name": intent.key.name,
                "namespace": intent.key.namespace,
                "labels": labels(intent.key),
                "annotations": annotations(Mode.KNATIVE, intent.scaling, self._platform),
            },
            "spec": {"predictor": spec},
        }


def _heads(intent: Intent) -> Iterator[tuple[int, int | None, str]]:
    """Every head with its percent that `order.next_write` may lead through on the way to an intent,
    and its rule."""
    stable = intent.stable
    candidate = intent.candidate
    assert stable is not None
    if candidate is not None:
        yield candidate, intent.candidate_traffic.percent, "the split of this step"
        yield candidate, 0, "every head enters, and leaves, at 0 %"
    yield stable, 0, "every head enters, and leaves, at 0 %"
    yield stable, None, "all to stable, once it is created, ready and pinned"
    yield stable, ALL, "all to stable, once it is created, ready and pinned"


def _template(
    intent: Intent, number: int, live: Manifest | None, snapshot: Snapshot, memory: Memory
) -> dict[str, str]:
    """Our annotations of the revision template. A head keeps those that it entered with: changing
    one would be a new revision."""
    if live is not None and knative_state.head(live) == number:
        kept = live["spec"]["predictor"].get("annotations") or {}
        return {name: kept[name] for name in (INITIAL_SCALE, ENTRY) if name in kept}
    template = {ENTRY: entries.following(live, snapshot)}
    start = _initial_scale(intent, number, memory)
    if start is not None:
        template[INITIAL_SCALE] = start
    return template


def _initial_scale(intent: Intent, number: int, memory: Memory) -> str | None:
    """The pods a new Knative revision must have before it is first ready: what its largest step
    needs."""
    share = 100
    if number == intent.candidate:
        share = intent.candidate_traffic.replicas_percent
    start = needed(share or 100, max(memory.size, 1), intent.scaling)
    if start > max(intent.scaling.min_replicas, 1):
        return str(start)
    return None


def _rollout_size(intent: Intent, seen: Observation, memory: Memory) -> int:
    stable = seen.of(intent.stable)
    return max(memory.size if intent.candidate is not None else 0, stable.ready if stable else 0)


def _dismantle(isvc: Manifest | None, noted: Manifest | None) -> tuple[Remove, ...]:
    """The service first; the note of its generation when nothing else is left."""
    manifest = isvc or noted
    if manifest is None:
        return ()
    return (remove(manifest, "the endpoint is deleted"),)

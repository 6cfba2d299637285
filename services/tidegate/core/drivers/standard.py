"""Standard (raw) mode: one InferenceService per revision and one HTTPRoute of ours per endpoint.

Promotion and undo are one weight change without a pod restart. Order of events, each a reconcile
apart: the route carries the generation first; pods become ready; weights move; what lost its place
gets weight 0, then no reference, then drains, then goes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from tidegate.core.capacity import candidate_size, needed
from tidegate.core.drivers import addresses, note, planned, pod_state, pod_trouble, route
from tidegate.core.drivers.adoption import adopted, present, route_name
from tidegate.core.drivers.base import Memory, Revisions, Since, Writes
from tidegate.core.drivers.entry import TrafficEntry
from tidegate.core.drivers.gateway import GatewayEntry
from tidegate.core.drivers.pod_containers import restarted_beside
from tidegate.core.drivers.predictor import keda_metrics, predictor
from tidegate.core.drivers.rendering import (
    AUTOSCALER,
    CLUSTER_LOCAL,
    REVISION,
    Platform,
    annotations,
    labels,
    number_of,
    ours,
)
from tidegate.core.drivers.service import ServiceEntry
from tidegate.core.drivers.weights import Capacity, effective
from tidegate.core.drivers.writes import apply, remove
from tidegate.core.intent import EndpointKey, Intent, Mode, Revision, Scaling
from tidegate.core.observation import Live, Observation, Trouble
from tidegate.core.ports import Manifest, Snapshot, Write
from tidegate.core.reachable import ReachableIntent
from tidegate.core.traffic import Traffic, desired


class StandardDriver:
    """See the module."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        gateway = GatewayEntry(platform)
        service = ServiceEntry(platform)
        self._entry: TrafficEntry = gateway if platform.gateway is not None else service
        self._other: TrafficEntry = service if platform.gateway is not None else gateway

    def read(self, key: EndpointKey, revisions: Revisions, snapshot: Snapshot) -> Observation:
        """Live revisions from InferenceServices and their pods, traffic from the traffic entry."""
        snapshot = present(snapshot, key, revisions, Mode.STANDARD)
        first = adopted(revisions)
        stranded = self._entry.stranded(key, first, snapshot) is not None
        observation = (self._other if stranded else self._entry).read(
            key, first, snapshot
        ) or Observation()
        live = tuple(sorted(self._live(key, snapshot), key=lambda item: item.revision))
        carriers = self._entry.names(key, first)
        address = ("Service", key.name)
        others = [
            (manifest["kind"], manifest["metadata"]["name"])
            for manifest in snapshot.objects
            if not ours(manifest, key)
        ]
        conflict = next((_named(key, item) for item in others if item in carriers), None)
        beside = (
            item
            for item in others
            if item not in carriers and (item == address or item[0] == "InferenceService")
        )
        return replace(
            observation,
            live=live,
            conflict=conflict,
            foreign=tuple(_named(key, item) for item in beside),
        )

    def _live(self, key: EndpointKey, snapshot: Snapshot) -> Iterator[Live]:
        for isvc in snapshot.all("InferenceService"):
            number = number_of(isvc)
            if number is None or not ours(isvc, key):
                continue
            deployment = snapshot.get("Deployment", f"{isvc['metadata']['name']}-predictor") or {}
            pods = [pod for pod in snapshot.all("Pod") if number_of(pod) == number]
            trouble = pod_trouble.of_revision(isvc, pods, snapshot)
            yield Live(
                number,
                desired=int((deployment.get("spec") or {}).get("replicas", 0)),
                ready=int((deployment.get("status") or {}).get("availableReplicas", 0)),
                trouble=Trouble(
                    restarts=pod_state.restarts(pods),
                    failure=trouble.message or pod_state.unmade(isvc, snapshot),
                    containers=pod_state.troubled(pods),
                    beside=restarted_beside(pods),
                    failing=trouble.container,
                ),
                youngest=pod_state.youngest(pods),
                address=addresses.standard(isvc),
                not_warmed_up=any(pod_state.not_warmed_up(pod) for pod in pods),
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
        """The next safe writes; see the module for their order."""
        first = adopted(revisions)
        snapshot = present(snapshot, intent.key, revisions, Mode.STANDARD)
        memory = _remember(memory, intent, seen, now)
        if intent.stable is None:
            return self._dismantle(intent, snapshot, route_name(intent.key, first), memory, now)
        stop = self._entry.stranded(intent.key, first, snapshot)
        if stop is not None:
            return Writes(waiting=(stop,), memory=memory)
        moving, reasons, memory, wake_at = self._traffic(intent, seen, memory, now)
        stamped = self._entry.stamped(intent, moving, seen, snapshot, first)
        if stamped is not None and seen.stamp.generation != intent.generation:
            # The stamp goes first and alone: a store that is restored to before it must find it.
            return Writes((stamped,), reasons, memory, wake_at)
        writes = [
            *([stamped] if stamped else []),
            *self._services(intent, revisions, snapshot, seen, memory),
        ]
        writes += self._entry.others(intent, moving, snapshot, first)
        removals, waits, wake = self._leave(intent, snapshot, memory, now)
        waits += [
            f"{name} is not ours and is left alone: remove or rename it" for name in seen.foreign
        ]
        wakes = [at for at in (wake_at, wake) if at is not None]
        return Writes((*writes, *removals), (*reasons, *waits), memory, min(wakes, default=None))

    def reachable(
        self, reachable_intents: Sequence[ReachableIntent], revisions: Revisions, snapshot: Snapshot
    ) -> tuple[planned.Planned, ...]:
        """See Driver."""
        return planned.distinct(self._reached(reachable_intents, revisions, snapshot))

    def _reached(
        self, reachable_intents: Sequence[ReachableIntent], revisions: Revisions, snapshot: Snapshot
    ) -> Iterator[planned.Planned]:
        known = planned.levels(reachable_intents)
        for reachable_intent in reachable_intents:
            intent = reachable_intent.intent
            seen = self.read(reachable_intent.intent.key, revisions, snapshot)
            yield from self._entry.reached(reachable_intent, known, seen, adopted(revisions))
            size = max([1, *(live.desired for live in seen.live)])
            for number in filter(None, intent.desired):
                for floor in _floors(intent, number, size):
                    desired = self._isvc(intent, revisions[number], snapshot, floor)
                    rule = f"r{number} with at least {floor} replicas"
                    yield planned.Planned(
                        desired, reachable_intent.step, rule, reachable_intent.index
                    )

    def _traffic(
        self, intent: Intent, seen: Observation, memory: Memory, now: float
    ) -> tuple[Traffic, tuple[str, ...], Memory, float | None]:
        target = desired(intent)
        assert target is not None
        return effective(intent, target, seen, Capacity(memory, self._platform.steady, now))

    def _services(
        self,
        intent: Intent,
        revisions: Revisions,
        snapshot: Snapshot,
        seen: Observation,
        memory: Memory,
    ) -> Iterator[Write]:
        # An adopted one (r0) stays as its owner wrote it
        for number in filter(None, intent.desired):
            inference_service = snapshot.get("InferenceService", f"{intent.key.name}-r{number}")
            if inference_service is not None and not ours(inference_service, intent.key):
                continue
            floor = _floor(intent, number, seen, memory)
            desired = self._isvc(intent, revisions[number], snapshot, floor)
            write = apply(snapshot, desired, f"r{number} with at least {floor} replicas")
            if write:
                yield write

    def _isvc(
        self, intent: Intent, revision: Revision, snapshot: Snapshot, floor: int
    ) -> dict[str, Any]:
        """`floor`: the replicas that it is held at; its autoscaler's class is that of the bounds as
        asked for."""
        key = intent.key
        scaling = _as_it_began(intent, revision, snapshot)
        name = f"{key.name}-{revision.label}"
        spec = predictor(
            revision, replace(scaling, min_replicas=floor), Mode.STANDARD, self._platform
        )
        if scaling.keda:
            spec["autoScaling"] = keda_metrics(name, key.namespace, self._platform)
        return {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {
                "name": name,
                "namespace": key.namespace,
                "labels": labels(key) | {REVISION: revision.label, CLUSTER_LOCAL: "cluster-local"},
                "annotations": annotations(Mode.STANDARD, scaling, self._platform),
            },
            "spec": {"predictor": spec},
        }

    def _leave(
        self, intent: Intent, snapshot: Snapshot, memory: Memory, now: float
    ) -> tuple[list[Write], list[str], float | None]:
        writes: list[Write] = []
        waits: list[str] = []
        wakes: list[float] = []
        since = {entry.revision: entry.at for entry in memory.dropped}
        for isvc in _undesired(intent, snapshot):
            number = number_of(isvc)
            assert number is not None
            at = since.get(number)
            if isvc["metadata"].get("deletionTimestamp"):
                waits.append(f"r{number} is being deleted")  # its finalizers take their time
            elif at is None:
                waits.append(f"r{number} leaves the route")
            elif now < at + self._platform.drain:
                waits.append(f"r{number} drains")
                wakes.append(at + self._platform.drain)
            else:
                writes.append(remove(isvc, f"r{number} is no longer wanted"))
        return writes, waits, min(wakes, default=None)

    def _dismantle(
        self, intent: Intent, snapshot: Snapshot, name: str, memory: Memory, now: float
    ) -> Writes:
        """The address first, of either kind; the note of its generation when nothing else is
        left."""
        message = "the endpoint is deleted"
        entry = [
            remove(manifest, message)
            for kind, called in (("HTTPRoute", name), ("Service", intent.key.name))
            if (manifest := snapshot.get(kind, called)) is not None and ours(manifest, intent.key)
        ]
        if entry:
            return Writes(tuple(entry), ("the address goes first",), memory)
        writes, waits, wake = self._leave(intent, snapshot, memory, now)
        noted = note.find(intent.key, snapshot)
        if noted is not None and not writes and not waits:
            writes = [remove(noted, message)]
        return Writes(tuple(writes), tuple(waits), memory, wake)


def _named(key: EndpointKey, stamp: tuple[str, str]) -> str:
    kind, name = stamp
    return f"{kind} {key.namespace}/{name}"


def _remember(memory: Memory, intent: Intent, seen: Observation, now: float) -> Memory:
    """Bring the memory up to date with one reconcile."""
    in_rollout = (
        intent.candidate is not None or bool(intent.standby) or _others_served(intent, seen)
    )
    # With the standby revisions: after a promotion it is they who still have the size the rollout
    # began with.
    sizes = [
        live.desired for live in seen.live if live.revision in (intent.stable, *intent.standby)
    ]
    size = 0
    if in_rollout:
        size = max(memory.size, 1, *sizes)
    known = {entry.revision: entry.at for entry in memory.dropped}
    held = route.slots_of(seen.traffic)
    gone = (
        Since(live.revision, known.get(live.revision, now))
        for live in seen.live
        if live.revision not in intent.desired
        and live.revision not in held
        and (seen.settled or seen.traffic is None)
    )
    if seen.traffic is None:
        served = memory.served
    else:
        served = _still_served(intent, seen.traffic)
    return replace(memory, size=size, dropped=tuple(gone), served=served)


def _still_served(intent: Intent, traffic: Traffic) -> int | None:
    return max((r for r in intent.standby if traffic.most(r)), key=traffic.most, default=None)


def _others_served(intent: Intent, seen: Observation) -> bool:
    return seen.traffic is not None and any(r != intent.stable for r in seen.traffic.revisions)


def _floor(intent: Intent, number: int, seen: Observation, memory: Memory) -> int:
    """minReplicas of a revision now: stable and the standby revisions are held at the size the
    rollout began with, a candidate gets what its candidate traffic needs, never less than what it
    serves."""
    scaling = intent.scaling
    size = memory.size
    if number == intent.candidate:
        served = 1
        if seen.traffic:
            served = needed(seen.traffic.most(number), size, scaling)
        return max(candidate_size(intent.candidate_traffic, size, scaling), served)
    if not size:  # no rollout: the autoscaler alone decides
        return scaling.min_replicas
    if (
        number == intent.stable
        and intent.candidate is None
        and seen.traffic
        and not _others_served(intent, seen)
    ):
        return scaling.min_replicas  # it has taken all: only the standby revisions are still held
    return max(scaling.min_replicas, needed(100, size, scaling))


def _floors(intent: Intent, number: int, size: int) -> tuple[int, ...]:
    """What `_floor` may say of a revision, with stable at `size` replicas."""
    if number == intent.candidate:
        return (candidate_size(intent.candidate_traffic, size, intent.scaling),)
    full = max(intent.scaling.min_replicas, needed(100, size, intent.scaling))
    least = intent.scaling.min_replicas
    if number != intent.stable:
        return (full,)
    return tuple(dict.fromkeys((full, least)))


def _as_it_began(intent: Intent, revision: Revision, snapshot: Snapshot) -> Scaling:
    """The scaling, with KEDA or without as this revision began: KServe (v0.20.0) leaves the other
    autoscaler behind when the class changes, and two of them would fight over the replicas. A new
    revision has what is asked for."""
    live = snapshot.get("InferenceService", f"{intent.key.name}-{revision.label}")
    known = None
    if live:
        known = (live["metadata"].get("annotations") or {}).get(AUTOSCALER)
    if known is None:
        return intent.scaling
    return replace(intent.scaling, keda=known == "keda")


def _undesired(intent: Intent, snapshot: Snapshot) -> Iterator[Manifest]:
    for isvc in snapshot.all("InferenceService"):
        number = number_of(isvc)
        # An adopted one (r0) is its owner's
        if ours(isvc, intent.key) and number and number not in intent.desired:
            yield isvc

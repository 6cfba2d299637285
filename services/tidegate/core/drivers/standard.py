"""Standard (raw) mode: one InferenceService per revision and one HTTPRoute of ours per endpoint.

Promotion and undo are one weight change without a pod restart. Order of events, each a look apart: the
route carries the generation first; pods become ready; weights move; what lost its place gets weight 0, then
no reference, then drains, then goes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from tidegate.core.capacity import candidate_size, needed
from tidegate.core.drivers import addresses, looks, reach, route
from tidegate.core.drivers.adoption import NUMBER, adopted, present, route_name
from tidegate.core.drivers.base import Memory, Plan, Revisions, Since, fence
from tidegate.core.drivers.predictor import keda_metrics, predictor
from tidegate.core.drivers.rendering import (
    AUTOSCALER,
    CLUSTER_LOCAL,
    GENERATION,
    MARK,
    REVISION,
    STORE,
    Platform,
    annotations,
    covers,
    labels,
    number_of,
    ours,
    uid_of,
)
from tidegate.core.drivers.weights import Capacity, effective
from tidegate.core.intent import Adopted, EndpointKey, Intent, Mode, Revision, Scaling
from tidegate.core.observed import Live, Observed
from tidegate.core.ports import Action, Apply, Manifest, Remove, Snapshot
from tidegate.core.traffic import Traffic, wanted
from tidegate.core.ways import Way


class StandardDriver:
    """See the module."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def read(self, key: EndpointKey, revisions: Revisions, snapshot: Snapshot) -> Observed:
        """Live revisions from InferenceServices and their pods, traffic from the HTTPRoute."""
        snapshot, name = present(snapshot, key, revisions, Mode.STANDARD), route_name(key, adopted(revisions))
        found = snapshot.get("HTTPRoute", name)
        live = tuple(sorted(self._live(key, snapshot), key=lambda one: one.revision))
        conflict = _conflict(key, snapshot, name)
        if found is None or not ours(found, key):
            return Observed(live, conflict=conflict)
        traffic, drift = route.parse(key, found)
        stamped = found["metadata"].get("annotations") or {}
        return Observed(
            live,
            traffic,
            route.settled(found, self._platform),
            int(stamped[GENERATION]) if GENERATION in stamped else None,
            stamped.get(STORE),
            drift,
            conflict,
            route.address(found, self._platform),
            mark=stamped.get(MARK),
        )

    def _live(self, key: EndpointKey, snapshot: Snapshot) -> Iterator[Live]:
        for isvc in snapshot.all("InferenceService"):
            number = number_of(isvc)
            if number is None or not ours(isvc, key):
                continue
            deployment = snapshot.get("Deployment", f"{isvc['metadata']['name']}-predictor") or {}
            pods = [pod for pod in snapshot.all("Pod") if number_of(pod) == number]
            yield Live(
                number,
                wanted=int((deployment.get("spec") or {}).get("replicas", 0)),
                ready=int((deployment.get("status") or {}).get("availableReplicas", 0)),
                restarts=looks.restarts(pods),
                failure=looks.failure(isvc, pods),
                youngest=looks.youngest(pods),
                address=addresses.standard(isvc),
                troubled=looks.troubled(pods),
            )

    def plan(self, intent: Intent, revisions: Revisions, snapshot: Snapshot, memory: Memory, now: float) -> Plan:
        """The next safe writes; see the module for their order."""
        seen, first = self.read(intent.key, revisions, snapshot), adopted(revisions)
        if (stop := fence(intent, seen, self._platform.store)) is not None:
            return Plan(waiting=(stop,), memory=memory)
        snapshot = present(snapshot, intent.key, revisions, Mode.STANDARD)
        memory = _remember(memory, intent, seen, now)
        if intent.stable is None:
            return self._dismantle(intent, snapshot, route_name(intent.key, first), memory, now)
        moving, reasons, memory, wake_at = self._traffic(intent, seen, memory, now)
        rerouted = self._route(intent, moving, seen, snapshot, first)
        if rerouted is not None and seen.generation != intent.generation:
            # The stamp goes first and alone: a store that is restored to before it must find it.
            return Plan((rerouted,), reasons, memory, wake_at)
        actions = [*([rerouted] if rerouted else []), *self._services(intent, revisions, snapshot, seen, memory)]
        removals, waits, wake = self._leave(intent, snapshot, memory, now)
        wakes = [at for at in (wake_at, wake) if at is not None]
        return Plan((*actions, *removals), (*reasons, *waits), memory, min(wakes, default=None))

    def reachable(self, ways: Sequence[Way], revisions: Revisions, snapshot: Snapshot) -> tuple[reach.Reached, ...]:
        """See Driver."""
        return reach.distinct(self._reached(ways, revisions, snapshot))

    def _reached(self, ways: Sequence[Way], revisions: Revisions, snapshot: Snapshot) -> Iterator[reach.Reached]:
        known = reach.levels(ways)
        for way in ways:
            intent, seen = way.intent, self.read(way.intent.key, revisions, snapshot)
            for traffic, rule in reach.splits(intent, known):
                for slots in reach.slots(intent, route.slots_of(seen.traffic)):
                    desired = route.render(intent, traffic, slots, self._platform, adopted(revisions))
                    yield reach.Reached(desired, way.step, rule, way.index)
            size = max([1, *(live.wanted for live in seen.live)])
            for number in filter(None, intent.wanted):
                for floor in _floors(intent, number, size):
                    desired = self._isvc(intent, revisions[number], snapshot, floor)
                    rule = f"r{number} with at least {floor} replicas"
                    yield reach.Reached(desired, way.step, rule, way.index)
            if self._platform.gateway.service and intent.stable is not None and NUMBER not in revisions:
                yield reach.Reached(self._alias(intent.key), way.step, "the address inside the cluster", way.index)

    def _traffic(
        self, intent: Intent, seen: Observed, memory: Memory, now: float
    ) -> tuple[Traffic, tuple[str, ...], Memory, float | None]:
        target = wanted(intent)
        assert target is not None
        return effective(intent, target, seen, Capacity(memory, self._platform.steady, now))

    def _route(
        self, intent: Intent, traffic: Traffic, seen: Observed, snapshot: Snapshot, first: Adopted | None
    ) -> Action | None:
        desired = route.render(intent, traffic, _slots(intent, traffic, seen), self._platform, first)
        return _apply(snapshot, desired, f"traffic of generation {intent.generation}")

    def _services(
        self, intent: Intent, revisions: Revisions, snapshot: Snapshot, seen: Observed, memory: Memory
    ) -> Iterator[Action]:
        for number in filter(None, intent.wanted):  # an adopted one (r0) stays as its owner wrote it
            floor = _floor(intent, number, seen, memory)
            desired = self._isvc(intent, revisions[number], snapshot, floor)
            if action := _apply(snapshot, desired, f"r{number} with at least {floor} replicas"):
                yield action
        alias = self._platform.gateway.service and NUMBER not in revisions  # there KServe's own Service has the name
        if alias and (action := _apply(snapshot, self._alias(intent.key), "address")):
            yield action

    def _isvc(self, intent: Intent, revision: Revision, snapshot: Snapshot, floor: int) -> dict[str, Any]:
        """`floor`: the replicas that it is held at; its autoscaler's class is that of the bounds as asked for."""
        key, asked = intent.key, _as_it_began(intent, revision, snapshot)
        name = f"{key.name}-{revision.label}"
        spec = predictor(revision, replace(asked, min_replicas=floor), Mode.STANDARD, self._platform)
        if asked.keda:
            spec["autoScaling"] = keda_metrics(name, key.namespace, self._platform)
        return {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {
                "name": name,
                "namespace": key.namespace,
                "labels": labels(key) | {REVISION: revision.label, CLUSTER_LOCAL: "cluster-local"},
                "annotations": annotations(Mode.STANDARD, asked, self._platform),
            },
            "spec": {"predictor": spec},
        }

    def _alias(self, key: EndpointKey) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": key.name, "namespace": key.namespace, "labels": labels(key)},
            "spec": {"type": "ExternalName", "externalName": self._platform.gateway.service},
        }

    def _leave(
        self, intent: Intent, snapshot: Snapshot, memory: Memory, now: float
    ) -> tuple[list[Action], list[str], float | None]:
        actions: list[Action] = []
        waits: list[str] = []
        wakes: list[float] = []
        since = {entry.revision: entry.at for entry in memory.dropped}
        for isvc in _unwanted(intent, snapshot):
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
                actions.append(_remove(isvc, f"r{number} is no longer wanted"))
        return actions, waits, min(wakes, default=None)

    def _dismantle(self, intent: Intent, snapshot: Snapshot, name: str, memory: Memory, now: float) -> Plan:
        entrance = [
            _remove(found, "the endpoint is deleted")
            for kind, called in (("HTTPRoute", name), ("Service", intent.key.name))
            if (found := snapshot.get(kind, called)) is not None and ours(found, intent.key)
        ]
        if entrance:
            return Plan(tuple(entrance), ("the address goes first",), memory)
        actions, waits, wake = self._leave(intent, snapshot, memory, now)
        return Plan(tuple(actions), tuple(waits), memory, wake)


def _conflict(key: EndpointKey, snapshot: Snapshot, route_name: str) -> str | None:
    """An object that holds one of our names without our mark."""
    for found in snapshot.objects:
        name, kind = found["metadata"]["name"], found["kind"]
        taken = (kind, name) in (("HTTPRoute", route_name), ("Service", key.name))
        if (taken or kind == "InferenceService") and not ours(found, key):
            return f"{kind} {key.namespace}/{name}"
    return None


def _remember(memory: Memory, intent: Intent, seen: Observed, now: float) -> Memory:
    """Bring the memory up to date with one look."""
    trial = intent.candidate is not None or bool(intent.keep) or _others_served(intent, seen)
    # With the kept: after a promotion it is they who still have the size the trial began with.
    sizes = [live.wanted for live in seen.live if live.revision in (intent.stable, *intent.keep)]
    size = max(memory.size, 1, *sizes) if trial else 0
    known = {entry.revision: entry.at for entry in memory.dropped}
    held = route.slots_of(seen.traffic)
    gone = (
        Since(live.revision, known.get(live.revision, now))
        for live in seen.live
        if live.revision not in intent.wanted and live.revision not in held and (seen.settled or seen.traffic is None)
    )
    return replace(memory, size=size, dropped=tuple(gone))


def _others_served(intent: Intent, seen: Observed) -> bool:
    return seen.traffic is not None and any(r != intent.stable for r in seen.traffic.revisions)


def _floor(intent: Intent, number: int, seen: Observed, memory: Memory) -> int:
    """minReplicas of a revision now: stable and the kept are held at the size the trial began with, a
    candidate gets what its posture needs, never less than what it serves."""
    scaling, size = intent.scaling, memory.size
    if number == intent.candidate:
        served = needed(seen.traffic.most(number), size, scaling) if seen.traffic else 1
        return max(candidate_size(intent.posture, size, scaling), served)
    if not size:  # no trial: the autoscaler alone decides
        return scaling.min_replicas
    if number == intent.stable and intent.candidate is None and seen.traffic and not _others_served(intent, seen):
        return scaling.min_replicas  # it has taken all: only the kept are still held
    return max(scaling.min_replicas, needed(100, size, scaling))


def _floors(intent: Intent, number: int, size: int) -> tuple[int, ...]:
    """What `_floor` may say of a revision, with stable at `size` replicas."""
    if number == intent.candidate:
        return (candidate_size(intent.posture, size, intent.scaling),)
    full, least = max(intent.scaling.min_replicas, needed(100, size, intent.scaling)), intent.scaling.min_replicas
    return (full,) if number != intent.stable else tuple(dict.fromkeys((full, least)))


def _as_it_began(intent: Intent, revision: Revision, snapshot: Snapshot) -> Scaling:
    """The scaling, with KEDA or without as this revision began: KServe (v0.20.0) leaves the other autoscaler behind
    when the class changes, and two of them would fight over the replicas. A new revision has what is asked for."""
    live = snapshot.get("InferenceService", f"{intent.key.name}-{revision.label}")
    known = (live["metadata"].get("annotations") or {}).get(AUTOSCALER) if live else None
    return intent.scaling if known is None else replace(intent.scaling, keda=known == "keda")


def _slots(intent: Intent, traffic: Traffic, seen: Observed) -> tuple[int, ...]:
    """Who is in the route and where: those already there keep their place, newcomers come last once they
    have a ready pod. One that is unwanted stays until its weight 0 was read back."""
    named = [share.revision for rule in traffic.rules for share in rule.shares if share.percent]
    kept = [r for r in route.slots_of(seen.traffic) if r in intent.wanted or r in named or not _gone(seen, r)]
    new = [r for r in intent.wanted if r in named or seen.ready(r)]
    return tuple(dict.fromkeys((*kept, *new)))


def _gone(seen: Observed, revision: int) -> bool:
    """The route was read back, settled, without a share for this revision. One without an InferenceService has
    nothing to lose, and waiting would be for ever: its reference cannot be resolved, so the route never settles."""
    assert seen.traffic is not None
    idle = seen.traffic.most(revision) == 0 and seen.traffic.mirrored(revision) == 0
    return idle and (seen.settled or seen.of(revision) is None)


def _unwanted(intent: Intent, snapshot: Snapshot) -> Iterator[Manifest]:
    for isvc in snapshot.all("InferenceService"):
        number = number_of(isvc)
        if ours(isvc, intent.key) and number and number not in intent.wanted:  # an adopted one (r0) is its owner's
            yield isvc


def _apply(snapshot: Snapshot, desired: dict[str, Any], why: str) -> Apply | None:
    """A write of the full object, None where the live one already says so."""
    name, kind = desired["metadata"]["name"], desired["kind"]
    live = snapshot.get(kind, name)
    if live is not None and covers(live, desired) and not live["metadata"].get("deletionTimestamp"):
        return None
    return Apply(desired, uid_of(snapshot, kind, name), why)


def _remove(found: Manifest, why: str) -> Remove:
    meta = found["metadata"]
    return Remove(found["apiVersion"], found["kind"], meta["namespace"], meta["name"], meta["uid"], why)

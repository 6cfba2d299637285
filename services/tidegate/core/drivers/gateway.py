"""The traffic entry with the Gateway API: the endpoint's HTTPRoute, and a Service that leads
callers inside to the gateway."""

from collections.abc import Iterator
from typing import Any

from tidegate.core.drivers import note, planned, route
from tidegate.core.drivers.adoption import route_name
from tidegate.core.drivers.rendering import (
    GENERATION,
    MARK,
    STORE,
    Platform,
    generation_of,
    labels,
    ours,
)
from tidegate.core.drivers.writes import apply
from tidegate.core.intent import Adopted, EndpointKey, Intent
from tidegate.core.observation import Observation, Stamp
from tidegate.core.ports import Apply, Snapshot, Write
from tidegate.core.reachable import ReachableIntent
from tidegate.core.traffic import Traffic


class GatewayEntry:
    """See TrafficEntry. Without a gateway on the platform it can only read."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def names(self, key: EndpointKey, first: Adopted | None) -> tuple[tuple[str, str], ...]:
        """See TrafficEntry."""
        return (("HTTPRoute", route_name(key, first)),)

    def stranded(self, key: EndpointKey, first: Adopted | None, snapshot: Snapshot) -> str | None:
        """An endpoint that was made without a gateway has no route to put the stamp on, and clients
        at its Service."""
        if (
            note.find(key, snapshot) is None
            or snapshot.get("HTTPRoute", route_name(key, first)) is not None
        ):
            return None
        return (
            "this endpoint was made without a gateway and its clients call its Service: nothing is "
            "written; take the "
            "gateway out of the worker's settings again, or delete the endpoint and make it again"
        )

    def read(
        self, key: EndpointKey, first: Adopted | None, snapshot: Snapshot
    ) -> Observation | None:
        """See TrafficEntry."""
        http_route = snapshot.get("HTTPRoute", route_name(key, first))
        if http_route is None or not ours(http_route, key):
            return None
        traffic, _ = route.parse(key, http_route)
        annotations = http_route["metadata"].get("annotations") or {}
        return Observation(
            traffic=traffic,
            settled=route.settled(http_route, self._platform),
            stamp=Stamp(
                generation=generation_of(annotations.get(GENERATION)),
                store=annotations.get(STORE),
                mark=annotations.get(MARK),
            ),
            address=route.address(http_route, self._platform),
        )

    def stamped(
        self,
        intent: Intent,
        traffic: Traffic,
        seen: Observation,
        snapshot: Snapshot,
        first: Adopted | None,
    ) -> Apply | None:
        """The route, with its split."""
        desired = route.render(
            intent, traffic, _slots(intent, traffic, seen), self._platform, first
        )
        return apply(snapshot, desired, f"traffic of generation {intent.generation}")

    def others(
        self, intent: Intent, traffic: Traffic, snapshot: Snapshot, first: Adopted | None
    ) -> Iterator[Write]:
        """The alias, where nobody else has its name."""
        service = snapshot.get("Service", intent.key.name)
        if service is not None and not ours(service, intent.key):
            return
        alias = self._alias(intent.key, first)
        if alias and (write := apply(snapshot, alias, "address")):
            yield write

    def reached(
        self,
        reachable_intent: ReachableIntent,
        known: planned.Levels,
        seen: Observation,
        first: Adopted | None,
    ) -> Iterator[planned.Planned]:
        """See TrafficEntry."""
        intent = reachable_intent.intent
        for traffic, rule in planned.splits(intent, known):
            for slots in planned.slots(intent, route.slots_of(seen.traffic)):
                desired = route.render(intent, traffic, slots, self._platform, first)
                yield planned.Planned(desired, reachable_intent.step, rule, reachable_intent.index)
        if intent.stable is not None and (alias := self._alias(intent.key, first)):
            yield planned.Planned(
                alias,
                reachable_intent.step,
                "the address inside the cluster",
                reachable_intent.index,
            )

    def _alias(self, key: EndpointKey, first: Adopted | None) -> dict[str, Any] | None:
        gateway = self._platform.gateway
        # There KServe's own Service has the name
        if gateway is None or not gateway.service or first is not None:
            return None
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": key.name, "namespace": key.namespace, "labels": labels(key)},
            "spec": {"type": "ExternalName", "externalName": gateway.service},
        }


def _slots(intent: Intent, traffic: Traffic, seen: Observation) -> tuple[int, ...]:
    """Who is in the route and where: those already there keep their place, newcomers come last once
    they have a ready pod. One that is unwanted stays until its weight 0 was read back."""
    named = [share.revision for rule in traffic.rules for share in rule.shares if share.percent]
    kept = [
        r
        for r in route.slots_of(seen.traffic)
        if r in intent.desired or r in named or not _gone(seen, r)
    ]
    new = [r for r in intent.desired if r in named or seen.ready(r)]
    return tuple(dict.fromkeys((*kept, *new)))


def _gone(seen: Observation, revision: int) -> bool:
    """The route was read back, settled, without a share for this revision. One without an
    InferenceService has nothing to lose, and waiting would be for ever: its reference cannot be
    resolved, so the route never settles."""
    assert seen.traffic is not None
    idle = seen.traffic.most(revision) == 0 and seen.traffic.mirrored(revision) == 0
    return idle and (seen.settled or seen.of(revision) is None)

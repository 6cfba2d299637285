"""The traffic entry without the Gateway API: a Service of the endpoint's name that leads to the
pods of one revision.

Promotion and undo change its selector. It knows no shares, so whoever has all of the traffic gets
it, and stable where nobody has. The stamp is on the note, which is written first.
"""

from collections.abc import Iterator
from typing import Any

from tidegate.core.drivers import note, planned
from tidegate.core.drivers.adoption import route_name
from tidegate.core.drivers.rendering import (
    HTTP_SERVICE_PORT,
    ISVC_LABEL,
    Platform,
    labels,
    ours,
    parse_label,
)
from tidegate.core.drivers.writes import apply
from tidegate.core.intent import Adopted, EndpointKey, Intent
from tidegate.core.observation import Observation, Stamp
from tidegate.core.ports import Apply, Manifest, Snapshot, Write
from tidegate.core.reachable import ReachableIntent
from tidegate.core.traffic import Rule, Share, Traffic
from tidegate.core.triton.protocol import GRPC_PORT, HTTP_PORT


class ServiceEntry:
    """See TrafficEntry."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def names(self, key: EndpointKey, first: Adopted | None) -> tuple[tuple[str, str], ...]:
        """See TrafficEntry."""
        return ("Service", key.name), (note.KIND, note.name(key))

    def stranded(self, key: EndpointKey, first: Adopted | None, snapshot: Snapshot) -> str | None:
        """An endpoint with a route keeps it: its clients come through the gateway."""
        if first is not None:
            return "an adopted endpoint of standard mode needs a gateway, and none is set: nothing is written"
        name = route_name(key, first)
        http_route = snapshot.get("HTTPRoute", name)
        if http_route is None or not ours(http_route, key):
            return None
        return (
            f"clients of this endpoint come through HTTPRoute {name}, and no gateway is set: "
            "nothing is written; "
            "set the gateway in the worker's settings again, or delete the endpoint and make it "
            "again"
        )

    def read(
        self, key: EndpointKey, first: Adopted | None, snapshot: Snapshot
    ) -> Observation | None:
        """The selector is the traffic: it takes effect without anybody's consent, so what is read
        is settled."""
        noted = note.read(key, snapshot)
        manifest = snapshot.get("Service", key.name)
        if manifest is None or not ours(manifest, key):
            return Observation(
                stamp=Stamp(store=noted.store, generation=noted.generation, mark=noted.mark)
            )
        number = _leads_to(key, manifest)
        traffic = None
        if number is not None:
            traffic = _all_to(number)
        return Observation(
            traffic=traffic,
            settled=number is not None,
            stamp=Stamp(generation=noted.generation, store=noted.store, mark=noted.mark),
            address=f"http://{key.name}.{key.namespace}.svc.cluster.local",
        )

    def stamped(
        self,
        intent: Intent,
        traffic: Traffic,
        seen: Observation,
        snapshot: Snapshot,
        first: Adopted | None,
    ) -> Apply | None:
        """The note."""
        return apply(
            snapshot, note.render(intent, self._platform), f"generation {intent.generation}"
        )

    def others(
        self, intent: Intent, traffic: Traffic, snapshot: Snapshot, first: Adopted | None
    ) -> Iterator[Write]:
        """The Service."""
        key = intent.key
        number = _serving(intent, traffic)
        message = f"all to r{number}"
        desired = render(key, number)
        manifest = snapshot.get("Service", key.name)
        # Also by a label more, which `apply` lets pass
        if manifest is not None and _leads_to(key, manifest) is None:
            yield Apply(desired, manifest["metadata"]["uid"], message)
        elif write := apply(snapshot, desired, message):
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
        yield planned.Planned(
            note.render(intent, self._platform),
            reachable_intent.step,
            "the generation is noted first",
            reachable_intent.index,
        )
        for traffic, rule in planned.splits(intent, known):
            yield planned.Planned(
                render(intent.key, _serving(intent, traffic)),
                reachable_intent.step,
                rule,
                reachable_intent.index,
            )


def render(key: EndpointKey, number: int) -> dict[str, Any]:
    """The full Service. Its selector is KServe's own label of an InferenceService's pods."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": key.name, "namespace": key.namespace, "labels": labels(key)},
        "spec": {
            "type": "ClusterIP",
            "selector": {ISVC_LABEL: f"{key.name}-r{number}"},
            "ports": [
                {
                    "name": "http",
                    "port": HTTP_SERVICE_PORT,
                    "targetPort": HTTP_PORT,
                    "protocol": "TCP",
                },
                {"name": "h2c", "port": GRPC_PORT, "targetPort": GRPC_PORT, "protocol": "TCP"},
            ],
        },
    }


def _serving(intent: Intent, traffic: Traffic) -> int:
    """The revision that has all of the unmatched requests, else stable: no rule book lets a share
    through to here."""
    assert intent.stable is not None
    return next(
        (revision for revision in traffic.revisions if traffic.percent(revision) == 100),
        intent.stable,
    )


def _leads_to(key: EndpointKey, service: Manifest) -> int | None:
    selector = (service.get("spec") or {}).get("selector") or {}
    name = str(selector.get(ISVC_LABEL, ""))
    number = parse_label(name.removeprefix(f"{key.name}-"))
    if selector == {ISVC_LABEL: f"{key.name}-r{number}"}:
        return number
    return None


def _all_to(number: int) -> Traffic:
    return Traffic((Rule((), (Share(number, 100),)),))

"""The fake control plane as a World: one pass of one controller at a time, in virtual time."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.conformance.states import Split
from tests.conformance.worlds import ENDED, STORE, Gated
from tests.simulation.lab import NAMESPACE, Lab
from tidegate.core.drivers.rendering import REVISION, Gateway, Platform
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Done, Manifest
from tidegate_local.played import api
from tidegate_local.played.api import Kind
from tidegate_local.played.objects import Object
from tidegate_local.played.world import Settings

KINDS: Mapping[str, Kind] = {
    kind.kind: kind for kind in (api.ISVC, api.HTTP_ROUTE, api.POD, api.CONFIG_MAP, api.DEPLOYMENT)
}
PASS_S = 0.1


class FakeWorld:
    """See World."""

    quiet = 0.6
    patience = 120.0

    def __init__(self) -> None:
        self.lab = Lab(settings=Settings(window=6.0, grace=6.0))
        self.key = EndpointKey(NAMESPACE, "fraud")
        self.platform = Platform(STORE, Gateway("main", "gateways"), drain=ENDED, steady=ENDED)
        self.cluster = Gated(self.lab.cluster)
        self._seen = 0
        self._asked: dict[str, int] = {}
        self.lab.plane.world.load = self._load

    def now(self) -> float:
        """Virtual."""
        return self.lab.clock()

    def advance(self, tick: Callable[[], object]) -> None:
        """One pass of each controller."""
        self.lab.clock.advance(PASS_S)
        for name in self.lab.plane.names:
            if self.lab.plane.step(name):
                tick()

    def splits(self) -> list[Split]:
        """By the tables that the data plane had."""
        ticks = self.lab.data_plane.ticks
        new = ticks[self._seen :] or ticks[-1:]
        self._seen = len(ticks)
        routes = (next((r for r in t.table.routes if r.name == self.key.name), None) for t in new)
        return [_split(route) for route in routes]

    def hold(self, revision: int) -> None:
        """No capacity for new ones."""
        self.lab.kubelet.full(f"model-{revision}/")

    def release(self, revision: int) -> None:
        """Room again."""
        self.lab.kubelet.make_room(f"model-{revision}/")

    def crash(self, revision: int) -> None:
        """All of them."""
        self.lab.kubelet.crash(f"model-{revision}/")

    def kill(self, revision: int) -> None:
        """At once."""
        pods = self.lab.objects.list(api.POD, self.key.namespace, {REVISION: f"r{revision}"})
        assert pods, f"r{revision} has no pod"
        for pod in pods:
            self.lab.objects.delete(api.POD, self.key.namespace, pod["metadata"]["name"])

    def zero(self) -> None:
        """It does so anyway."""

    def ask(self, revision: int, requests: float) -> None:
        """As many pods: a pod takes one at a time."""
        self._asked[f"r{revision}"] = int(requests)

    def _load(self, deployment: Object) -> int:
        return self._asked.get(deployment["metadata"]["labels"].get(REVISION, ""), 0)

    def get(self, kind: str, name: str) -> Manifest | None:
        """From the store."""
        return self.lab.objects.get(KINDS[kind], self.key.namespace, name)

    def put(self, manifest: Manifest) -> None:
        """Into the store."""
        assert self.lab.objects.write(manifest) == Done()

    def edit(self, kind: str, name: str, change: Mapping[str, Any]) -> None:
        """A merge patch."""
        assert self.lab.objects.edit(KINDS[kind], self.key.namespace, name, change) == Done()

    def delete(self, kind: str, name: str) -> None:
        """At once."""
        assert self.get(kind, name) is not None, f"there is no {kind} {name}"
        assert self.lab.objects.delete(KINDS[kind], self.key.namespace, name) == Done()


def _split(route: Any) -> Split:
    if route is None or not route.rules:
        return {}
    targets = next(
        rule for rule in route.rules if any(m.prefix == "/" for m in rule.matches)
    ).targets
    result: Split = {}
    for target in targets:
        label = target.revision or target.service.removesuffix("-predictor").rpartition("-")[2]
        number = int(label[1:])
        result[number] = result.get(number, 0) + target.weight
    return result

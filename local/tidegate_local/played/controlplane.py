"""The control plane of the local plane: its controllers, one step at a time.

No threads, no clock but the injected one, no chance: who steps when is the caller's, so a test can
interleave the controllers in every order and repeat what it found.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tidegate_local.played import garbage, gateway, knative, knative_route, kserve, pods, workloads
from tidegate_local.played.admission import admitter
from tidegate_local.played.objects import Objects
from tidegate_local.played.world import DataPlane, Kubelet, Settings, World

CONTROLLERS: Mapping[str, Callable[[World], None]] = MappingProxyType(
    {
        "kserve": kserve.reconcile,
        "knative-service": knative.services,
        "knative-configuration": knative.configurations,
        "knative-revision": knative.revisions,
        "knative-route": knative_route.reconcile,
        "autoscaler": workloads.autoscale,
        "deployment": workloads.reconcile,
        "kubelet": pods.reconcile,
        "gateway": gateway.reconcile,
        "garbage": garbage.reconcile,
    }
)


class ControlPlane:
    """The controllers over one world. Every step is level-triggered and safe to repeat."""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def names(self) -> tuple[str, ...]:
        """The controllers."""
        return tuple(CONTROLLERS)

    def step(self, name: str) -> bool:
        """One pass of one controller; True when it changed an object."""
        before = self.world.objects.version
        CONTROLLERS[name](self.world)
        return self.world.objects.version != before

    def settle(self, reconciles: int = 300) -> int:
        """Step all in turn until each has found nothing to change. Returns the reconciles it took;
        more than `reconciles` is a RuntimeError, because two controllers undo each other."""
        idle = 0
        for count in range(1, reconciles + 1):
            for name in self.names:
                if self.step(name):
                    idle = 0
                else:
                    idle = idle + 1
                if idle == len(self.names):
                    return count
        raise RuntimeError(
            f"the controllers still change objects after {reconciles} reconciles; last: "
            f"{self.world.events[-3:]}"
        )


def control_plane(
    clock: Callable[[], float],
    kubelet: Kubelet,
    data_plane: DataPlane,
    settings: Settings | None = None,
) -> ControlPlane:
    """A control plane over an empty store. clock: epoch seconds."""
    chosen = settings or Settings()
    objects = Objects(clock, admitter(chosen.default_mode))
    return ControlPlane(World(objects, kubelet, data_plane, chosen))

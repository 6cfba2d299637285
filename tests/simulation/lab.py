"""One lab: clock, control plane, kubelet, data plane and cluster, joined, with words for
scripts."""

from typing import Any

from tests.clock import Clock
from tests.simulation.dataplane import SimDataPlane
from tests.simulation.kubelet import SimKubelet
from tidegate.core.drivers.pod_state import ready_since
from tidegate.core.drivers.rendering import REVISION
from tidegate.core.ports import Capabilities, Done
from tidegate_local.played.api import GATEWAY, ISVC, KSVC, POD, SERVICE, Kind
from tidegate_local.played.cluster import FakeCluster
from tidegate_local.played.controlplane import control_plane
from tidegate_local.played.objects import Object
from tidegate_local.played.world import Settings

NAMESPACE = "team"


class Lab:
    """A cluster in a test. gateway: whether there is one, `gateways/main`, open to all
    namespaces."""

    def __init__(
        self, *, gateway: bool = True, settings: Settings | None = None, delay: float = 0.0
    ) -> None:
        self.clock = Clock(1_700_000_000.0)
        self.kubelet = SimKubelet(self.clock)
        self.data_plane = SimDataPlane(self.clock, delay)
        self.plane = control_plane(self.clock, self.kubelet, self.data_plane, settings)
        self.objects = self.plane.world.objects
        self.cluster = FakeCluster(self.objects, Capabilities(gateway=gateway))
        if gateway:
            self.apply(gateway_manifest())

    def apply(self, manifest: Object) -> Object:
        """Apply as Tidegate, whatever is there; the object as stored. A refusal fails the test."""
        result = self.objects.apply(manifest)
        assert result == Done(), result
        metadata = manifest["metadata"]
        return self.get(
            Kind(manifest["apiVersion"], manifest["kind"]), metadata["name"], metadata["namespace"]
        )

    def get(self, kind: Kind, name: str, namespace: str = NAMESPACE) -> Object:
        """An object that must be there."""
        result = self.objects.get(kind, namespace, name)
        assert result is not None, f"no {kind.kind} {namespace}/{name}"
        return result

    def names(self, kind: Kind) -> list[str]:
        """Names of all objects of a kind in the test's namespace."""
        return [obj["metadata"]["name"] for obj in self.objects.list(kind, NAMESPACE)]

    def settle(self, seconds: float = 0.0) -> None:
        """Let time pass, then every controller until nothing changes."""
        self.clock.advance(seconds)
        self.plane.settle()

    def step(self, *names: str) -> None:
        """One pass of each, in this order."""
        for name in names:
            self.plane.step(name)

    def steps_without(self, *names: str, reconciles: int = 20) -> None:
        """Every controller but these, until nothing is left to do."""
        for _ in range(reconciles):
            self.step(*(name for name in self.plane.names if name not in names))

    def shares(self, name: str, **headers: str) -> dict[str, float]:
        """Percent of requests per revision, as the data plane routes now."""
        return self.data_plane.shares(NAMESPACE, name, tuple(headers.items()))

    def led_to(self, name: str) -> dict[str, float]:
        """Percent of requests per revision, as a Service of this name leads to pods; empty: to none
        that is ready."""
        service = self.objects.get(SERVICE, NAMESPACE, name)
        selector = None
        if service:
            selector = service["spec"].get("selector")
        pods = []
        if selector:
            pods = self.objects.list(POD, NAMESPACE, selector)
        ready = [pod for pod in pods if ready_since(pod) is not None]
        labels = [pod["metadata"]["labels"][REVISION] for pod in ready]
        return {label: 100 * labels.count(label) / len(labels) for label in sorted(set(labels))}

    def history(self, name: str) -> list[dict[str, float]]:
        """Every split that the data plane ever had for an endpoint."""
        return self.data_plane.history(NAMESPACE, name)

    def pointers(self, name: str) -> dict[str, Any]:
        """status.components.predictor of an InferenceService."""
        component: dict[str, Any] = self.get(ISVC, name)["status"]["components"]["predictor"]
        return component

    def knative_traffic(self, name: str) -> str:
        """status.traffic of an InferenceService in a line: `00002 latest 10, 00001 90 prev`."""
        words = []
        for entry in self.pointers(name).get("traffic", ()):
            parts = [entry["revisionName"][-5:], "latest" if entry.get("latestRevision") else ""]
            words.append(
                " ".join(
                    p for p in (*parts, str(entry.get("percent", 0)), entry.get("tag", "")) if p
                )
            )
        return ", ".join(words)

    def ksvc(self, name: str) -> Object:
        """The Knative Service of an InferenceService."""
        return self.get(KSVC, f"{name}-predictor")


def gateway_manifest() -> dict[str, Any]:
    """An open gateway."""
    listener = {
        "name": "http",
        "port": 80,
        "protocol": "HTTP",
        "allowedRoutes": {"namespaces": {"from": "All"}},
    }
    return {
        "apiVersion": GATEWAY.api_version,
        "kind": GATEWAY.kind,
        "metadata": {"name": "main", "namespace": "gateways"},
        "spec": {"gatewayClassName": "local", "listeners": [listener]},
    }

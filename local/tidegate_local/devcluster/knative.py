"""Knative Serving's controller, webhook and autoscaler, as processes.

There is no ingress and no activator: nothing answers requests here. `Ingresses` says of each route
that it is in place, as an ingress controller would, so that routes and services become Ready.
"""

import contextlib
import threading
import time
from dataclasses import dataclass, field

from tidegate_local.devcluster.build import Built
from tidegate_local.devcluster.control_plane import ClusterError, ControlPlane
from tidegate_local.devcluster.fake_nodes import NODE_IP
from tidegate_local.devcluster.kube import Json, Kube, KubeError, definitions, documents, establish

NAMESPACE = "knative-serving"
USER = f"system:serviceaccount:{NAMESPACE}:controller"
_SERVING = "knative.dev/serving"
_NETWORKING = "knative.dev/networking"
_CACHING = "knative.dev/caching"
_INGRESS = "networking.internal.knative.dev/v1alpha1"
_INTERVAL_S = 0.2
# Without an activator every revision must be served by its own pods; images cannot be looked up in
# a registry.
_SETTINGS = {
    "config-deployment": {
        "queue-sidecar-image": "knative.dev/queue:dev",
        "registries-skipping-tag-resolving": "index.docker.io,docker.io,nvcr.io,ghcr.io,quay.io,knative.dev,dev.local",
    },
    "config-autoscaler": {"target-burst-capacity": "0"},
    "config-domain": {"example.com": ""},
}


class Ingresses:
    """Marks every Knative ingress as in place."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="knative-ingresses", daemon=True)

    def start(self) -> None:
        """Begin, on a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when it has."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _loop(self) -> None:
        while not self._stop.wait(_INTERVAL_S):
            with contextlib.suppress(KubeError):  # it comes back by itself
                self.once()

    def once(self) -> int:
        """Mark those that are not marked for their present generation. How many there were."""
        stale = [item for item in self._kube.items(_INGRESS, "Ingress") if not _placed(item)]
        for item in stale:
            meta = item["metadata"]
            path = self._kube.path(_INGRESS, "Ingress", meta["namespace"], meta["name"])
            with contextlib.suppress(KubeError):  # it was deleted meanwhile
                self._kube.patch(f"{path}/status", {"status": _in_place(meta["generation"])})
        return len(stale)


def _no_activator() -> tuple[Json, Json]:
    """The activator's Service without anybody behind it: Knative waits for its endpoints, and where
    there are none it leads requests to the pods."""
    meta = {"name": "activator-service", "namespace": NAMESPACE}
    port = {"name": "http", "port": 80, "targetPort": 8012}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": [port]}}
    return service, {"apiVersion": "v1", "kind": "Endpoints", "metadata": meta}


def _placed(item: Json) -> bool:
    return bool(item.get("status", {}).get("observedGeneration") == item["metadata"]["generation"])


def _in_place(generation: int) -> Json:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    kinds = ("LoadBalancerReady", "NetworkConfigured", "Ready")
    balancer = {"ingress": [{"domainInternal": f"gateway.{NAMESPACE}.svc.cluster.local"}]}
    return {
        "observedGeneration": generation,
        "conditions": [
            {"type": kind, "status": "True", "lastTransitionTime": now} for kind in kinds
        ],
        "publicLoadBalancer": balancer,
        "privateLoadBalancer": balancer,
    }


@dataclass(slots=True)
class Knative:
    """Knative Serving in one dev cluster."""

    plane: ControlPlane
    kube: Kube
    built: Built
    ingresses: Ingresses | None = field(default=None)

    def start(self, seconds: float = 60.0) -> None:
        """Install and start it; returns when its webhook admits objects. Raises ClusterError."""
        self._install()
        for number, name in enumerate(("controller", "webhook", "autoscaler")):
            environ = self._environ(name, number)
            program = str(self.built.program(f"knative-{name}"))
            command = [program, f"--kubeconfig={self.plane.access(USER)}"]
            self.plane.run(f"knative-{name}", command, environ=environ)
        self._await_webhook(seconds)
        self.ingresses = Ingresses(self.kube)
        self.ingresses.start()

    def stop(self) -> None:
        """Stop what is not a process; the supervisor stops the rest."""
        if self.ingresses is not None:
            self.ingresses.stop()

    def _install(self) -> None:
        core = self.built.files(_SERVING, "config/core")
        networking = self.built.files(_NETWORKING, "config")
        crds = [
            *core.glob("300-resources/*.yaml"),
            *core.glob("300-*.yaml"),
            *networking.glob("*.yaml"),
        ]
        crds.append(self.built.files(_CACHING, "config") / "image.yaml")
        establish(self.kube, definitions(*sorted(crds)))
        self.kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        self.kube.apply_all(
            documents(*sorted(core.glob("200-roles/*.yaml")), core / "200-serviceaccount.yaml")
        )
        maps = documents(
            *sorted(core.glob("configmaps/*.yaml")), networking / "config-network.yaml"
        )
        for item in maps:
            item["data"] = _SETTINGS.get(item["metadata"]["name"], {})
            # The checksum of the example that is left out
            item["metadata"].pop("annotations", None)
            self.kube.apply(item)
        self.kube.apply(self._service())
        self.kube.apply_all(_no_activator())
        for hook in documents(*sorted(core.glob("webhooks/*.yaml"))):
            for entry in hook.get("webhooks", []):
                entry["clientConfig"]["service"]["port"] = self.plane.ports.get("knative-webhook")
            self.kube.apply(hook)

    def _service(self) -> Json:
        """The name under which the API server finds the webhook: this machine."""
        port = self.plane.ports.get("knative-webhook")
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "webhook", "namespace": NAMESPACE},
            "spec": {
                "type": "ExternalName",
                "externalName": "localhost",
                "ports": [{"name": "https", "port": port}],
            },
        }

    def _environ(self, name: str, number: int) -> dict[str, str]:
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.plane.places.root),
            "SYSTEM_NAMESPACE": NAMESPACE,
            "CONFIG_LOGGING_NAME": "config-logging",
            "CONFIG_OBSERVABILITY_NAME": "config-observability",
            "METRICS_DOMAIN": "knative.dev/serving",
            "POD_NAME": f"{name}-{number}",
            "POD_IP": NODE_IP,
            "WEBHOOK_NAME": "webhook",
            "WEBHOOK_PORT": str(self.plane.ports.get("knative-webhook")),
            "PROFILING_PORT": "0",
        }

    def _await_webhook(self, seconds: float) -> None:
        """Until a service that is applied for nothing is admitted."""
        probe = {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": {"name": "trial", "namespace": "default"},
            "spec": {"template": {"spec": {"containers": [{"image": "dev.local/trial"}]}}},
        }
        path = "/apis/serving.knative.dev/v1/namespaces/default/services"
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.kube.call("POST", path, probe, query={"dryRun": "All"})
            except KubeError as error:
                if time.monotonic() > deadline:
                    log = self.plane.places.logs / "knative-webhook.log"
                    raise ClusterError(
                        f"Knative's webhook did not answer: {error} (log: {log})"
                    ) from error
                time.sleep(_INTERVAL_S)
            else:
                return

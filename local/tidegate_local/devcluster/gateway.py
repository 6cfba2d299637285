"""Envoy Gateway's controller, as a process: HTTPRoutes and Gateways get their real status.

Its data plane is a Deployment that nobody here can run; `proxy.py` starts the wheel's Envoy in its
place, with exactly the configuration that this controller hands out.
"""

import base64
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tidegate_local.devcluster.build import Built
from tidegate_local.devcluster.control_plane import ClusterError, ControlPlane
from tidegate_local.devcluster.kube import Json, Kube, definitions, establish, ready
from tidegate_local.listeners import require_free

NAME = "envoy-gateway"
NAMESPACE = "envoy-gateway-system"
CLASS = "tidegate-dev"
XDS_PORT = 18000  # fixed in Envoy Gateway's source
_API = "gateway.networking.k8s.io/v1"
_MODULE = "github.com/envoyproxy/gateway"


@dataclass(slots=True)
class EnvoyGateway:
    """Envoy Gateway in one dev cluster."""

    plane: ControlPlane
    kube: Kube
    built: Built

    @property
    def home(self) -> Path:
        """Its working directory; its certificates are in `certs` below."""
        return self.plane.places.root / "gateway"

    def start(self, seconds: float = 60.0) -> None:
        """Install and start it; returns when it has accepted its GatewayClass. Raises ClusterError,
        and PortError where its port is taken."""
        require_free(
            XDS_PORT, "start this dev cluster without the gateway, which listens there", address=""
        )
        folder = self.built.files(_MODULE, "charts/gateway-crds-helm") / "templates" / "generated"
        standard = self.built.files("sigs.k8s.io/gateway-api", "config/crd") / "experimental"
        establish(
            self.kube,
            definitions(*sorted(standard.glob("gateway.*.yaml")), *sorted(folder.glob("*.yaml"))),
        )
        self.kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        self._make_certs()
        (self.home / "config.yaml").write_text(json.dumps(self._config()))
        command = ["env", "-C", str(self.home), self._program, "server", "-c", "config.yaml"]
        self.plane.run(NAME, command, environ=self._environ())
        for manifest in self._class():
            self.kube.apply(manifest)
        path = self.kube.path(_API, "GatewayClass", None, CLASS)
        self.kube.wait(path, lambda result: ready(result, "Accepted"), seconds)

    def gateway(self, namespace: str, name: str, port: int, seconds: float = 30.0) -> Json:
        """Make a Gateway with one HTTP listener `http` for routes of all namespaces; returns it
        when programmed."""
        listener = {
            "name": "http",
            "protocol": "HTTP",
            "port": port,
            "allowedRoutes": {"namespaces": {"from": "All"}},
        }
        self.kube.apply(
            {
                "apiVersion": _API,
                "kind": "Gateway",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {"gatewayClassName": CLASS, "listeners": [listener]},
            }
        )
        path = self.kube.path(_API, "Gateway", namespace, name)
        return self.kube.wait(path, lambda manifest: ready(manifest, "Programmed"), seconds)

    @property
    def _program(self) -> str:
        return str(self.built.program(NAME))

    def _environ(self) -> dict[str, str]:
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.home),
            "KUBECONFIG": str(self.plane.places.kubeconfig),
            "ENVOY_GATEWAY_NAMESPACE": NAMESPACE,
        }

    def _make_certs(self) -> None:
        """Its own command makes Secrets; the controller reads one of them as files."""
        self.home.mkdir(exist_ok=True)
        command = [self._program, "certgen", "--disable-topology-injector"]
        done = subprocess.run(
            command,
            env=self._environ(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd=self.home,
        )
        if done.returncode != 0:
            raise ClusterError(
                f"envoy-gateway certgen failed: {(done.stderr or done.stdout).strip()[-800:]}"
            )
        write_secret(self.kube, "envoy-gateway", self.home / "certs")

    def _config(self) -> Json:
        return {
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": "EnvoyGateway",
            "gateway": {"controllerName": f"gateway.envoyproxy.io/{CLASS}"},
            "provider": {
                "type": "Kubernetes",
                "kubernetes": {
                    "leaderElection": {"disable": True},
                    "proxyTopologyInjector": {"disabled": True},
                },
            },
            "admin": {
                "address": {"host": "127.0.0.1", "port": self.plane.ports.get("gateway-admin")}
            },
            "telemetry": {"metrics": {"prometheus": {"disable": True}}},
        }

    def _class(self) -> tuple[Json, Json]:
        """The class, and how its proxies are: counted by gRPC status, reached inside the cluster
        only (a load balancer's address would never come)."""
        proxy = {
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": "EnvoyProxy",
            "metadata": {"name": CLASS, "namespace": NAMESPACE},
            "spec": {
                "provider": {
                    "type": "Kubernetes",
                    "kubernetes": {"envoyService": {"type": "ClusterIP"}},
                },
                "telemetry": {"metrics": {"enableGRPCStats": True}},
            },
        }
        reference = {
            "group": "gateway.envoyproxy.io",
            "kind": "EnvoyProxy",
            "name": CLASS,
            "namespace": NAMESPACE,
        }
        kind = {
            "apiVersion": _API,
            "kind": "GatewayClass",
            "metadata": {"name": CLASS},
            "spec": {
                "controllerName": f"gateway.envoyproxy.io/{CLASS}",
                "parametersRef": reference,
            },
        }
        return proxy, kind


def write_secret(kube: Kube, name: str, folder: Path) -> None:
    """One of Envoy Gateway's Secrets as files. Raises ClusterError where it does not exist."""
    manifest = kube.get(kube.path("v1", "Secret", NAMESPACE, name))
    if manifest is None:
        raise ClusterError(
            f"there is no Secret {name} in {NAMESPACE}: envoy-gateway certgen did not make it"
        )
    folder.mkdir(mode=0o700, exist_ok=True)
    for key, value in manifest["data"].items():
        file = folder / key
        file.touch(mode=0o600)
        file.write_bytes(base64.b64decode(value))

